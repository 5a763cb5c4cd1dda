"""The report's figures of what came in and what was dropped."""

from typing import Literal

from pydantic import Field

from curation.reporting.contents.figures import Count, Figures, OptionalReal


class FileCounts(Figures):
    """Raw files by what became of them. The states add up to `total`."""

    total: Count
    kept: Count
    corrupt: Count
    duplicate: Count
    near_duplicate: Count
    low_quality: Count
    over_limit: Count = Field(description="larger than a parameter allows")
    unsupported: Count = Field(description="of a kind that is not read; the reason says what would")
    unreachable: Count = Field(description="objects in a bucket that could not be read; they come again")
    ignored: Count = Field(description="no image or video, or not relevant")
    processed: Count = Field(description="in an earlier iteration")
    videos: Count = Field(description="among the kept ones")
    images: Count = Field(description="among the kept ones")


class SampleCounts(Figures):
    """Images and frames of the raw files that this iteration decoded. The states add up to `seen`."""

    seen: Count
    kept: Count
    corrupt: Count
    duplicate: Count = Field(description="equal decoded pixels")
    near_duplicate: Count = Field(description="alike, by their perceptual hash")
    low_quality: Count = Field(description="beyond a limit of the quality figures")
    over_limit: Count = Field(description="larger than a parameter allows")
    unsupported: Count = Field(description="of a kind that is not read; the reason says what would")
    skipped: Count = Field(description="frames left out on purpose: ingest.fps, ingest.max_frames_per_video")


DroppedStatus = Literal[
    "corrupt", "low_quality", "duplicate", "near_duplicate", "over_limit", "unsupported", "unreachable", "ignored"
]
"""Unreachable and ignored ones are raw files of which no sample is known."""


class ReasonCount(Figures):
    """The number of samples or files that were dropped for a reason."""

    status: DroppedStatus
    reason: str
    count: Count


class NoteCount(Figures):
    """The number of files that stayed and of which there is something to say."""

    note: str
    count: Count
    example: str = Field(description="path of the first of them")


class DroppedExample(Figures):
    """A dropped sample, or a dropped file as a whole."""

    filename: str
    reason: str
    duplicate_of: str = Field(description="the name that stays in its place; empty where none does")
    figure: OptionalReal = Field(description="low quality: beyond its limit; near duplicates: differing bits")


class DroppedList(Figures):
    """Samples and files that were dropped for one kind of reason; all names are in `filenames/`."""

    status: DroppedStatus
    total: Count
    examples: tuple[DroppedExample, ...]


class Cleaning(Figures):
    """The raw files and samples that came in, and those that were dropped."""

    files: FileCounts
    samples: SampleCounts
    reasons: tuple[ReasonCount, ...] = Field(description="most frequent first")
    notes: tuple[NoteCount, ...] = Field(description="on files that stayed, most frequent first")
    dropped: tuple[DroppedList, ...] = Field(description="only states that occur")
