"""How good the labels are that each selection rule asks for. All figures of a table are from one run.

`python -m benchmarks.select_quality`
`python -m benchmarks.select_quality --folder FOLDER` for pictures of your own, one folder a class

Samples are selected, labelled, and a linear probe (logistic regression) is trained on them; its accuracy on balanced
pictures that were kept apart is what counts. Tracks:

- balanced: as many candidates of each class;
- long tail: the most frequent class has 100 times as many as the rarest, in geometric steps, classes in random order;
- incremental: five batches, each with two classes more frequent than the others, 20 picks each, where each selection
  builds on those before;
- video: frames of scenes that drift slowly; how many distinct scenes are found.

Every rule gets the same data, split anew by each seed. Beside the mean stands the mean difference to random and to
DIVERSITY with its 95 % interval over paired seeds. DIVERSITY is greedy k-center, DIVERSITY x TYPICALITY its product
with typicality: the rules that users of other products know.

scikit-learn (the digits and the probe) is no dependency of this project: `pip install scikit-learn`.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import stats

from benchmarks.select_speed import video_like
from stages.selection.coreset import coreset
from stages.selection.coverage import coverage
from stages.selection.diversity_typicality import diversity_typicality
from stages.selection.kmeans import kmeans
from stages.selection.random import random
from stages.selection.traversal import Traversal

Rule = Callable[[NDArray[np.float32], NDArray[np.float32], int, int], Traversal]
"""Candidates, base, number of picks, seed."""

RULES: dict[str, Rule] = {
    "random": lambda new, base, count, seed: random(new, base, count, seed=seed),
    "DIVERSITY": lambda new, base, count, seed: coreset(new, base, count),
    "DIVERSITY x TYPICALITY": lambda new, base, count, seed: diversity_typicality(new, base, count),
    "kmeans": lambda new, base, count, seed: kmeans(new, base, count, seed=seed),
    "coverage": lambda new, base, count, seed: coverage(new, base, count, rare=0.5),
}
BUDGETS = (10, 50, 100, 500)
BATCHES, BATCH_SIZE, PICKS_A_BATCH, SKEW = 5, 260, 20, 8
LONG_TAIL = 100
SIDE = 16
FEATURES = 64

Scores = dict[tuple[str, str, int], list[float]]
"""Values by seed of a figure, by its name, rule and budget."""


@dataclass(frozen=True)
class Labelled:
    """Unit vectors, (n, d) float32, and their classes, (n,) int64."""

    vectors: NDArray[np.float32]
    classes: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> "Labelled":
        """Return some of them."""
        return Labelled(self.vectors[rows], self.classes[rows])


@dataclass
class Results:
    """All figures so far."""

    scores: Scores = field(default_factory=dict)

    def add(self, figure: str, rule: str, budget: int, value: float) -> None:
        """Append the value of one seed."""
        self.scores.setdefault((figure, rule, budget), []).append(value)

    def of(self, figure: str, rule: str, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Return the mean over budgets for each seed."""
        values = np.array([self.scores[figure, rule, budget] for budget in budgets], dtype=np.float64)
        mean: NDArray[np.float64] = values.mean(axis=0)
        return mean


def digits() -> Labelled:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    return Labelled(_unit(pixels), classes.astype(np.int64))


def folder_of_classes(folder: Path) -> Labelled:
    """Return pictures as principal components of their pixels at 16 x 16; each sub-folder is a class.

    Args:
        folder: with a sub-folder for each class.
    """
    names = sorted(path for path in folder.iterdir() if path.is_dir())
    rows, classes = [], []
    for number, name in enumerate(names):
        for file in sorted(name.rglob("*")):
            if file.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".bmp"}:
                with Image.open(file) as picture:
                    small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
                rows.append(np.asarray(small, dtype=np.float64).ravel() / 255)
                classes.append(number)
    if len(set(classes)) < 2:
        raise click.ClickException(f"{folder} has no two sub-folders with pictures")
    pixels = np.array(rows)
    pixels -= pixels.mean(axis=0)
    directions = np.linalg.svd(pixels, full_matrices=False)[2][:FEATURES]
    return Labelled(_unit(pixels @ directions.T), np.array(classes, dtype=np.int64))


def split(data: Labelled, rng: np.random.Generator) -> tuple[Labelled, Labelled]:
    """Shuffle, and keep 28 % of each class apart for the test."""
    order = rng.permutation(len(data.classes))
    test = np.zeros(len(order), dtype=bool)
    for number in range(int(data.classes.max()) + 1):
        rows = np.flatnonzero(data.classes[order] == number)
        test[rows[: round(0.28 * len(rows))]] = True
    return data.take(order[~test]), data.take(order[test])


def long_tailed(data: Labelled, rng: np.random.Generator) -> Labelled:
    """Thin the classes out, so that the rarest has a hundredth of the most frequent one's samples, at least one."""
    kinds = rng.permutation(int(data.classes.max()) + 1)
    largest = np.bincount(data.classes).min()
    keep = []
    for place, kind in enumerate(kinds):
        count = max(1, round(largest * LONG_TAIL ** (-place / max(1, len(kinds) - 1))))
        keep.append(np.flatnonzero(data.classes == kind)[:count])
    return data.take(rng.permutation(np.concatenate(keep)))


