"""Section `execution`: where the work is done. Nothing in it changes what comes out."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from curation.params.section import About, Count, Section

_SPREAD = ("clean", "embed", "select")
"""Stages whose work can be spread over a cluster."""

Place = Annotated[str, StringConstraints(strict=True, min_length=1)]


class ExecutionParams(Section):
    """Where the stages `clean`, `embed` and `select` do their work. Nothing here has an influence on results."""

    engine: Literal["local", "ray"] = Field(
        default="local",
        description="What does the work, see docs/guides/cluster.md.",
        json_schema_extra=About(
            values={
                "local": "this machine",
                "ray": "the Ray cluster that the environment variable RAY_ADDRESS names; without it, one here",
            },
            read_by=_SPREAD,
            is_execution=True,
        ),
    )
    storage: Place | None = Field(
        default=None,
        description="Where the nodes of a cluster leave what they decoded until it is taken over.",
        json_schema_extra=About(
            form="the path of a folder that all nodes see, or an address such as `s3://BUCKET/FOLDER` or `remote://NAME/FOLDER`",
            null="they send it",
            read_by=_SPREAD,
            is_execution=True,
        ),
    )
    cpus_per_task: Count = Field(
        default=1,
        description="CPUs that a task on a cluster takes, which is also the number of threads that it uses.",
        json_schema_extra=About(unit="CPUs", read_by=_SPREAD, is_execution=True),
    )
    shards: Count | None = Field(
        default=None,
        description="Parts that a selection on a cluster is cut into.",
        json_schema_extra=About(
            unit="parts", null="one for each `cpus_per_task` of the cluster", read_by=_SPREAD, is_execution=True
        ),
    )
