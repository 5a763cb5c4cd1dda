"""Damage as pictures suffer it on cards, disks and wires, and a judge of JPEG files that this project has no part in.

`benchmarks.mutated_media` puts it on generated pictures and, if asked, on photographs: these stay JPEG files as they
are, and become PNG, WebP, AVIF and TIFF files besides.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import click
import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.timed_decoding import BATCH, decoded, settings_of
from curation.cleaning.decode_file import DecodedFile
from curation.core.kinds import IMAGE

_ENDS = {".jpg": 2, ".png": 12, ".gif": 1}
"""Bytes of the end marker by file name ending; other formats have none, and lose as many as JPEG."""

_SECTOR = 512
_HARMLESS = ("extraneous bytes", "Invalid SOS parameters", "JFIF revision", "Adobe color transform", "ICC marker")
_END_MISSING = "Premature end of JPEG file"

PHOTOGRAPH_FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"quality": 80}),
    "-lossless.webp": ("WEBP", {"lossless": True}),
    ".avif": ("AVIF", {"speed": 10}),
    "-raw.tif": ("TIFF", {}),
    "-lzw.tif": ("TIFF", {"compression": "tiff_lzw"}),
    "-deflate.tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "-jpeg.tif": ("TIFF", {"compression": "jpeg"}),
}
"""Format and options of Pillow's writers, by the end of the file's name."""

SOUND, END_GONE = "undamaged", "end marker gone"

Damage = Callable[[bytes, int, np.random.Generator], bytes]
"""Takes a file's content, the length of its end marker, and random numbers."""


def _place(content: bytes, end: int, length: int, rng: np.random.Generator) -> int:
    """Return where damage of some length may begin: not in the first tenth, nor in the end marker."""
    first = len(content) // 10
    return int(rng.integers(first, max(first + 1, len(content) - end - length)))


