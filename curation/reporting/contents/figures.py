"""The kinds of values in the report, and what groups of them have in common."""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: object) -> object:
    """Round to six significant digits, beyond which numbers differ between machines; NaN and infinity become None."""
    if value is None or not math.isfinite(float(str(value))):
        return None
    return float(f"{float(str(value)):.6g}")


Count = Annotated[int, Field(ge=0)]


Real = Annotated[float, BeforeValidator(_finite)]


OptionalReal = Annotated[float | None, BeforeValidator(_finite)]
SubsetSize = Annotated[Count | None, Field(exclude_if=lambda size: size is None)]
"""Samples of the seeded subset that a figure rests on; None, and not written, where it rests on all."""


class Figures(BaseModel):
    """Values that belong together and never change once computed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(Figures):
    """Smallest, mean and largest of a set of distances."""

    min: OptionalReal
    mean: OptionalReal
    max: OptionalReal
