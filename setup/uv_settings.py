"""Say in uv's words where pip takes packages from: mirrors, further indexes, folders of wheels, certificates.

So `PIP_EXTRA_INDEX_URL`, pip.conf and the like hold for `make setup` and `make lock` with uv, too. What is set for uv
itself comes first. Runs before anything is installed: standard library only.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping

NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
"""pip's name of a setting: the variable that tells it to uv."""

_SEPARATED_BY_COMMAS = ("UV_FIND_LINKS",)


def parse(listing: str) -> dict[str, str]:
    """Return the settings that `pip config list` prints, each under its name alone; variables come last and win."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found[key.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def translated(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return uv's variables for pip's settings, without those that are set.

    pip takes the best version of all indexes, and uv, by default, only looks into the first that has a package.
    """
    wanted = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, variable in NAMES.items():
        if values := pip.get(name, "").split():
            wanted[variable] = ("," if variable in _SEPARATED_BY_COMMAS else " ").join(values)
    return {name: value for name, value in wanted.items() if name not in environment}


def uv_settings() -> dict[str, str]:
    """Return the variables for uv on this machine."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    of_files = parse(listing.stdout) if listing.returncode == 0 else {}
    of_variables = {name: value for name in NAMES if (value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"))}
    return translated(of_files | of_variables, os.environ)


if __name__ == "__main__":
    for variable, value in uv_settings().items():
        print(f"{variable}={value}")