def cut_and_closed(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """Cut the last part off, but for the end marker."""
    return content[: _place(content, end, len(content) // 10, rng)] + content[-end:]


def tenth_lost(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """Take a tenth out."""
    length = len(content) // 10
    start = _place(content, end, length, rng)
    return content[:start] + content[start + length :]


def zeroed_sector(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """Overwrite a sector with zeros."""
    start = _place(content, end, _SECTOR, rng)
    return content[:start] + bytes(min(_SECTOR, len(content) - start)) + content[start + _SECTOR :]


def overwritten_sector(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """Overwrite a sector with random bytes."""
    start = _place(content, end, _SECTOR, rng)
    return content[:start] + rng.bytes(min(_SECTOR, len(content) - start)) + content[start + _SECTOR :]


def zeroed_tail(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """Overwrite all from somewhere on with zeros, but for the end marker."""
    start = _place(content, end, len(content) // 10, rng)
    return content[:start] + bytes(len(content) - end - start) + content[-end:]


def end_gone(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """Cut the end marker off."""
    del rng
    return content[:-end]


PICTURE_DAMAGE: dict[str, Damage] = {
    "cut and closed": cut_and_closed,
    "tenth lost": tenth_lost,
    "zeroed sector": zeroed_sector,
    "overwritten sector": overwritten_sector,
    "zeroed tail": zeroed_tail,
    END_GONE: end_gone,
}


def damaged(kind: str, content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return a file's content with damage.

    Args:
        kind: a key of `PICTURE_DAMAGE`.
        content: of the file.
        name: of the file, whose ending says its format.
        rng: random numbers.
    """
    return PICTURE_DAMAGE[kind](content, _ENDS.get(PurePosixPath(name).suffix, 2), rng)


def warning_of(content: bytes) -> str:
    """Return what libjpeg-turbo, as another package brings it along, first warns of in a JPEG file; harmless excepted.

    That only the end marker is missing is harmless.
    """
    warning = _first_warning(content)
    return _first_warning(content + b"\xff\xd9") if warning == _END_MISSING else warning


def _first_warning(content: bytes) -> str:
    try:
        simplejpeg.decode_jpeg(content, "CMYK" if Image.open(BytesIO(content)).mode == "CMYK" else "RGB", strict=True)
    except (ValueError, OSError) as error:
        return "" if any(words in str(error) for words in _HARMLESS) else str(error)
    return ""


@dataclass(frozen=True)
class Photograph:
    """A damaged photograph.

    Attributes:
        path: relative to the folder of raw data.
        form: the end of its sound file's name.
        kind: of damage, or `SOUND`.
    """

    path: str
    form: str
    kind: str


def write_photographs(sources: Sequence[Path], folder: Path, seed: int) -> list[Photograph]:
    """Write photographs in all formats, undamaged and with each kind of damage.

    Args:
        sources: JPEG files.
        folder: a folder that does not exist.
        seed: of the damage.
    """
    folder.mkdir(parents=True)
    written = []
    for number, source in enumerate(sources):
        for form, content in _in_all_formats(source).items():
            for index, kind in enumerate((SOUND, *PICTURE_DAMAGE)):
                rng = np.random.default_rng((seed, number, index))
                name = f"{number:04d}-{kind.replace(' ', '_')}{form}"
                (folder / name).write_bytes(content if kind == SOUND else damaged(kind, content, name, rng))
                written.append(Photograph(f"{folder.name}/{name}", form, kind))
    return written


def _in_all_formats(source: Path) -> dict[str, bytes]:
    """Return a photograph as it is, and in all other formats, by the end of their names."""
    found = {".jpg": source.read_bytes()}
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    for form, (writer, options) in PHOTOGRAPH_FORMATS.items():
        buffer = BytesIO()
        picture.save(buffer, writer, **options)
        found[form] = buffer.getvalue()
    return found


def wrongly_judged(photograph: Photograph, file: DecodedFile | None, folder: Path) -> str:
    """Say what is wrong with what became of a photograph; empty if nothing is."""
    if file is None:
        return "unaccounted"
    is_jpeg = photograph.form == ".jpg"
    if file.is_corrupt:
        is_whole = photograph.kind == SOUND or (is_jpeg and photograph.kind == END_GONE)
        return f"refused, but it is whole: {file.reason}" if is_whole else ""
    warning = warning_of((folder / photograph.path).read_bytes()) if is_jpeg else ""
    return f"kept, but libjpeg-turbo warns: {warning}" if warning else ""


def refusals(photographs: Sequence[Photograph], files: dict[str, DecodedFile]) -> str:
    """Return the share of refused files as text: one line for each format, one column for each kind of damage."""
    kinds = (SOUND, *PICTURE_DAMAGE)
    total = Counter((each.form, each.kind) for each in photographs)
    refused = Counter((each.form, each.kind) for each in photographs if (f := files.get(each.path)) and f.is_corrupt)
    noted = Counter(each.form for each in photographs if (f := files.get(each.path)) and not f.is_corrupt and f.reason)
    lines = ["".join(f"{title:>20}" for title in ("refused", *kinds, "kept with a note"))]
    for form in dict.fromkeys(each.form for each in photographs):
        shares = "".join(f"{refused[form, kind] / total[form, kind]:>20.1%}" for kind in kinds)
        lines.append(f"{form:>20}{shares}{noted[form]:>20}")
    return "\n".join(lines)


def judge_photographs(sources: Sequence[Path], folder: Path, seed: int, workers: int) -> list[str]:
    """Damage photographs, decode them, and print how many are refused.

    Args:
        sources: JPEG files.
        folder: for what is made of them.
        seed: of the damage.
        workers: processes that decode.

    Returns:
        What is wrong, one line a file.
    """
    found: dict[str, DecodedFile] = {}
    photographs = write_photographs(sources, folder / "photographs", seed)
    for start in range(0, len(photographs), BATCH):
        batch = [(each.path, IMAGE, 1) for each in photographs[start : start + BATCH]]
        found |= decoded(folder, batch, settings_of(0.1), workers)[0]
    click.echo(f"\nDamaged photographs, {len(sources)} of each\n{refusals(photographs, found)}")
    judged_ = [(each.path, wrongly_judged(each, found.get(each.path), folder)) for each in photographs]
    return [f"{path}: {words}" for path, words in judged_ if words]
