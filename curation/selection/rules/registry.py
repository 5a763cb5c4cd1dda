"""All rules by name, and choosing by one of them."""

import numpy as np
from numpy.typing import NDArray

from curation.core import markdown
from curation.core.registry import discover
from curation.selection.rule import OPTIONS, Options, Rule
from curation.selection.traversal import Traversal

RULES = discover(__name__, "RULE", Rule)
"""By the names that `select.method` takes."""

STRATEGIES = "strategies"
"""What stands in place of a rule's name where `select.strategies` are set."""


def choose(
    method: str,
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    options: Options,
) -> Traversal:
    """Choose by a rule.

    Args:
        method: name of the rule.
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32, selected before, sorted by filename.
        limit: picks at most.
        threshold: smallest squared distance of a pick to everything selected.
        options: what only some rules need.
    """
    rule = RULES[method]
    return rule.pick(candidates, base, limit, threshold, **{name: getattr(options, name) for name in rule.options})


def sentence_of(method: str) -> str:
    """Return what a rule picks, or what the strategies that take its place do, which the report calls `strategies`."""
    if method == STRATEGIES:
        return "each pick is the candidate with the largest product of its objectives"
    return RULES[method].sentence


def reference() -> str:
    """Return the page of the reference that describes every rule."""
    rows = [
        (
            f"`{name}`",
            rule.sentence,
            rule.advice or "—",
            ", ".join(OPTIONS[option] for option in rule.options) or "—",
            rule.source or "—",
        )
        for name, rule in RULES.items()
    ]
    return (
        "# Rules\n\n"
        "`select.method` names one of them. Each is a file of `curation/selection/rules`.\n\n"
        f"{markdown.table(['rule', 'what it picks', 'good for', 'what it needs besides embeddings', 'source'], rows)}"
    )
