"""Renew requirements.lock and its fellows from pyproject.toml, for all its Pythons and systems at once.

    make lock                   keep all versions that still fit; resolve what pyproject.toml has changed
    make lock UPGRADE=pillow    raise one package as far as the others allow (or several: UPGRADE="pillow av")
    make lock UPGRADE=all       raise all

`uv` does it, in seconds and without installing anything; only who renews the lock needs it. pip's own settings
(mirrors, folders of wheels) apply.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

if __name__ == "__main__":  # as `python setup/lock.py`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.uv_settings import uv_settings

REPOSITORY = Path(__file__).resolve().parent.parent
RUNTIME, DEVELOPMENT, EXPLORE = "requirements.lock", "requirements-dev.lock", "requirements-explore.lock"
RAY = "requirements-ray.lock"
OLDEST_PYTHON = "3.11"

HEADER = """\
# All packages that the pipeline needs, direct and transitive, for Python 3.11, 3.12 and 3.13 on Linux and macOS.
# `make setup` installs this file; by hand: python -m pip install -r requirements.lock
# The direct ones and their reasons are in pyproject.toml. `make lock` renews this file; then run `make test`.
#
# torch: on Linux the package index serves a CUDA build, which brings its own GPU packages (several GB). Where there is
# no GPU, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make setup   takes the smaller CPU build instead.
# These GPU packages are not listed: torch names the exact versions it needs.
# faiss-cpu: CONTRIBUTING.md says how to replace it by a GPU build.
"""

DEVELOPMENT_HEADER = """\
# What tests, types and style need besides requirements.lock. `make test` installs both; `make lock` renews both.
-r requirements.lock
"""

EXPLORE_HEADER = """\
# What `curate explore` shows its table with: of Embedding Atlas its page, and a database. See docs/guides/explore.md.
# python -m pip install --no-deps -r requirements-explore.lock
# The other packages that Embedding Atlas names (litellm, transformers and so on) are not used, so they are left out.
"""

RAY_HEADER = """\
# What `execution.engine: ray` needs besides requirements.lock, on this machine and on every node of the cluster.
# python -m pip install -r requirements-ray.lock
# See docs/guides/cluster.md.
"""

_OF_TORCHS_GPU_BUILD = re.compile(r"(nvidia|cuda)-|triton==")


def pins(text: str) -> list[str]:
    """Return the lines of a lock file that pin a package, without those that only torch's GPU build brings along."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "#-" and not _OF_TORCHS_GPU_BUILD.match(line)]


def lock_texts(all_pins: list[str], runtime_pins: list[str]) -> tuple[str, str]:
    """Return the text of requirements.lock, and that of requirements-dev.lock, which holds the rest of all pins."""
    rest = [line for line in all_pins if line not in set(runtime_pins)]
    return HEADER + "\n".join(runtime_pins) + "\n", DEVELOPMENT_HEADER + "\n".join(rest) + "\n"


def explore_text(all_pins: list[str], project: str) -> str:
    """Return the text of requirements-explore.lock: of all pins, those that the extra `explore` names itself.

    Args:
        all_pins: of the project with that extra.
        project: text of pyproject.toml.
    """
    wanted = tomllib.loads(project)["project"]["optional-dependencies"]["explore"]
    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in wanted}
    return EXPLORE_HEADER + "".join(f"{line}\n" for line in all_pins if line.split("==")[0] in names)


def ray_text(all_pins: list[str], runtime_pins: list[str]) -> str:
    """Return the text of requirements-ray.lock: what the runtime with the extra `ray` has besides the runtime alone."""
    return RAY_HEADER + "".join(f"{line}\n" for line in all_pins if line not in set(runtime_pins))


def upgrade_options(wanted: list[str]) -> list[str]:
    """Return the options with which uv raises the packages that are named; `all` raises all."""
    if wanted == ["all"]:
        return ["--upgrade"]
    return [option for name in wanted for option in ("--upgrade-package", name)]


def resolve(uv: str, preferred: str, options: list[str]) -> str:
    """Return the pins that uv finds for pyproject.toml.

    Args:
        uv: the program.
        preferred: pins that stay where they fit.
        options: of uv.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lock"
        output.write_text(preferred)
        command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON]
        # One version of a package for all Pythons, so that all of them make the same bytes.
        command += ["--fork-strategy", "fewest", "--no-annotate", "--no-header", *options]
        subprocess.run(
            [*command, "--output-file", str(output), "pyproject.toml"],
            cwd=REPOSITORY,
            env=os.environ | uv_settings(),
            check=True,
        )
        return output.read_text()


def main(wanted: list[str]) -> None:
    """Resolve all, then the runtime's part of it with the same versions, and write the files."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("lock: `uv` is needed to renew the lock files, and was not found. Install it: pipx install uv")
    files = [REPOSITORY / name for name in (RUNTIME, DEVELOPMENT, EXPLORE, RAY)]
    project = REPOSITORY / "pyproject.toml"
    former = [line for file in files if file.exists() for line in pins(file.read_text())]
    complete = resolve(uv, "\n".join(former), ["--extra", "dev", *upgrade_options(wanted)])
    runtime = resolve(uv, complete, [])
    explore = resolve(uv, "\n".join(former), ["--extra", "explore", "--no-deps", *upgrade_options(wanted)])
    # What developers have as well gets the same version: some of what Ray needs is needed by tests, too.
    preferred = {line.split("==")[0]: line for line in [*former, *pins(complete)]}
    ray = resolve(uv, "\n".join(preferred.values()), ["--extra", "ray", *upgrade_options(wanted)])
    texts = (
        *lock_texts(pins(complete), pins(runtime)),
        explore_text(pins(explore), project.read_text()),
        ray_text(pins(ray), pins(runtime)),
    )
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
        print(f"{file.name}: {len(pins(text))} packages")
    for line in sorted(set(pins("".join(texts))) ^ set(former)):
        print(f"  {'-' if line in former else '+'} {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
