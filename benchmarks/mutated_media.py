"""Count what becomes of damaged images and videos: crashes, hangs, files without an outcome, frames lost silently.

`python -m benchmarks.mutated_media --images 2000 --videos 500 --seed 1 --photographs FOLDER`

Small sound files are made from the seed, in every format that Pillow writes and in many pairs of container and codec.
Each is damaged in one of ten ways, images in one of six more, and then decoded as `clean` does it. The sound files are
decoded too: what they give is the truth, and none of them may be called damaged. A JPEG file that is kept although
libjpeg-turbo warns of it, as the package simplejpeg brings it along, counts as lost silently. The JPEG files of a given
folder are damaged likewise, and how many are refused is told by format and damage. The exit status is 0 only if every
count is.

A frame of a sound video is *lost* if nothing came out in its place: what came out is aligned with the sound file by the
hashes of the pixels, and between two equal frames any other one stands for one of the sound file; or it is aligned by
time. A video loses frames *silently* if more are lost than are counted as missing, while it is not refused as a whole.

Lost frames are *unknowable* if nothing in the damaged file tells of them: frames at the end of a stream that states
neither its length nor an index (MPEG transport and program streams, Ogg, fragmented MP4), of whose headers nothing is
left. That the stream is damaged must still be told, unless it was cut: between two packets, it is a sound, shorter one.

`benchmarks.mutated_fields` changes numbers in containers; `benchmarks.smeared_frames` looks at pixels that are kept.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.byte_damage import MUTATIONS
from benchmarks.lost_frames import lost_frames, without_trace
from benchmarks.picture_damage import PICTURE_DAMAGE, damaged, judge_photographs, warning_of
from benchmarks.sound_media import FRAMES, LARGE_FRAMES, write_sound_images, write_sound_videos
from benchmarks.timed_decoding import BATCH, decoded, outcome_of, settings_of
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.core.kinds import IMAGE, VIDEO

SOUND, DAMAGED = "sound", "damaged"
"""Folders of the files."""


_WITHOUT_LENGTH = (".ts", ".m2ts", ".mpg", ".vob", ".ogv", "-fragmented.mp4")
"""Containers that state neither their length nor their number of frames, so that their end is unknowable."""


@dataclass(frozen=True)
class Case:
    """A damaged file.

    Attributes:
        path: relative to the folder of raw data.
        source: name of the sound file.
        mutation: name in `MUTATIONS` or `PICTURE_DAMAGE`.
    """

    path: str
    source: str
    mutation: str


@dataclass(frozen=True)
class Verdict:
    """The outcome of a damaged file.

    Attributes:
        case: the file.
        outcome: `kept`, `corrupt`, `given up` (its decoder crashed, hung or took too much memory, in a process of its
            own, and the file is told as corrupt), `crash`, `hang` or `unaccounted`.
        lost: frames of the sound file in whose place nothing came out.
        unknowable: those of them of which the damaged file has no trace.
        silent: those of them that are neither unknowable nor counted as missing; 1 for a picture that is kept although
            libjpeg-turbo warns of it.
        details: for people.
    """

    case: Case
    outcome: str
    lost: int = 0
    unknowable: int = 0
    silent: int = 0
    details: str = ""


def write_cases(
    sound: Path, folder: Path, sources: Sequence[str], number: int, seed: int, more: Sequence[str] = ()
) -> list[Case]:
    """Write damaged files: pairs of sound file and mutation, in an order that soon meets every one of both.

    Args:
        sound: folder of the sound files.
        folder: for the damaged ones.
        sources: names of the sound files.
        number: of damaged files.
        seed: of the damage.
        more: names in `PICTURE_DAMAGE`, besides all in `MUTATIONS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [*MUTATIONS, *more]
    cases = []
    for index in range(number):
        round_, place = divmod(index, len(sources))
        source, mutation = sources[place], names[(place + round_) % len(names)]
        rng = np.random.default_rng((seed, index))
        content = (sound / source).read_bytes()
        changed = (
            damaged(mutation, content, source, rng) if mutation in PICTURE_DAMAGE else MUTATIONS[mutation](content, rng)
        )
        name = f"{index:05d}-{mutation.replace(' ', '_')}-{source}"
        (folder / name).write_bytes(changed)
        cases.append(Case(f"{folder.name}/{name}", source, mutation))
    return cases


def judged(case: Case, file: DecodedFile | None, truth: DecodedFile, folder: Path) -> Verdict:
    """Compare what became of a damaged file with the sound one."""
    if file is None or file.is_corrupt:
        return Verdict(case, outcome_of(file), details=file.reason if file else "")
    if file.media == IMAGE:
        warning = warning_of((folder / case.path).read_bytes()) if case.source.endswith(".jpg") else ""
        return Verdict(case, "kept", silent=int(bool(warning)), details=warning or file.reason)
    lost = lost_frames(truth.samples, file.samples)
    if case.mutation == "swapped blocks":  # frames in another order, and made from others than before, are not lost
        distinct = len({sample.pixel_hash or str(sample.frame) for sample in file.samples})
        lost = lost[: max(0, len(truth.samples) - distinct)]
    unknowable = 0
    if lost and case.source.endswith(_WITHOUT_LENGTH):
        unknowable = min(len(lost), without_trace(folder / truth.path, folder / case.path))
    silent = max(0, len(lost) - unknowable - file.missing)
    if unknowable and not file.missing and case.mutation != "truncated":
        silent = max(1, silent)  # how many are lost cannot be known, but that some are can
    details = f"{len(file.samples)} came out, {file.missing} missing; {file.reason}"
    return Verdict(case, "kept", len(lost), unknowable, silent, details)


def run(folder: Path, images: int, videos: int, seed: int, workers: int, threshold: float) -> list[Verdict]:
    """Make, damage, decode and compare.

    Args:
        folder: an existing, empty folder for the files.
        images: damaged images to make.
        videos: likewise videos.
        seed: of everything.
        workers: processes that decode.
        threshold: share of missing frames above which a video is refused, as `clean.corruption_threshold`.

    Returns:
        One verdict for each damaged file.

    Raises:
        click.ClickException: a sound file did not come out as sound.
    """
    sound = folder / SOUND
    names = {IMAGE: write_sound_images(sound, seed), VIDEO: write_sound_videos(sound, seed)}
    cases = {
        media: write_cases(sound, folder / f"{DAMAGED}-{media}", names[media], number, seed, more)
        for media, number, more in ((IMAGE, images, list(PICTURE_DAMAGE)), (VIDEO, videos, []))
    }
    settings = settings_of(threshold)
    truth = _truth(folder, names, settings, workers)
    verdicts: list[Verdict] = []
    for media in (IMAGE, VIDEO):
        for start in range(0, len(cases[media]), BATCH):
            batch = cases[media][start : start + BATCH]
            found, failure = decoded(folder, [(case.path, media, 1) for case in batch], settings, workers)
            for case in batch:
                verdict = judged(case, found.get(case.path), truth[f"{SOUND}/{case.source}"], folder)
                verdicts.append(Verdict(case, failure) if failure else verdict)
    return verdicts


def _truth(folder: Path, names: dict[str, list[str]], settings: Settings, workers: int) -> dict[str, DecodedFile]:
    """Decode the sound files, and require that they are called sound."""
    files = [(f"{SOUND}/{name}", media, 1) for media in names for name in names[media]]
    found, failure = decoded(folder, files, settings, workers)
    if failure or len(found) != len(files):
        raise click.ClickException(f"the sound files did not decode: {failure}")
    wrong = [
        f"{file.path}: {file.reason or f'{len(file.samples)} frames'}"
        for file in found.values()
        if file.is_corrupt
        or file.missing
        or any(sample.fault for sample in file.samples)
        or (file.media == VIDEO and len(file.samples) not in (FRAMES, LARGE_FRAMES))
    ]
    if wrong:
        raise click.ClickException("sound files are called damaged:\n" + "\n".join(wrong))
    return found


def table(verdicts: Sequence[Verdict], key: Callable[[Verdict], str]) -> str:
    """Return counts as text, one line for each value of `key` and one for all."""
    outcomes = ("kept", "corrupt", "given up", "crash", "hang", "unaccounted")
    head = ("", "files", *outcomes, "frames lost", "unknowable", "silent")
    lines = ["".join(f"{title:>13}" if title else f"{'':<26}" for title in head)]
    groups = sorted({key(verdict) for verdict in verdicts})
    for name in (*groups, "all"):
        group = [verdict for verdict in verdicts if name in ("all", key(verdict))]
        counts = Counter(verdict.outcome for verdict in group)
        numbers = [len(group), *(counts[outcome] for outcome in outcomes)]
        numbers += [sum(v.lost for v in group), sum(v.unknowable for v in group), sum(v.silent > 0 for v in group)]
        lines.append(f"{name:<26}" + "".join(f"{number:>13}" for number in numbers))
    return "\n".join(lines)


def failures(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts that should not be."""
    return [verdict for verdict in verdicts if verdict.silent or verdict.outcome not in ("kept", "corrupt", "given up")]


@click.command()
@click.option("--images", default=2000, show_default=True, help="Damaged images.")
@click.option("--videos", default=500, show_default=True, help="Damaged videos.")
@click.option("--seed", default=1, show_default=True, help="Of everything.")
@click.option("--workers", default=2, show_default=True, help="Processes that decode.")
@click.option("--threshold", default=0.1, show_default=True, help="As clean.corruption_threshold.")
@click.option(
    "--photographs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of sound JPEG files, which are damaged as well.",
)
@click.option("--number", default=40, show_default=True, help="Photographs that are taken of that folder at most.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to keep the files.")
def main(
    images: int,
    videos: int,
    seed: int,
    workers: int,
    threshold: float,
    photographs: Path | None,
    number: int,
    folder: Path | None,
) -> None:
    """Decode damaged files and print what became of them."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        verdicts = run(folder or Path(temporary), images, videos, seed, workers, threshold)
        sources = sorted(photographs.rglob("*.jpg")) if photographs else []
        step = max(1, len(sources) // max(1, number))
        wrong = judge_photographs(sources[::step][:number], Path(temporary), seed, workers) if sources else []
    for title, key in (
        ("Images by format", lambda v: v.case.source.partition("-")[2]),
        ("Images by damage", lambda v: v.case.mutation),
        ("Videos by format", lambda v: v.case.source),
        ("Videos by damage", lambda v: v.case.mutation),
    ):
        group = [v for v in verdicts if v.case.path.startswith(f"{DAMAGED}-{title[:5].lower()}")]
        if group:
            click.echo(f"\n{title}\n{table(group, key)}")
    wrong += [
        f"{verdict.case.path}: {verdict.outcome}, {verdict.silent} silently lost, {verdict.details}"
        for verdict in failures(verdicts)
    ]
    for line in wrong:
        click.echo(line)
    click.echo(f"{len(verdicts)} files, seed {seed}, {time.perf_counter() - began:.0f} s, {len(wrong)} failures")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
