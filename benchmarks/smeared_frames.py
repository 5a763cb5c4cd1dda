"""Count the frames that are kept after damage although they look wrong.

`python -m benchmarks.smeared_frames --seed 1 FILES` puts 4 kB of noise at 30 % of each video, and of videos in several
formats that are made from the seed. Each is decoded as `clean` does it, and every frame that is kept is held against
the frame of the undamaged video that is shown at the same time. It is *wrong* if more than one pixel in a hundred is
off by more than 20 grey levels. The exit status is 0 only if at most one kept frame in a hundred is wrong.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from curation.video.decode import decode_video
from curation.video.decoded_video import DecodedVideo
from curation.video.reader import read_frames
from tests.media_files import VIDEO_FORMATS, write_video_as

PLACE = 0.3
NOISE_BYTES = 4096
OFF = 20
"""Grey levels by which a pixel must differ to count."""

WRONG_SHARE = 0.01
"""Share of the pixels that must differ for a frame to be wrong, and largest share of wrong frames among the kept."""

FORMATS = (
    "h264.mp4", "hevc.mp4", "mpeg4-b.avi", "mpeg2.ts", "h264.ts", "hevc.ts", "h264.mkv", "hevc.mkv", "mpeg4.mkv",
    "mpeg2.mkv", "h264.avi", "h264.flv", "mpeg1.mpg", "mpeg2.mpg", "mpeg4.ts", "h264-interlaced.mp4",
    "h264-fragmented.mp4", "vp8.webm", "vp9.webm", "av1.webm", "vp8.ogv", "wmv2.wmv", "mpeg2.mxf",
)  # fmt: skip
"""Names in `VIDEO_FORMATS` of the videos that are made."""

_MAX_PIXELS = 100_000_000
_SIZE, _FRAMES, _GROUP = (320, 240), 150, 25


@dataclass(frozen=True)
class Outcome:
    """The outcome of one damaged video.

    Attributes:
        name: of the file.
        frames: that came out of it.
        kept: those of them without a fault, if the video as a whole is not refused.
        wrong: those of these that look wrong, or are shown at a time at which the undamaged video shows none.
        expendable: frames that look right and were refused.
        missing: as the decoder counts.
        is_refused: whether the video as a whole would be, with the usual threshold.
    """

    name: str
    frames: int
    kept: int
    wrong: int
    expendable: int
    missing: int
    is_refused: bool


def with_noise(content: bytes, seed: int, place: float = PLACE) -> bytes:
    """Return a file's content with noise in it, from a share of its length on."""
    changed, at = bytearray(content), int(place * len(content))
    changed[at : at + NOISE_BYTES] = np.random.default_rng(seed).bytes(NOISE_BYTES)
    return bytes(changed[: len(content)])


def compared(sound: Path, damaged: Path) -> Outcome:
    """Decode a sound and a damaged video, and compare their frames."""
    truth, found = _decoded(sound), _decoded(damaged)
    times = np.array([frame.time_s for frame in truth.frames])
    half = float(np.median(np.diff(times))) / 2
    originals = _Pictures(sound)
    kept = wrong = expendable = 0
    shown = 0.0
    for frame, picture in zip(found.frames, _grey(damaged), strict=True):
        shown = max(shown, frame.time_s)
        nearest = int(np.abs(times - frame.time_s).argmin())
        original = originals.at(nearest) if abs(times[nearest] - frame.time_s) < half else None
        is_wrong = original is None or _differs(original, picture)
        kept += not frame.fault
        wrong += is_wrong and not frame.fault
        expendable += bool(frame.fault) and not is_wrong
    is_refused = found.is_corrupt or (len(found.frames) - kept + found.missing) > 0.1 * len(truth.frames)
    return Outcome(sound.name, len(found.frames), kept, wrong, expendable, found.missing, is_refused)


def _decoded(path: Path) -> DecodedVideo:
    return decode_video(
        path,
        max_pixels=_MAX_PIXELS,
        proxy_size=32,
        corruption_threshold=1.0,
        threads=1,
        add_proxy=lambda _index, _jpeg: None,
        restart=lambda: None,
    )


def _grey(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a video, as the last way of decoding gives them: (height, width)."""
    for picture in read_frames(path, max_pixels=_MAX_PIXELS, threads=1):
        yield np.asarray(picture.reformat(format="gray", threads=1).to_ndarray())


class _Pictures:
    """The frames of a video, asked for in about their order."""

    def __init__(self, path: Path) -> None:
        self._coming = enumerate(_grey(path))
        self._held: dict[int, NDArray[np.uint8]] = {}

    def at(self, number: int) -> NDArray[np.uint8] | None:
        """Return a frame; those long before it are let go."""
        while number not in self._held:
            following = next(self._coming, None)
            if following is None:
                return None
            self._held[following[0]] = following[1]
            self._held.pop(following[0] - 64, None)
        return self._held[number]


def _differs(original: NDArray[np.uint8], picture: NDArray[np.uint8]) -> bool:
    """Return whether a frame looks wrong beside the original."""
    if original.shape != picture.shape:
        return True
    return float((np.abs(original.astype(np.int16) - picture) > OFF).mean()) > WRONG_SHARE


def run(folder: Path, files: Sequence[Path], formats: Sequence[str], seed: int, rounds: int) -> list[Outcome]:
    """Make, damage, decode and compare.

    Args:
        folder: an existing one for the files.
        files: sound videos.
        formats: of videos to make, names in `VIDEO_FORMATS`.
        seed: of everything.
        rounds: damaged files made of each video.
    """
    sound = list(files)
    for number, name in enumerate(formats):
        form = replace(VIDEO_FORMATS[name], size=_SIZE, gop=_GROUP)
        sound.append(write_video_as(folder / name, form, frames=_FRAMES, seed=seed + number))
    outcomes = []
    for path in sound:
        for turn in range(rounds):
            damaged = folder / f"{turn}-damaged-{path.name}"
            damaged.write_bytes(with_noise(path.read_bytes(), seed + turn))
            outcomes.append(compared(path, damaged))
            damaged.unlink()
    return outcomes


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of everything.")
@click.option("--rounds", default=1, show_default=True, help="Damaged files made of each video.")
@click.option("--made/--no-made", default=True, show_default=True, help="Whether videos are made, too.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(seed: int, rounds: int, made: bool, files: tuple[Path, ...]) -> None:
    """Damage videos, and print how many of the frames that are kept are wrong."""
    with tempfile.TemporaryDirectory() as temporary:
        outcomes = run(Path(temporary), files, FORMATS if made else (), seed, rounds)
    click.echo(f"{'':<30}{'frames':>8}{'kept':>8}{'wrong':>8}{'refused right':>15}{'missing':>9}  whole file")
    for each in outcomes:
        numbers = f"{each.frames:>8}{each.kept:>8}{each.wrong:>8}{each.expendable:>15}{each.missing:>9}"
        click.echo(f"{each.name:<30}{numbers}  {'refused' if each.is_refused else 'kept'}")
    kept, wrong = sum(each.kept for each in outcomes), sum(each.wrong for each in outcomes)
    click.echo(f"{wrong} of {kept} kept frames wrong, seed {seed}")
    raise SystemExit(wrong > WRONG_SHARE * kept)


if __name__ == "__main__":
    main()
