"""Section `report`: what the report shows and assumes."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictStr, StringConstraints, field_validator

from curation.params.section import About, Real, Section

ExplorerKind = Literal["small", "none"]


class ReportParams(Section):
    """The contents and assumptions of the report."""

    title: StrictStr = Field(default="Data curation report", description="Title on the first page.")
    n_example_images: int = Field(
        default=10,
        strict=True,
        ge=0,
        le=200,
        multiple_of=2,
        description="Pictures in the gallery that shows retained images beside their nearest removed neighbours.",
        json_schema_extra=About(unit="pictures"),
    )
    n_thumbnails: int = Field(
        default=24,
        strict=True,
        ge=0,
        le=500,
        description="Thumbnails of selected samples, in the order of their ranks.",
        json_schema_extra=About(unit="thumbnails"),
    )
    umap_neighbours: tuple[Annotated[int, Field(strict=True, ge=2, le=200)], ...] = Field(
        default=(5, 15, 50),
        max_length=6,
        description=(
            "Maps by UMAP beside that of the principal components, one for each number of neighbours that count as "
            "near; [] draws none. Together they take a few seconds at most."
        ),
        json_schema_extra=About(unit="neighbours"),
    )
    explorer: ExplorerKind = Field(
        default="small",
        description=("What reports/explorer.html is. docs/guides/explore.md says how to look at a million samples."),
        json_schema_extra=About(
            values={
                "small": "one page that needs no network, with up to 50,000 samples and 10,000 pictures, in 20 MB",
                "none": "a page that says how `python -m curate explore` shows them",
            }
        ),
    )
    dump_embeddings: StrictBool = Field(
        default=False,
        description=(
            "Whether the embeddings of candidates, datapool and selection are written to reports/embeddings as CSV."
        ),
    )
    labelling_cost_per_sample: Real = Field(
        default=0.5, ge=0, description="Cost of labelling one sample.", json_schema_extra=About(unit="`currency`")
    )
    currency: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=8)] = Field(
        default="USD", description="Currency shown beside costs."
    )
    co2_kg_per_sample: Real = Field(
        default=0.02,
        ge=0,
        description="CO2 emissions of labelling, storing and training on one sample.",
        json_schema_extra=About(unit="kilograms of CO2"),
    )

    @field_validator("umap_neighbours")
    @classmethod
    def _each_once(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(sizes)) < len(sizes):
            raise ValueError("each size may be listed once")
        return sizes
