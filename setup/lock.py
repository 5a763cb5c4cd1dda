"""Renew requirements.lock: install what pyproject.toml names into a fresh virtual environment and write down all of it.

    make lock

pip's own settings (mirrors, CPU builds of torch) apply; a build's local name, as in `2.13.0+cpu`, is not written down.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

HEADER = """\
# All packages of the project, direct and transitive, as they were tested together with Python 3.11 on Linux.
# `make setup` installs this file; by hand: python -m pip install -r requirements.lock
# The direct ones and their reasons are in pyproject.toml. `make lock` renews this file; then run `make test`.
#
# torch: on Linux the package index serves a CUDA build, which brings its own GPU packages (several GB). Where there is
# no GPU, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make setup   takes the smaller CPU build instead.
# faiss-cpu: CONTRIBUTING.md says how to replace it by a GPU build.
"""


def direct_requirements() -> list[str]:
    """Return the requirements that pyproject.toml names, those for development included."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


def normalised(line: str) -> str:
    """Turn a line of `pip freeze` into `name==version`.

    `torch @ file:///…/torch-2.13.0%2Bcpu-cp311-….whl` and `torch==2.13.0+cpu` both become `torch==2.13.0`.
    """
    name, at, url = line.partition(" @ ")
    if at:
        version = url.rpartition("/")[2].split("-")[1].replace("%2B", "+")
        line = f"{name}=={version}"
    return line.partition("+")[0]


def lock_text(frozen: str) -> str:
    """Turn the output of `pip freeze --all` into the lock file's text; pip itself is left out."""
    lines = {normalised(line) for line in frozen.splitlines() if line and not line.startswith(("#", "-e", "pip=="))}
    return HEADER + "\n".join(sorted(lines, key=str.lower)) + "\n"


def main() -> None:
    """Install, and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [str(Path(folder) / "bin/python"), "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", *direct_requirements()], check=True)
        frozen = subprocess.run([*pip, "freeze", "--all"], check=True, capture_output=True, text=True).stdout
    (REPOSITORY / "requirements.lock").write_text(lock_text(frozen))
    print(f"requirements.lock: {len(frozen.splitlines()) - 1} packages", file=sys.stderr)


if __name__ == "__main__":
    main()
