"""The selections that `benchmarks.select_quality` and `benchmarks.backbones` judge, and how they are judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import Rows
from benchmarks.probes import FewLabelsProbe, difference
from curation.params.select import SelectParams
from curation.selection.rule import Options
from curation.selection.rules import registry
from curation.selection.traversal import Traversal

Floats = NDArray[np.float32]
Rule = Callable[[Floats, Floats, int, int], Traversal]
"""Candidates, base, number of picks, seed."""


def _with_defaults(name: str) -> Rule:
    """Return a rule with the default values of its parameters."""

    def rule(new: Floats, base: Floats, count: int, seed: int) -> Traversal:
        options = Options(seed, SelectParams().rare, np.empty(0), (), np.empty(0))
        return registry.choose(name, new, base, count, None, options)

    return rule


RULES: Mapping[str, Rule] = {
    name: _with_defaults(name)
    for name in ("random", *(name for name in registry.RULES if name != "random"))
    if not {"times", "uncertainty"}.intersection(registry.RULES[name].options)
}
"""All but those that need times or predictions; `random`, with which they are compared, is the first."""

RANDOM_DRAWS = 5
"""Draws that each value of `random` is the mean of: a single one is less certain than what it is compared with."""
MOST_OF_POOL = 0.7
"""Share of a pool above which a budget is left out: whoever labels nearly everything need not choose."""


@dataclass
class Results:
    """Values of all seeds, by figure, rule and budget."""

    scores: dict[tuple[str, str, int], list[float]] = field(default_factory=dict)

    def add(self, figure: str, rule: str, budget: int, value: float) -> None:
        """Append the value of one seed."""
        self.scores.setdefault((figure, rule, budget), []).append(value)

    def budgets(self, figure: str) -> list[int]:
        """Return the budgets of a figure that every seed has: the pools of an unequal set differ in size."""
        counts = {budget: len(values) for (name, _, budget), values in self.scores.items() if name == figure}
        return sorted(budget for budget, count in counts.items() if count == max(counts.values()))

    def of(self, figure: str, rule: str, budgets: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return the mean over budgets, over all if none are given, for each seed."""
        wanted = self.budgets(figure) if budgets is None else budgets
        mean: NDArray[np.float64] = np.mean([self.scores[figure, rule, budget] for budget in wanted], axis=0)
        return mean


def judge(
    track: str,
    embeddings: Floats,
    pool: Rows,
    classes: Rows,
    probes: Mapping[str, FewLabelsProbe],
    budgets: Sequence[int],
    seed: int,
    results: Results,
) -> None:
    """Select from a pool by every rule, and add the accuracies and the share of classes found to the results.

    Args:
        track: name.
        embeddings: (k, d), of the pool.
        pool: (k,) rows.
        classes: (n,), of all rows.
        probes: by the name of their features.
        budgets: numbers of picks; those that are too large for the pool are left out.
        seed: of the rules that have one.
        results: are added to.
    """
    kinds = len(np.unique(classes))
    for budget in (budget for budget in budgets if budget <= MOST_OF_POOL * len(pool)):
        for name, rule in RULES.items():
            seeds = [seed * RANDOM_DRAWS + draw for draw in range(RANDOM_DRAWS)] if name == "random" else [seed]
            chosen = [pool[rule(embeddings, embeddings[:0], budget, one).picks] for one in seeds]
            for features, probe in probes.items():
                value = float(np.mean([probe.accuracy(rows) for rows in chosen]))
                results.add(f"{track}: accuracy by {features}", name, budget, value)
            found = float(np.mean([len(np.unique(classes[rows])) for rows in chosen]))
            results.add(f"{track}: classes found", name, budget, 100 * found / kinds)


def table(results: Results, baselines: Sequence[str] = ("random",)) -> str:
    """Return all figures as text.

    Args:
        results: of all seeds.
        baselines: rules whose values are subtracted from those of the others.
    """
    lines = []
    for figure in dict.fromkeys(name for name, _, _ in results.scores):
        budgets = results.budgets(figure)
        lines.append(f"\n{figure}, %; the difference is that of the means")
        head = "".join(f"{budget:>8}" for budget in budgets)
        lines.append(f"{'':<24}{head}{'mean':>8}" + "".join(f"{f'- {name}':>15}" for name in baselines))
        for name in dict.fromkeys(rule for key, rule, _ in results.scores if key == figure):
            values = "".join(f"{results.of(figure, name, [budget]).mean():>8.1f}" for budget in budgets)
            ours = results.of(figure, name)
            gaps = ["" if name == other else difference(ours, results.of(figure, other)) for other in baselines]
            lines.append((f"{name:<24}{values}{ours.mean():>8.1f}" + "".join(f"{gap:>15}" for gap in gaps)).rstrip())
    return "\n".join(lines)
