"""Name the Debian packages whose libraries WeasyPrint needs and this machine lacks, one a line; nothing if none.

Libraries are loaded instead of looked up in a package database, so machines without Debian's packages pass too.
Runs before anything is installed: standard library only.
"""

import ctypes
from collections.abc import Callable

LIBRARIES = {
    "libpango-1.0-0": ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0.0.dylib"),
    "libpangoft2-1.0-0": ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib", "libpangoft2-1.0.0.dylib"),
    "libharfbuzz-subset0": ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib"),
}
"""Debian package: the names its library has on Linux and macOS. They bring GObject, HarfBuzz and fontconfig along."""


def loads(name: str) -> bool:
    """Whether the dynamic linker finds and loads the library `name`."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def missing_packages(can_load: Callable[[str], bool] = loads) -> list[str]:
    """Return the packages of `LIBRARIES` none of whose names `can_load`, in the table's order."""
    return [package for package, names in LIBRARIES.items() if not any(can_load(name) for name in names)]


if __name__ == "__main__":
    print(*missing_packages(), sep="\n", end="")
