"""RAW files of cameras: what is told of those that the parameters leave out.

They are no images by default. Developing them needs a package of its own, and most stand beside a JPEG file of the same
photograph, which would then be in the data twice. Nobody should miss them without a word, though.
"""

from collections.abc import Iterable

from curation.core.words import counted

ENDINGS = frozenset(
    {"3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "gpr", "iiq", "kdc", "mef", "mos", "mrw", "nef"}
    | {"nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f"}
)
"""Endings of file names of RAW files, lower case, without the dot."""

_TO_DO = "ingest.image_extensions, and `pip install '.[raw]'` (rawpy), which develops them"


def reason_of(ending: str) -> str:
    """Say why a RAW file is ignored.

    Args:
        ending: one of `ENDINGS` that is not in ingest.image_extensions.
    """
    return f"ending {ending} is that of RAW photographs: to use them, add it to {_TO_DO}"


def warnings_of(reasons: Iterable[str]) -> list[str]:
    """Count the RAW files that are ignored, and say what to do; nothing where there are none.

    Args:
        reasons: why files are ignored, any of them.
    """
    by_reason = {reason_of(ending): ending for ending in ENDINGS}
    found = [by_reason[reason] for reason in reasons if reason in by_reason]
    if not found:
        return []
    names, verb = ", ".join(sorted(set(found))), "is" if len(found) == 1 else "are"
    return [f"{counted(len(found), 'RAW photograph')} ({names}) {verb} ignored: add {names} to {_TO_DO}"]
