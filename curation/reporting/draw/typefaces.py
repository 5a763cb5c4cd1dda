"""The report's own fonts, so that its look and its bytes do not depend on what a machine has installed.

Inter for the report's words; for names in other scripts matplotlib's DejaVu Sans (Greek, Cyrillic, Hebrew, Arabic,
Georgian, Armenian and more) and Droid Sans Fallback (Chinese, Japanese, Korean). A character that none of them has is
written as its code.
"""

from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager

FONT_FAMILY, FALLBACK_FAMILY, CJK_FAMILY = "Report Sans", "Report Fallback", "Report CJK"
"""Names of our own, so that versions of the fonts that a machine has installed are not taken instead."""

_FONTS = Path(__file__).parent / "fonts"
FONT_FILES = {400: _FONTS / "Inter-Regular.otf", 600: _FONTS / "Inter-SemiBold.otf"}
FALLBACK_FILES = {
    FALLBACK_FAMILY: Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf",
    CJK_FAMILY: _FONTS / "DroidSansFallback.ttf",
}
"""In the order in which they are asked for a character."""


def fallbacks_for(text: str) -> list[str]:
    """Return the further families that a text needs, in order."""
    families = {_family(character) for character in set(text)}
    return [family for family in FALLBACK_FILES if family in families]


def in_own_fonts(text: str) -> str:
    """Write each character that no font of the report has as its code: `[U+0926]`."""
    missing = {ord(character): f"[U+{ord(character):04X}]" for character in set(text) if _family(character) is None}
    return text.translate(missing) if missing else text


@cache
def _family(character: str) -> str | None:
    """Return the first family that has a character; white space and controls need none, and count as the first's."""
    if not character.isprintable() and (character.isspace() or ord(character) < 0x20):
        return FONT_FAMILY
    if all(ord(character) in _characters(file) for file in FONT_FILES.values()):
        return FONT_FAMILY
    return next((family for family, file in FALLBACK_FILES.items() if ord(character) in _characters(file)), None)


@cache
def _characters(file: Path) -> frozenset[int]:
    """Return the code points that a font has glyphs for."""
    return frozenset(font_manager.get_font(file).get_charmap())
