"""Limits of quality figures: the limit itself is allowed, the first limit that is broken is the reason."""

import numpy as np
import pandas as pd

from curation.cleaning.quality_limits import beyond_limits, quality_limits

NONE = {"min_luma": None, "max_luma": None, "min_contrast": None, "min_sharpness": None, "max_uniform_rows": None}


def _samples(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_without_limits_nothing_is_found() -> None:
    found = beyond_limits(_samples(luma_mean=[0.0, 255.0]), quality_limits(**NONE))
    assert found["reason"].tolist() == ["", ""]
    assert found["figure"].isna().all()


def test_the_limit_itself_is_allowed_and_the_figure_is_named() -> None:
    samples = _samples(luma_mean=[9.99, 10.0, 200.0, 200.5], contrast=[1.0, 1.0, 1.0, 1.0])
    found = beyond_limits(samples, quality_limits(**NONE | {"min_luma": 10.0, "max_luma": 200.0}))
    assert found["reason"].tolist() == [
        "luma mean below clean.min_luma (10)", "", "", "luma mean above clean.max_luma (200)"
    ]  # fmt: skip
    np.testing.assert_array_equal(found["figure"], [9.99, np.nan, np.nan, 200.5])


def test_the_first_broken_limit_is_the_reason_and_nan_breaks_none() -> None:
    samples = _samples(contrast=[0.1, 9.0, np.nan], uniform_rows=[1.0, 1.0, np.nan], sharpness=[0.0, 0.0, 0.0])
    limits = quality_limits(**NONE | {"min_contrast": 0.5, "max_uniform_rows": 0.9, "min_sharpness": 5.0})
    found = beyond_limits(samples, limits)
    assert [reason.split(" ")[0] for reason in found["reason"]] == ["contrast", "uniform", "sharpness"]
    assert found["figure"].tolist() == [0.1, 1.0, 0.0]
