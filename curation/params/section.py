"""How parameters are declared: type, range, default and description stand in a field, and nowhere else.

The comments of `params.yaml`, the pages of `docs/reference`, `--help` and the JSON schema are made from the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

Count = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Real = Annotated[float, Field(allow_inf_nan=False)]
FilePath = Annotated[str, StringConstraints(strict=True, min_length=1)]

EXTENSION_PATTERN = r"^[a-z0-9]+$"
Extension = Annotated[str, StringConstraints(strict=True, pattern=EXTENSION_PATTERN)]

FILE = "the path of a file"
DISTANCE = "Euclidean distance between unit-length embeddings"


class Section(BaseModel):
    """One section of `params.yaml`: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class About:
    """What a parameter's field says besides type, range, default and description: its `json_schema_extra`.

    Attributes:
        unit: of a number, in the plural, as in `pixels`.
        null: what null stands for, as in `no limit`.
        values: what each of the names stands for that the parameter may have.
        form: what the parameter must be, where type and range do not say it, as in `the path of a file`.
        read_by: stages whose outputs depend on it; none: the stage of its section. The report shows all of them.
        is_execution: whether it says how fast something runs and never what comes out.
    """

    unit: str = ""
    null: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    read_by: tuple[str, ...] = ()
    is_execution: bool = False

    def __call__(self, schema: JsonDict) -> None:
        """Leave the JSON schema as it is: `curation.reference` writes these texts into the descriptions."""
