"""Active learning by rounds: what is labelled trains a model, whose predictions say what is labelled next.

The first round has no predictions, and selects by `coverage` (random and coreset by themselves, TypiClust then margin
by `typiclust`). After each round a linear classifier is trained on all labels so far; its probabilities for what is not
labelled yet go to the next selection, and its accuracy is the result. It sees the features of another network than the
selection does. What was selected in all rounds is the base of the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import Rows
from benchmarks.probes import FewLabelsProbe
from benchmarks.selection_tracks import MOST_OF_POOL, RANDOM_DRAWS, RULES, Floats, Results
from curation.labels.scorers import margin
from curation.params.select import SelectParams
from curation.selection.greedy.search import combined
from curation.selection.objectives import Diverse, Fixed, Objectives
from curation.selection.rules.active import active

ROUNDS, PICKS_A_ROUND = 5, 20


@dataclass(frozen=True)
class State:
    """What a round knows.

    Attributes:
        embeddings: (n, d) float32, of what may be selected.
        base: (m, d) float32, of what is labelled.
        uncertainty: (n,) float64, margin of the model's probabilities.
        gradients: returns the vectors whose products they are, (n, c) and (n, d), see `FewLabelsProbe.gradients`.
        seed: of the methods that draw.
    """

    embeddings: Floats
    base: Floats
    uncertainty: NDArray[np.float64]
    gradients: Callable[[], tuple[NDArray[np.float64], NDArray[np.float64]]]
    seed: int


Method = Callable[[State, int], Rows]


def _rule(name: str) -> Method:
    return lambda state, count: RULES[name](state.embeddings, state.base, count, state.seed).picks


def _active(power: float) -> Method:
    return lambda state, count: (
        active(
            state.embeddings, state.base, count, rare=SelectParams().rare, uncertainty=state.uncertainty, power=power
        ).picks
    )


def most_uncertain(state: State, count: int) -> Rows:
    """Return the rows of least margin."""
    return np.argsort(-state.uncertainty, kind="stable")[:count]


def product(state: State, count: int) -> Rows:
    """Return the picks of the strategies WEIGHTS by uncertainty and DIVERSITY."""
    uncertain, far = Fixed(0, np.maximum(state.uncertainty, 1e-12), 1.0), Diverse(1, None, 1.0)
    return combined(state.embeddings, state.base, count, None, Objectives([uncertain], [far])).traversal.picks


def badge(state: State, count: int) -> Rows:
    """Return a draw by k-means++ on gradients.

    J. T. Ash, C. Zhang, A. Krishnamurthy, J. Langford and A. Agarwal, Deep batch active learning by diverse, uncertain
    gradient lower bounds, ICLR 2020. The first is the one with the largest gradient, as in the authors' program.
    """
    (left, right), rng = state.gradients(), np.random.default_rng(state.seed)
    norms = np.square(left).sum(axis=1) * np.square(right).sum(axis=1)
    picks, squared = [int(norms.argmax())], np.full(len(norms), np.inf)
    while len(picks) < count:
        last = picks[-1]
        to_last = norms + norms[last] - 2 * (left @ left[last]) * (right @ right[last])
        squared = np.minimum(squared, np.maximum(to_last, 0))
        squared[picks] = 0
        picks.append(int(rng.choice(len(norms), p=squared / squared.sum())))
    return np.array(picks, dtype=np.int64)


METHODS: Mapping[str, tuple[Method, Method]] = {
    "random": (_rule("random"), _rule("random")),
    "coreset": (_rule("coreset"), _rule("coreset")),
    "coverage": (_rule("coverage"), _rule("coverage")),
    "uncertainty": (_rule("coverage"), most_uncertain),
    "uncertainty x DIVERSITY": (_rule("coverage"), product),
    "BADGE": (_rule("coverage"), badge),
    "TypiClust, then margin": (_rule("typiclust"), most_uncertain),
    "active": (_rule("coverage"), _active(2)),
    "active, power 1": (_rule("coverage"), _active(1)),
    "active, power 4": (_rule("coverage"), _active(4)),
}
"""The first round's method, and that of the others."""


def run_rounds(track: str, embeddings: Floats, pool: Rows, probe: FewLabelsProbe, seed: int, results: Results) -> None:
    """Let every method select round by round, and add the accuracies from the second round on.

    Args:
        track: name.
        embeddings: (k, d), of the pool.
        pool: (k,) rows.
        probe: the model.
        seed: of the methods that draw.
        results: are added to; rounds that are too large for the pool are left out.
    """
    rounds = min(ROUNDS, int(MOST_OF_POOL * len(pool)) // PICKS_A_ROUND)
    for name, methods in METHODS.items():
        seeds = [seed * RANDOM_DRAWS + draw for draw in range(RANDOM_DRAWS)] if name == "random" else [seed]
        curves = [accuracies(embeddings, pool, probe, methods, rounds, one) for one in seeds]
        for place, value in enumerate(np.mean(curves, axis=0)[1:], start=2):
            results.add(f"{track}, {PICKS_A_ROUND} labels a round: accuracy", name, place * PICKS_A_ROUND, value)


def accuracies(
    embeddings: Floats, pool: Rows, probe: FewLabelsProbe, methods: tuple[Method, Method], rounds: int, seed: int
) -> list[float]:
    """Return the accuracy after each round, in percent."""
    chosen, found = np.empty(0, np.int64), list[float]()
    for number in range(rounds):
        left = np.setdiff1d(np.arange(len(pool)), chosen)
        uncertainty = np.ones(len(left))
        if number:
            told = probe.probabilities(np.sort(pool[chosen]), pool[left]).tolist()
            uncertainty = np.array([margin(each) for each in told])
        state = State(
            embeddings[left],
            embeddings[np.sort(chosen)],
            uncertainty,
            lambda left=left, chosen=chosen: probe.gradients(np.sort(pool[chosen]), pool[left]),  # type: ignore[misc]
            seed,
        )
        picks = methods[min(number, 1)](state, PICKS_A_ROUND)
        chosen = np.concatenate([chosen, left[picks]])
        found.append(probe.accuracy(pool[chosen]))
    return found
