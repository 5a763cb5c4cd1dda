"""What a selection rule says of itself.

All rules take the same arguments and return the same, whatever they choose by. Candidates and base are sorted by
filename, so the order of files has no influence, and the lower filename wins ties. A rule returns exactly as many
distinct candidates as asked for (all, if there are no more), unless a smallest distance ends it before: then every
candidate left is nearer than that to something selected. What covers each candidate is computed alike for every rule.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.selection.traversal import Traversal


@dataclass(frozen=True)
class Options:
    """Arguments that only some rules need.

    Attributes:
        seed: of rules that draw.
        rare: how much more rare candidates count.
        uncertainty: (n,) float64 from 0 to 1, how uncertain a model is of each; empty where no rule needs it.
        raw_paths: n raw files that the candidates come from.
        times: (n,) float64 seconds from the start of the video, NaN for images.
    """

    seed: int
    rare: float
    uncertainty: NDArray[np.float64]
    raw_paths: Sequence[str]
    times: NDArray[np.float64]


OPTIONS: Mapping[str, str] = {
    "seed": "`select.seed`",
    "rare": "`select.rare`",
    "uncertainty": "predictions, `select.task` and `select.score`",
    "raw_paths": "the raw file of each sample",
    "times": "the time of each frame",
}
"""What each of the options is, for the docs."""


@dataclass(frozen=True)
class Example:
    """A known answer, which the tests check: points on the unit circle, which a person can follow.

    The options are seed 1, `rare` 0.5, one video and a frame a second; the uncertainty falls from 1 by a tenth a
    candidate, down to 0.

    Attributes:
        candidates: in degrees.
        base: in degrees.
        picks: rows of candidates in order of selection; as many as are asked for.
    """

    candidates: tuple[float, ...]
    base: tuple[float, ...]
    picks: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """A selection rule, `select.method`.

    Attributes:
        pick: takes candidates, base, limit and threshold (see `curation.selection.rules.registry.choose`), and by name
            what stands in `options`.
        sentence: what it picks, in a clause that report and docs make a sentence of.
        source: who described it.
        options: which attributes of `Options` it takes.
        example: a known answer.
        advice: what it is good for, in a few words; empty: nothing in particular.
    """

    pick: Callable[..., Traversal]
    sentence: str
    source: str
    example: Example
    options: tuple[str, ...] = ()
    advice: str = ""
