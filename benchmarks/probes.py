"""Linear classifiers that show how much features, or a choice of labelled pictures, are good for; and intervals."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import t

FOLDS = 5
REPEATS = 4
PENALTY = 0.01
"""Factor of half the sum of squared weights in the classifier's loss, features having unit variance."""
_C = 10.0
"""scikit-learn's inverse penalty of the probe on few labels, features having unit length."""


def folds(classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deal the images of each class out to the folds: (n,), the fold of each image."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(classes), np.int64)
    for name in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == name))
        fold[members] = (np.arange(len(members)) + rng.integers(FOLDS)) % FOLDS
    return fold


def fitted_classifier(features: NDArray[np.float64], classes: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Fit a multinomial logistic regression.

    Args:
        features: (n, d), the last column all ones.
        classes: (n,), 0 to `count` - 1.
        count: number of classes.

    Returns:
        (d, count).
    """
    targets = np.eye(count)[classes]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, count)
        scores = features @ weights
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        gradient = features.T @ (np.exp(logs) - targets) / len(features)
        gradient[:-1] += PENALTY * weights[:-1]
        return float(
            -(targets * logs).sum() / len(features) + PENALTY / 2 * (weights[:-1] ** 2).sum()
        ), gradient.ravel()

    found = minimize(loss, np.zeros(features.shape[1] * count), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    weights: NDArray[np.float64] = found.x.reshape(-1, count)
    return weights


def cross_validated(embeddings: NDArray[np.float32], classes: NDArray[np.int64], repeats: int = REPEATS) -> float:
    """Return the share of images that a linear classifier, fitted without them, puts into their class.

    Each value is scaled to unit variance before, so values of little variance count as much as others: with few
    images, long embeddings of few meaningful values do worse than short ones.

    Args:
        embeddings: (n, d).
        classes: (n,), 0 upwards.
        repeats: how often, with other folds.
    """
    right = 0
    for repeat in range(repeats):
        fold = folds(classes, repeat)
        for number in range(FOLDS):
            known = fold != number
            mean, deviation = embeddings[known].mean(axis=0), embeddings[known].std(axis=0)
            features = np.c_[(embeddings - mean) / np.maximum(deviation, 1e-12), np.ones(len(embeddings))]
            features = features.astype(np.float64)
            weights = fitted_classifier(features[known], classes[known], int(classes.max()) + 1)
            right += int(np.sum((features[~known] @ weights).argmax(axis=1) == classes[~known]))
    return right / (repeats * len(classes))


class FewLabelsProbe:
    """Trains a linear classifier on few labelled pictures and tests it on others, all by the same features."""

    def __init__(
        self,
        features: NDArray[np.float32],
        classes: NDArray[np.int64],
        pool: NDArray[np.int64],
        test: NDArray[np.int64],
    ) -> None:
        """Centre the features on the mean of the unlabelled pool, and scale them to unit length.

        Args:
            features: (n, d).
            classes: (n,).
            pool: rows that may be labelled.
            test: rows to test on.
        """
        centred = features.astype(np.float64) - features[pool].mean(axis=0, dtype=np.float64)
        self._values = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
        self._classes, self._test = classes, test
        self._known: dict[bytes, float] = {}

    def accuracy(self, labelled: NDArray[np.int64]) -> float:
        """Return the accuracy in percent, the mean over the classes of the test, whatever their sizes.

        Args:
            labelled: rows whose labels are known.
        """
        key = np.sort(labelled).tobytes()
        if key not in self._known:
            told = self._classes[self._test]
            likely = self.probabilities(np.sort(labelled), self._test)
            right = np.unique(self._classes[labelled])[likely.argmax(axis=1)] == told
            self._known[key] = 100 * float(np.mean([right[told == kind].mean() for kind in np.unique(told)]))
        return self._known[key]

    def probabilities(self, labelled: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what a classifier tells of pictures, (r, c): a probability for each class that it knows, in order.

        Args:
            labelled: rows whose labels are known.
            rows: r rows to tell of.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        classes = self._classes[labelled]
        if len(np.unique(classes)) == 1:
            return np.ones((len(rows), 1))
        # The weights lie in the span of the labelled pictures: among so few coordinates the same ones are found sooner.
        left, sizes, right = np.linalg.svd(self._values[labelled], full_matrices=False)
        span = sizes > 1e-9 * sizes[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe = LogisticRegression(C=_C, max_iter=200, tol=1e-3).fit(left[:, span] * sizes[span], classes)
        found: NDArray[np.float64] = probe.predict_proba(self._values[rows] @ right[span].T)
        return found

    def gradients(
        self, labelled: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the gradients of the loss by the weights, were the likeliest class right, as products of two vectors.

        Args:
            labelled: rows whose labels are known.
            rows: r rows.

        Returns:
            (r, c) and (r, d): the gradient of a row is the outer product of its two vectors.
        """
        likely = self.probabilities(labelled, rows)
        likely[np.arange(len(rows)), likely.argmax(axis=1)] -= 1
        return likely, self._values[rows]


def interval(differences: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean of some differences and the ends of its 95 % interval (Student's t)."""
    mean, n = float(np.mean(differences)), len(differences)
    half = float(t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / n**0.5) if n > 1 else float("inf")
    return mean, mean - half, mean + half


def difference(ours: NDArray[np.float64], others: NDArray[np.float64]) -> str:
    """Return the mean difference of paired values with half its 95 % interval, as text."""
    mean, low, _ = interval(ours - others)
    return f"{mean:+.1f}" if len(ours) < 2 else f"{mean:+.1f} ± {mean - low:.1f}"
