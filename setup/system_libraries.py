"""Name the Debian or Ubuntu packages whose libraries are needed and missing here, one a line; nothing if none.

WeasyPrint needs Pango, the decoding of JPEG files libturbojpeg.

Libraries are loaded instead of looked up in a package database, so machines without Debian's packages pass too.
Runs before anything is installed: standard library only.
"""

import ctypes
import platform
from collections.abc import Callable

LIBRARIES = {
    "libpango-1.0-0": ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0.0.dylib"),
    "libpangoft2-1.0-0": ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib", "libpangoft2-1.0.0.dylib"),
    "libharfbuzz-subset0": ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib"),
    "libturbojpeg0": (
        "libturbojpeg.so.0",
        "libturbojpeg.0.dylib",
        "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
        "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
    ),
}
"""Debian's package: the names its library has on Linux and macOS. Those of Pango bring GObject and fontconfig along."""

UBUNTU_NAMES = {"libturbojpeg0": "libturbojpeg"}
"""Debian's package: how Ubuntu calls it, where that differs."""


def loads(name: str) -> bool:
    """Return whether the dynamic linker finds and loads the library `name`."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def is_ubuntu() -> bool:
    """Return whether this system has Ubuntu's packages, as Ubuntu and what is made from it."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return "ubuntu" in [release.get("ID", ""), *release.get("ID_LIKE", "").split()]


def missing_packages(can_load: Callable[[str], bool] = loads, *, ubuntu: bool = False) -> list[str]:
    """Return the packages of `LIBRARIES` none of whose names `can_load`, in the table's order."""
    missing = [package for package, names in LIBRARIES.items() if not any(can_load(name) for name in names)]
    return [UBUNTU_NAMES.get(package, package) for package in missing] if ubuntu else missing


if __name__ == "__main__":
    print(*missing_packages(ubuntu=is_ubuntu()), sep="\n", end="")
