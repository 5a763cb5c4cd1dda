"""Section `base`: the datapool to build on."""

from typing import Literal

from pydantic import Field, StrictStr

from curation.params.section import FILE, About, Count, FilePath, Section


class BaseParams(Section):
    """The datapool that an iteration builds on, and what is kept of it."""

    datapool: StrictStr | list[StrictStr] = Field(
        default="auto",
        description="Datapool to build on.",
        json_schema_extra=About(
            form="one of auto, none, a datapool hash, a git revision, or a list of hashes and revisions",
            values={
                "auto": "the datapool of git's HEAD",
                "none": "an empty one, to start afresh",
                "HASH or REVISION": "the datapool with this hash (see dvc.lock), or the one committed at this revision",
                "a list": "the union of several datapools",
            },
            read_by=("resolve_base",),
        ),
    )
    near_duplicates: Literal["keep", "drop"] = Field(
        default="keep",
        description=(
            "What happens, when datapools are united, to a sample nearer than `select.min_distance` to a sample of "
            "another one. Of samples with equal pixels only one comes in, whatever is set here."
        ),
        json_schema_extra=About(values={"keep": "both stay", "drop": "the sample of the later datapool is left out"}),
    )
    round: Count = Field(
        default=1,
        description="A new value forces one more iteration on inputs that are otherwise unchanged.",
        json_schema_extra=About(read_by=("resolve_base",)),
    )
    removed_file: FilePath = Field(
        default="removed.csv",
        description=(
            "CSV list of the samples taken out for good, which `python -m curate remove` writes. Keep it in git."
        ),
        json_schema_extra=About(form=FILE, read_by=("resolve_base", "base")),
    )
