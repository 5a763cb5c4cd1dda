"""Texts and lists that people give, as editors and office programs write them.

Text is UTF-8, or UTF-16 with a byte-order mark; a mark at the beginning is no part of the first name. Lines end as they
do on any system.

Names of files are taken as they stand where such a file is known. Otherwise they are read as they were meant, if that
gives a known one: without spaces around or quotes, with slashes for backslashes, without the folder `data/raw/` before
them, in another Unicode form. A line that begins with `# ` is a comment, unless a file of that name is known.
"""

import codecs
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

ADVICE = 'save it as UTF-8, which Excel calls "CSV UTF-8"'
_RAW = "data/raw/"
"""The folder of raw files: names count from there, but who pastes a path pastes all of it."""

_SHOWN = 3
"""Names that a message gives as examples."""


class NotTextError(ValueError):
    """A file is not text in an encoding that can be known."""


def decoded(content: bytes) -> str:
    """Return the text of a file, without a byte-order mark.

    Raises:
        NotTextError: it is neither UTF-8 nor UTF-16 with a byte-order mark.
    """
    encoding = encoding_of(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        what = "UTF-8" if encoding == "utf-8-sig" else encoding.upper()
        raise NotTextError(f"not text in {what} (byte {error.start + 1}): {ADVICE}") from None


def read_text(path: Path) -> str:
    """Read a text file that a person has written.

    Raises:
        OSError: it cannot be read.
        NotTextError: it is not text.
    """
    return decoded(path.read_bytes())


def lines_of(text: str) -> list[str]:
    """Split a text into lines, without their ends; characters that only some programs end lines at are kept."""
    lines = text.replace("\r\n", "\n").split("\n") if "\n" in text else text.split("\r")
    return lines[:-1] if lines[-1] == "" else lines


def names_in(text: str, known: Collection[str] = ()) -> list[tuple[int, str]]:
    """Return the lines of a list that are neither empty nor comments, without spaces at their ends.

    Args:
        text: of the list.
        known: a set, or a mapping, of names; a line that is one of these is no comment.

    Returns:
        Number of each line, from 1, and what stands there.
    """
    lines = [(number, line.rstrip()) for number, line in enumerate(lines_of(text), 1) if line.strip()]
    return [(number, line) for number, line in lines if line in known or not f"{line} ".startswith("# ")]


def as_known(given: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Find the known names that given ones stand for.

    Args:
        given: names as they stand in a file.
        known: a set, or a mapping, of names.

    Returns:
        The known name of each given one; a name that stands for none is its own.
    """
    found = {
        name: name if name in known else next((other for other in spellings(name) if other in known), name)
        for name in given
    }
    return found | _in_mixed_forms([name for name, meant in found.items() if meant not in known], known)


def _in_mixed_forms(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Find the known names that are the same but for the Unicode forms of their parts, of a folder and a file, say."""
    lost = [name for name in names if not name.isascii()]
    if not lost:
        return {}
    composed = {in_one_form(name): name for name in sorted(known, reverse=True) if not name.isascii()}
    forms = ((name, map(in_one_form, spellings(name))) for name in lost)
    found = ((name, next((composed[form] for form in each if form in composed), None)) for name, each in forms)
    return {name: meant for name, meant in found if meant is not None}


def in_one_form(name: str) -> str:
    """Return a name in the Unicode form that all forms of it have in common."""
    return unicodedata.normalize("NFC", name)


def spellings(name: str, top: Sequence[str] = ("", "./")) -> Iterator[str]:
    """Yield what may have been meant by a name that is not known, the nearest first.

    Args:
        name: as it was given.
        top: what may stand before a path in place of the folder of raw files: the tables have `./` before names that
            spreadsheets could take for formulas.
    """
    bare = name.strip()
    for plain in dict.fromkeys((bare, bare[1:-1] if re.fullmatch(r'".*"|\'.*\'', bare) else bare)):
        slashes = plain.replace("\\", "/").removeprefix("./")
        below = slashes.removeprefix(_RAW)
        shorter = [f"{first}{below}" for first in top if below not in ("", slashes)]
        for slashed in dict.fromkeys((plain, plain.replace("\\", "/"), slashes, *shorter)):
            yield slashed
            for form in ("NFC", "NFD"):
                yield unicodedata.normalize(form, slashed)


def unmatched(file: str, names: Collection[str], known: Collection[str]) -> str | None:
    """Say how many names of a file stand for nothing, with examples; None where all do.

    Args:
        file: its name, for the message.
        names: each once.
        known: the names that there are.
    """
    unknown = sorted(name for name in names if name not in known)
    if not unknown:
        return None
    shown = ", ".join(map(repr, unknown[:_SHOWN])) + (", ..." if len(unknown) > _SHOWN else "")
    return f"{file}: {len(unknown)} of {len(names)} names are no sample: {shown}"


def encoding_of(head: bytes) -> str:
    """Return the encoding that the beginning of a file tells."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        raise NotTextError(f"not text in UTF-8, but perhaps in UTF-16 without a byte-order mark: {ADVICE}")
    return "utf-8-sig"
