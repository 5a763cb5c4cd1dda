"""Names as a reader can tell them apart."""

import re

_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Controls, marks of the direction of writing, and characters that take no place."""


def visible(text: str) -> str:
    """Write characters that are not seen or turn the direction of writing, and so let names look alike, as codes."""
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