def batches(data: Labelled, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Draw five disjoint batches of rows; two classes of ten are eight times as likely as others in each."""
    kinds = rng.permutation(int(data.classes.max()) + 1)
    left = np.ones(len(data.classes), dtype=bool)
    drawn = []
    size = min(BATCH_SIZE, len(left) // BATCHES)
    for favoured in np.array_split(kinds, BATCHES):
        rows = np.flatnonzero(left)
        weight = np.where(np.isin(data.classes[rows], favoured), float(SKEW), 1.0)
        batch = np.sort(rng.choice(rows, size, replace=False, p=weight / weight.sum()))
        left[batch] = False
        drawn.append(batch)
    return drawn


def probe_accuracy(labelled: Labelled, test: Labelled) -> float:
    """Return the accuracy in percent of a linear probe."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(set(labelled.classes.tolist())) == 1:
        return 100 * float((test.classes == labelled.classes[0]).mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(C=100, max_iter=300).fit(labelled.vectors, labelled.classes)
    return 100 * float(probe.score(test.vectors, test.classes))


def class_entropy(classes: NDArray[np.int64], kinds: int) -> float:
    """Return the entropy of the classes in percent of the largest possible."""
    shares = np.bincount(classes, minlength=kinds) / len(classes)
    known = shares[shares > 0]
    return 100 * float(-(known * np.log(known)).sum() / np.log(kinds))


def run_seed(data: Labelled, seed: int, results: Results) -> None:
    """Run all tracks with labels for one seed."""
    rng = np.random.default_rng(seed)
    train, test = split(data, rng)
    kinds = int(data.classes.max()) + 1
    nothing = train.vectors[:0]
    for track, pool in (("balanced", train), ("long tail", long_tailed(train, rng))):
        for budget in (budget for budget in BUDGETS if budget < len(pool.classes)):
            for name, rule in RULES.items():
                chosen = pool.take(rule(pool.vectors, nothing, budget, seed).picks)
                results.add(f"{track}: accuracy", name, budget, probe_accuracy(chosen, test))
                results.add(f"{track}: classes found", name, budget, 100 * len(set(chosen.classes.tolist())) / kinds)
                results.add(f"{track}: class entropy", name, budget, class_entropy(chosen.classes, kinds))
    drawn = batches(train, rng)
    for name, rule in RULES.items():
        selected = np.empty(0, np.int64)
        for batch in drawn:
            found = rule(train.vectors[batch], train.vectors[selected], PICKS_A_BATCH, seed)
            selected = np.concatenate([selected, batch[found.picks]])
        results.add("incremental: accuracy", name, len(selected), probe_accuracy(train.take(selected), test))


def run_video(seed: int, results: Results) -> None:
    """Find scenes in 6,000 frames."""
    rng = np.random.default_rng(seed)
    frames, scenes = video_like(6000, 64, seed), np.zeros(6000, np.int64)
    cuts = np.flatnonzero(((frames[1:] - frames[:-1]) ** 2).sum(axis=1) > 0.5) + 1
    scenes[cuts] = 1
    scenes = np.cumsum(scenes)
    order = rng.permutation(len(frames))
    for budget in (10, 50, 100):
        for name, rule in RULES.items():
            picks = order[rule(frames[order], frames[:0], budget, seed).picks]
            found = len(set(scenes[picks].tolist()))
            results.add("video: scenes found", name, budget, 100 * found / min(budget, int(scenes.max()) + 1))


def difference(ours: NDArray[np.float64], others: NDArray[np.float64]) -> str:
    """Return the mean difference over paired seeds with its 95 % interval (Student's t)."""
    gaps = ours - others
    if len(gaps) < 2:
        return f"{gaps.mean():+.1f}"
    half = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / len(gaps) ** 0.5
    return f"{gaps.mean():+.1f} ± {half:.1f}"


def table(results: Results) -> str:
    """Return all figures as text."""
    lines = []
    for figure in dict.fromkeys(name for name, _, _ in results.scores):
        budgets = sorted({budget for name, _, budget in results.scores if name == figure})
        groups: list[tuple[int, ...]] = [(budget,) for budget in budgets]
        few = tuple(budget for budget in budgets if budget <= 100)
        if len(few) > 1:
            groups.append(few)
        heads = [str(group[0]) if len(group) == 1 else "mean" for group in groups]
        lines.append(f"\n{figure}, %; the mean is over budgets up to 100, and so are the differences")
        head = "".join(f"{head:>8}" for head in heads)
        lines.append(f"{'':<24}{head}{'- random':>16}{'- DIVERSITY':>16}")
        for name in RULES:
            values = "".join(f"{results.of(figure, name, group).mean():>8.1f}" for group in groups)
            ours = results.of(figure, name, groups[-1])
            gaps = [difference(ours, results.of(figure, other, groups[-1])) for other in ("random", "DIVERSITY")]
            lines.append(f"{name:<24}{values}{gaps[0]:>16}{gaps[1]:>16}")
    return "\n".join(lines)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return unit


@click.command()
@click.option("--seeds", default=10, show_default=True, help="Repetitions with other splits.")
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures, folder = class."
)
def main(seeds: int, folder: Path | None) -> None:
    """Compare selection rules by the labels that they ask for."""
    if find_spec("sklearn") is None:
        raise click.ClickException("this benchmark needs scikit-learn: pip install scikit-learn")
    data = digits() if folder is None else folder_of_classes(folder)
    results = Results()
    for seed in range(seeds):
        run_seed(data, seed, results)
        run_video(seed, results)
    kinds = int(data.classes.max()) + 1
    click.echo(f"{folder or 'digits'}: {len(data.classes)} pictures of {kinds} classes, {seeds} seeds")
    click.echo(table(results))


if __name__ == "__main__":
    main()
