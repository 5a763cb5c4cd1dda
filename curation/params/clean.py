"""Section `clean`: how files are decoded, and what is dropped."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from curation.params.section import About, Count, Real, Section

_DECODING = ("clean", "select")
"""Stages that decode images: `select` those that strategies compare with."""


_WINDOW = "one of auto, full, or a list of two numbers in ascending order"


def _of_two_numbers(window: object) -> object:
    """Refuse a list of any other length, in one message."""
    if isinstance(window, (list, tuple)) and len(window) != 2:
        raise ValueError(f"must be {_WINDOW}")
    return window


def _ascending(window: str | tuple[float, float]) -> str | tuple[float, float]:
    """Refuse a window without width."""
    if isinstance(window, tuple) and window[0] >= window[1]:
        raise ValueError(f"the first of the two numbers has to be the smaller one, and {list(window)} is not so")
    return window


class CleanParams(Section):
    """Limits for decoding, and which samples are dropped as corrupt, of low quality or as near duplicates."""

    corruption_threshold: Real = Field(
        default=0.1,
        ge=0,
        le=1,
        description=(
            "Largest share of a video's frames that may be damaged or missing; with more, the whole video counts as "
            "corrupt."
        ),
    )
    decode_memory_mb: Annotated[int, Field(strict=True, ge=256)] | None = Field(
        default=4096,
        description=(
            "Memory that a process may use to decode a file; a file that needs more counts as corrupt. An image of 100 "
            "million pixels needs up to 2,200."
        ),
        json_schema_extra=About(unit="megabytes (2**20 bytes)", null="no limit", read_by=_DECODING),
    )
    decode_timeout_s: Real = Field(
        default=60,
        gt=0,
        description=(
            "Longest processor time that an image or the next frame of a video may take, and a fifth of the longest "
            "elapsed time. A file that takes longer counts as corrupt."
        ),
        json_schema_extra=About(unit="seconds", read_by=_DECODING),
    )
    max_pixels: Count = Field(
        default=100_000_000,
        description=(
            "Largest image or frame; a larger one is refused by its header, before memory is allocated for it."
        ),
        json_schema_extra=About(unit="pixels", read_by=_DECODING),
    )
    jpeg_draft: StrictBool = Field(
        default=False,
        description=(
            "Whether JPEG files of at least twice the proxy's size are decoded at a reduced size, which is faster. "
            "Exact duplicates among JPEG files are then found by their compressed data, not by their pixels. Do not "
            "change it once a datapool holds JPEG files: those from before and after would not be compared."
        ),
        json_schema_extra=About(read_by=_DECODING),
    )
    proxy_size: int = Field(
        default=256,
        strict=True,
        ge=32,
        le=1024,
        description="Length of the short side of the proxy images that training, embedding and the report read.",
        json_schema_extra=About(unit="pixels", read_by=_DECODING),
    )
    value_window: Annotated[
        Literal["auto", "full"] | tuple[Real, Real], BeforeValidator(_of_two_numbers), AfterValidator(_ascending)
    ] = Field(
        default="auto",
        description=(
            "Which values of images, and of grey and 16-bit frames of videos, of more than 8 bits a channel (thermal, "
            "depth, elevation, microscopy) are black and white in the proxy, from which figures and embeddings come. "
            "What an iteration has found with `auto` stays for all that build on it. Values that stand for no data do "
            "not count."
        ),
        json_schema_extra=About(
            form=_WINDOW,
            values={
                "auto": "what the files of a top-level folder use, found from all of them",
                "full": "all that the type can hold; of floats 0 to 1",
                "[LOW, HIGH]": "from the one value to the other",
            },
            read_by=_DECODING,
        ),
    )
    min_luma: Real | None = Field(
        default=None,
        ge=0,
        le=255,
        description="Samples that are darker on average are dropped as of low quality.",
        json_schema_extra=About(unit="mean luma, from black (0) to white (255)", null="no limit"),
    )
    max_luma: Real | None = Field(
        default=None,
        ge=0,
        le=255,
        description="Samples that are brighter on average are dropped as of low quality.",
        json_schema_extra=About(unit="mean luma, from black (0) to white (255)", null="no limit"),
    )
    min_contrast: Real | None = Field(
        default=0.5,
        ge=0,
        le=128,
        description="Samples with less contrast are dropped as of low quality.",
        json_schema_extra=About(unit="standard deviation of luma; 0 is a single colour", null="no limit"),
    )
    min_sharpness: Real | None = Field(
        default=None,
        ge=0,
        description="Samples that are less sharp are dropped as of low quality.",
        json_schema_extra=About(unit="variance of the Laplacian of the proxy's luma", null="no limit"),
    )
    max_uniform_rows: Real | None = Field(
        default=0.9,
        ge=0,
        le=1,
        description=(
            "Samples with a larger share of rows of one colour are dropped as of low quality: torn or blank frames."
        ),
        json_schema_extra=About(null="no limit"),
    )
    near_duplicate_bits: Annotated[int, Field(strict=True, ge=0, le=32)] | None = Field(
        default=None,
        description=(
            "Samples whose perceptual hash (pHash, 64 bits) differs in at most this many bits from that of a sample "
            "that stays are dropped as near duplicates: within and across files, and of all samples processed before."
        ),
        json_schema_extra=About(unit="bits", null="off"),
    )
    resume_mb: int = Field(
        default=4096,
        strict=True,
        ge=0,
        description=(
            "Results of finished files that stay in .dvc/tmp/clean after a run, those that were used last, so that a "
            "run with other limits need not decode these files again. What a killed run has finished stays there in "
            "any case, until a run has ended. With 0 nothing is kept, and a killed run begins anew."
        ),
        json_schema_extra=About(unit="megabytes (2**20 bytes)", is_execution=True),
    )
    workers: Count | None = Field(
        default=None,
        description="Processes that decode files in parallel. It has no influence on results.",
        json_schema_extra=About(null="one per core", is_execution=True),
    )
