"""The lock file pins everything that pyproject.toml names, and the set-up asks for the right system packages."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from curation.image.turbojpeg import LIBRARY_NAMES
from setup.lock import HEADER, direct_requirements, lock_text, normalised
from setup.system_libraries import LIBRARIES, missing_packages
from tests.conftest import REPOSITORY


def locked() -> dict[str, str]:
    """Versions in requirements.lock by canonical name."""
    lines = (REPOSITORY / "requirements.lock").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def test_the_lock_file_holds_nothing_but_exact_versions() -> None:
    text = (REPOSITORY / "requirements.lock").read_text()
    assert text.startswith(HEADER)
    lines = text[len(HEADER) :].splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    assert lines == sorted(lines, key=str.lower)


@pytest.mark.parametrize("requirement", direct_requirements())
def test_direct_requirements_are_locked_within_their_limits(requirement: str) -> None:
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(locked()[canonicalize_name(wanted.name)])


def test_line_of_pip_freeze_becomes_an_exact_version() -> None:
    assert normalised("torch==2.13.0+cpu") == "torch==2.13.0"
    assert normalised("torch @ file:///w/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl#sha256=1") == "torch==2.13.0"
    assert normalised("click==8.5.1") == "click==8.5.1"
    assert lock_text("pip==23.2.1\nFlask==3.1.3\nclick==8.5.1\n") == HEADER + "click==8.5.1\nFlask==3.1.3\n"


def test_missing_libraries_are_named_by_package() -> None:
    assert missing_packages(lambda name: True) == []
    assert missing_packages(lambda name: False) == list(LIBRARIES)
    assert missing_packages(lambda name: "pango" in name) == ["libharfbuzz-subset0", "libturbojpeg0"]
    assert missing_packages(lambda name: name.endswith(".dylib")) == []


def test_the_setup_and_the_decoder_look_for_the_same_library() -> None:
    assert LIBRARIES["libturbojpeg0"] == LIBRARY_NAMES


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("dvc.lock", "from dvc.utils.serialize import _yaml; _yaml._dump_data('dvc.lock', {}, half)"),
        (
            "rwlock",
            "from dvc import rwlock; from dvc.fs import localfs; rwlock.json.dump = half\n"
            "with rwlock._edit_rwlock('.', localfs, False): pass",
        ),
    ],
)
def test_dvc_killed_while_it_writes_leaves_the_former_file(name: str, code: str, tmp_path: Path) -> None:
    def run(*, killed: bool) -> int:
        half = f"import os\ndef half(data, stream): stream.write('half'); stream.flush(); {killed} and os._exit(9)\n"
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "setup/startup")}
        return subprocess.run(
            [sys.executable, "-c", half + code], cwd=tmp_path, env=environment, check=False
        ).returncode

    path = tmp_path / name
    path.write_text('{"read": {}, "write": {}}')
    path.chmod(0o640)
    assert run(killed=True) == 9
    assert path.read_text() == '{"read": {}, "write": {}}'
    assert len(list(tmp_path.glob(".writing-*"))) == 1
    assert run(killed=False) == 0
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("half", 0o640)
    assert list(tmp_path.glob(".writing-*")) == []


def test_make_lists_every_target() -> None:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    listed = subprocess.run(
        ["make", "-C", str(REPOSITORY)], env=quiet, capture_output=True, text=True, check=True
    ).stdout
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    assert targets == {line.split()[1] for line in listed.splitlines() if line.startswith("  make ")}
    assert {"setup", "demo", "test"} <= targets


def test_ci_runs_what_a_person_runs() -> None:
    script = REPOSITORY / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()


def test_python_versions_agree() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.11,<3.12"
    assert project["tool"]["mypy"]["python_version"] == "3.11"
    assert "(3, 11)" in (REPOSITORY / "setup/setup.sh").read_text()
