"""Whether a commit holds the code that its record was made by."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

from curation.core.hashing import md5_of_file
from curation.history.code_record import NOT_RECORDED
from curation.pipeline import paths

_CODE_FOLDERS = ("stages/", "curation/")
"""Where stages had their code before there was `code.json`."""


@dataclass(frozen=True)
class CodeThen:
    """How the code in a commit compares with the code that a stage ran by.

    Attributes:
        is_same: None where that is not known.
        has_other_libraries: whether other versions of libraries are installed than then.
        digests: of all stages, of the code in the commit with the libraries here.
    """

    is_same: bool | None
    has_other_libraries: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)


def code_in(folder: Path, entry: Mapping[str, Any], name: str) -> CodeThen:
    """Compare the code in a folder with what a stage recorded. What counts as code, the code in the folder decides.

    Args:
        folder: the commit's files.
        entry: of the stage in dvc.lock.
        name: of the stage.
    """
    digest = entry.get("params", {}).get(paths.CODE.as_posix(), {}).get(name)
    if digest is None:
        return CodeThen(_has_recorded_files(folder, entry))
    if str(digest).startswith(NOT_RECORDED):
        return CodeThen(None)
    printed = run_module(folder, "stages.code", "--now")
    try:
        digests = {str(key): str(value) for key, value in json.loads(printed.stdout).items()}
    except (ValueError, AttributeError):
        return CodeThen(False)
    code, _, libraries = str(digest).partition("-")
    code_here, _, libraries_here = digests.get(name, "").partition("-")
    return CodeThen(code == code_here, libraries != libraries_here, digests)


def run_module(folder: Path, module: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run a module of a commit in a folder with its files."""
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    return subprocess.run(
        [sys.executable, "-m", module, *options],
        cwd=folder,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _has_recorded_files(folder: Path, entry: Mapping[str, Any]) -> bool | None:
    """Whether a folder holds the files and folders of code that stages named one by one before there was `code.json`.

    Returns:
        None where the stage named none.
    """
    named = {str(item["path"]): item.get("md5") for item in entry.get("deps", [])}
    code = {path: value for path, value in named.items() if path.endswith(".py") or path.startswith(_CODE_FOLDERS)}
    if not code:
        return None
    return all(_dvc_hash(folder / path) == recorded for path, recorded in code.items())


def _dvc_hash(path: Path) -> str | None:
    """Return the hash by which DVC knows a file, or a folder whose files git holds; None where there is neither."""
    if path.is_file():
        return md5_of_file(path)
    if not path.is_dir():
        return None
    files = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    entries = [{"md5": md5_of_file(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    entries.sort(key=lambda entry: entry["relpath"])
    return f"{md5(json.dumps(entries).encode(), usedforsecurity=False).hexdigest()}.dir"
