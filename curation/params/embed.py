"""Section `embed`: how samples are embedded, or where their embeddings come from."""

from typing import Literal

from pydantic import Field, StrictStr

from curation.params.section import FILE, About, Count, Section


class EmbedParams(Section):
    """How samples are embedded, or the file that their embeddings come from."""

    embeddings_file: StrictStr | None = Field(
        default=None,
        description=(
            "File of embeddings that another program made: .csv as lightly writes it, .parquet, or .npy beside a .txt "
            "of filenames, see docs/given-embeddings.md. Nothing is trained then."
        ),
        json_schema_extra=About(
            form=FILE, null="this pipeline's own model", read_by=("resolve_base", "train", "embed")
        ),
    )
    batch_size: Count = Field(
        default=16,
        description=(
            "Images that are embedded at once. Batches always have this shape, so that an embedding does not depend on "
            "what else is in its batch."
        ),
        json_schema_extra=About(unit="images", read_by=("embed", "select")),
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32",
        description=(
            "Number format of embedding. It is fixed for the life of a datapool, unless `train.retrain` is true."
        ),
        json_schema_extra=About(
            values={
                "fp32": "32 bits",
                "bf16": (
                    "16 bits, about twice as fast, more with AMX or on a GPU, but slower on processors without bf16 "
                    "units; the cosine similarity to the fp32 embedding is about 0.999"
                ),
            },
            read_by=("embed", "select"),
        ),
    )
