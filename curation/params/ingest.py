"""Section `ingest`: what counts as an image or a video, which files matter, and which frames of a video."""

from typing import Literal, Self

from pydantic import Field, model_validator

from curation.params.section import FILE, About, Count, Extension, FilePath, Real, Section

_EXTENSIONS = "a list of file name extensions in lower case, without the dot"


class IngestParams(Section):
    """Which files are read as images or videos, which of them are relevant, and which frames of a video are taken."""

    image_extensions: tuple[Extension, ...] = Field(
        default=(
            *("avif", "bmp", "gif", "heic", "heif", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "pbm", "pgm", "png"),
            *("pnm", "ppm", "tga", "tif", "tiff", "webp"),
        ),
        description="Extensions of files that are read as images. Files with other extensions are listed as ignored.",
        json_schema_extra=About(form=_EXTENSIONS),
    )
    video_extensions: tuple[Extension, ...] = Field(
        default=(
            *("3g2", "3gp", "asf", "avi", "f4v", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts"),
            *("mxf", "ogv", "ts", "vob", "webm", "wmv"),
        ),
        description="Extensions of files that are read as videos.",
        json_schema_extra=About(form=_EXTENSIONS),
    )
    relevant_filenames_file: FilePath = Field(
        default="relevant_filenames.txt",
        description=(
            "Text file that lists the relevant files of data/raw: one path, folder/* or gitignore pattern per line. "
            "Where it lists nothing, all files are relevant."
        ),
        json_schema_extra=About(form=FILE),
    )
    video_tracks: Literal["default", "all"] = Field(
        default="default",
        description="Video tracks that are read of a file that has several, such as a front and a rear camera.",
        json_schema_extra=About(
            values={
                "default": "the one that FFmpeg takes by default: the one that the file marks, else the largest",
                "all": "each of them; the further ones count as videos of their own",
            }
        ),
    )
    pages: Literal["first", "all"] = Field(
        default="first",
        description="Images that are read of a file of several: TIFF, and animated GIF, PNG, WebP and AVIF.",
        json_schema_extra=About(
            values={
                "first": "the first one, which has the name of the file",
                "all": "each of them, named like the frames of a video: stack-2-tif.png",
            }
        ),
    )
    fps: Real | None = Field(
        default=None,
        gt=0,
        description="Rate at which frames of videos are sampled, by their presentation timestamps.",
        json_schema_extra=About(unit="frames per second", null="every frame", read_by=("clean",)),
    )
    max_frames_per_video: Count | None = Field(
        default=None,
        description=(
            "Largest number of frames taken from one video, spread evenly over those that `fps` leaves; and of pages "
            "taken from one file (`pages`)."
        ),
        json_schema_extra=About(unit="frames", null="no limit", read_by=("clean",)),
    )

    prefetch_mb: Count = Field(
        default=2048,
        description=(
            "Room on the local disk for raw files that lie in a bucket: each is here while it is decoded, "
            "as many at once as fit. A larger one is here alone."
        ),
        json_schema_extra=About(unit="megabytes (2**20 bytes)", read_by=("clean", "merge_datapool"), is_execution=True),
    )

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        both = sorted(set(self.image_extensions) & set(self.video_extensions))
        if both:
            raise ValueError(f"{', '.join(both)} stands under both image_extensions and video_extensions")
        return self
