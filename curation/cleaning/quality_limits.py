"""Samples that are dropped for their looks: their figures are held against the limits in `params.yaml`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class QualityLimit:
    """One limit of a quality figure.

    Attributes:
        parameter: its name in `params.yaml`, such as `clean.min_contrast`.
        column: of the sample table.
        value: the limit itself is still allowed.
        is_minimum: whether figures below it are dropped; else those above.
    """

    parameter: str
    column: str
    value: float
    is_minimum: bool

    @property
    def reason(self) -> str:
        """The fault of a sample beyond the limit, in words."""
        figure = self.column.replace("_", " ")
        return f"{figure} {'below' if self.is_minimum else 'above'} {self.parameter} ({self.value:g})"


def quality_limits(
    *,
    min_luma: float | None,
    max_luma: float | None,
    min_contrast: float | None,
    min_sharpness: float | None,
    max_uniform_rows: float | None,
) -> list[QualityLimit]:
    """Return the limits that are set; meaning and unit of each as in `params.yaml`, section `clean`."""
    everything = [
        ("clean.min_luma", "luma_mean", min_luma, True),
        ("clean.max_luma", "luma_mean", max_luma, False),
        ("clean.min_contrast", "contrast", min_contrast, True),
        ("clean.max_uniform_rows", "uniform_rows", max_uniform_rows, False),
        ("clean.min_sharpness", "sharpness", min_sharpness, True),
    ]
    return [QualityLimit(name, column, value, low) for name, column, value, low in everything if value is not None]


def beyond_limits(samples: pd.DataFrame, limits: Sequence[QualityLimit]) -> pd.DataFrame:
    """Find the samples beyond a limit.

    Args:
        samples: with the quality figures; NaN is beyond no limit.
        limits: the first one that a sample is beyond is its reason.

    Returns:
        Index as in `samples`, columns `reason` (empty for samples within all limits) and `figure` (NaN for those).
    """
    found = pd.DataFrame({"reason": "", "figure": np.nan}, index=samples.index)
    for limit in reversed(limits):
        figures = samples[limit.column]
        beyond = figures < limit.value if limit.is_minimum else figures > limit.value
        found.loc[beyond, "reason"] = limit.reason
        found.loc[beyond, "figure"] = figures[beyond]
    return found
