"""The lock files pin everything that pyproject.toml names, for all Pythons, and the set-up installs it, and no more."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from curation.image.turbojpeg import LIBRARY_NAMES
from setup import lock
from setup.lock import (
    DEVELOPMENT_HEADER,
    EXPLORE,
    HEADER,
    RAY,
    RAY_HEADER,
    explore_text,
    lock_texts,
    pins,
    ray_text,
    upgrade_options,
)
from setup.system_libraries import LIBRARIES, missing_packages
from setup.uv_settings import parse, translated
from tests.conftest import REPOSITORY

LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("linux", "darwin")


def locked(*names: str) -> dict[str, list[Requirement]]:
    """Pins in lock files by canonical name."""
    found: dict[str, list[Requirement]] = {}
    for name in names:
        for pin in map(Requirement, pins((REPOSITORY / name).read_text())):
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def versions(pinned: list[Requirement], python: str, system: str) -> list[str]:
    """Versions that are installed on a Python and system."""
    place = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system}
    return [str(pin.specifier) for pin in pinned if pin.marker is None or pin.marker.evaluate(place)]


@pytest.mark.parametrize(("name", "header"), [(LOCKS[0], HEADER), (LOCKS[1], DEVELOPMENT_HEADER)])
def test_a_lock_file_holds_nothing_but_exact_versions(name: str, header: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert text.startswith(header)
    lines = text[len(header) :].splitlines()
    assert lines == pins(text)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][A-Za-z0-9.]*( ; .+)?", line) for line in lines)
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(names)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_direct_requirements_are_locked_within_their_limits(python: str, system: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    runtime, complete = locked(LOCKS[0]), locked(*LOCKS)
    for wanted in (project["dependencies"], project["optional-dependencies"]["dev"]):
        for requirement in map(Requirement, wanted):
            name = canonicalize_name(requirement.name)
            (version,) = versions((runtime if wanted is project["dependencies"] else complete)[name], python, system)
            assert requirement.specifier.contains(version.removeprefix("=="))


def test_what_shows_a_million_samples_is_pinned_by_itself() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text()
    text = (REPOSITORY / EXPLORE).read_text()
    assert text == explore_text([*pins(text), "litellm==1"], project)
    wanted = tomllib.loads(project)["project"]["optional-dependencies"]["explore"]
    for requirement, pin in zip(map(Requirement, wanted), pins(text), strict=True):
        name, _, version = pin.partition("==")
        assert (name, requirement.specifier.contains(version)) == (requirement.name, True)
    assert not locked(*LOCKS).keys() & locked(EXPLORE).keys()


def test_the_cluster_has_a_lock_of_its_own_that_changes_no_other() -> None:
    text, runtime = (REPOSITORY / RAY).read_text(), locked(LOCKS[0])
    assert text == RAY_HEADER + "".join(f"{line}\n" for line in pins(text))
    assert text == ray_text([*pins(text), "av==1"], ["av==1"])
    (wanted,) = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]["ray"]
    found = locked(RAY)
    assert Requirement(wanted).specifier.contains(str(found["ray"][0].specifier).removeprefix("=="))
    assert not runtime.keys() & found.keys()
    for name, pinned in locked(LOCKS[1]).items():
        assert name not in found or str(found[name][0].specifier) == str(pinned[0].specifier), name


def test_all_pythons_get_the_same_versions() -> None:
    for name, pinned in locked(*LOCKS).items():
        assert len({str(pin.specifier) for pin in pinned}) == 1, name


def test_users_get_no_package_that_only_developers_need() -> None:
    runtime = locked(LOCKS[0])
    assert not runtime.keys() & {"pytest", "hypothesis", "ruff", "mypy", "moto", "labelformat", "open-clip-torch"}
    assert "-r requirements.lock" in (REPOSITORY / LOCKS[1]).read_text().splitlines()
    assert not runtime.keys() & locked(LOCKS[1]).keys()


def test_what_only_torchs_gpu_build_needs_is_in_no_lock() -> None:
    text = (
        "# a\n-r b\ntorch==2\n    # via c\nnvidia-nccl-cu13==2 ; sys_platform == 'linux'\ncuda-toolkit==1\ntriton==3\n"
    )
    assert pins(text) == ["torch==2"]
    assert lock_texts(["a==1", "b==2", "c==3"], ["a==1", "c==3"]) == (
        f"{HEADER}a==1\nc==3\n",
        f"{DEVELOPMENT_HEADER}b==2\n",
    )


@pytest.mark.thorough
def test_a_single_package_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`uv` is imitated: this is about what it is asked for."""
    assert upgrade_options([]) == []
    assert upgrade_options(["all"]) == ["--upgrade"]
    (tmp_path / "uv").write_text(f"#!{sys.executable}\n{UV}")
    (tmp_path / "uv").chmod(0o755)
    (tmp_path / "requirements.lock").write_text("pillow==12\nav==1\n")
    (tmp_path / "requirements-dev.lock").write_text("-r requirements.lock\npytest==8\n")
    (tmp_path / "requirements-explore.lock").write_text("duckdb==2\n")
    (tmp_path / "requirements-ray.lock").write_text("ray==2\n")
    extras = '[project.optional-dependencies]\nexplore = ["duckdb>=1"]\nray = ["ray>=1"]\n'
    (tmp_path / "pyproject.toml").write_text(extras)
    monkeypatch.setattr(lock, "REPOSITORY", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    lock.main(["pillow"])
    assert pins((tmp_path / "requirements.lock").read_text()) == ["av==1", "pillow==13"]
    assert pins((tmp_path / "requirements-dev.lock").read_text()) == ["pytest==8"]
    assert pins((tmp_path / "requirements-explore.lock").read_text()) == ["duckdb==2"]
    assert pins((tmp_path / "requirements-ray.lock").read_text()) == ["ray==2"]


UV = """\
import sys
from pathlib import Path
path = Path(sys.argv[sys.argv.index("--output-file") + 1])
pins = dict(line.split("==") for line in path.read_text().split())
if "--upgrade-package" in sys.argv:
    pins[sys.argv[sys.argv.index("--upgrade-package") + 1]] = "13"
if "dev" not in sys.argv:
    del pins["pytest"]
for extra, name in (("explore", "duckdb"), ("ray", "ray")):
    if extra not in sys.argv:
        pins.pop(name, None)
assert "--universal" in sys.argv
path.write_text("".join(f"{name}=={version}\\n" for name, version in sorted(pins.items())))
"""


def test_without_uv_the_lock_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="`uv` is needed"):
        lock.main([])


def test_pips_settings_hold_for_uv() -> None:
    listing = (
        "global.index-url='a'\n:env:.index-url='b'\nglobal.extra-index-url='\\nc d\\ne'\ninstall.find-links='/w /x'\n"
    )
    settings = parse(listing)
    assert settings == {"index-url": "b", "extra-index-url": "\nc d\ne", "find-links": "/w /x"}
    assert translated(settings, {"UV_DEFAULT_INDEX": "mine"}) == {
        "UV_INDEX": "c d e",
        "UV_FIND_LINKS": "/w,/x",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_missing_libraries_are_named_by_package() -> None:
    assert missing_packages(lambda name: True) == []
    assert missing_packages(lambda name: False) == list(LIBRARIES)
    assert missing_packages(lambda name: "pango" in name) == ["libharfbuzz-subset0", "libturbojpeg0"]
    assert missing_packages(lambda name: name.endswith(".dylib")) == []
    assert missing_packages(lambda name: "pango" in name, ubuntu=True) == ["libharfbuzz-subset0", "libturbojpeg"]


def test_the_setup_and_the_decoder_look_for_the_same_library() -> None:
    assert LIBRARIES["libturbojpeg0"] == LIBRARY_NAMES


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose lock files name no package, so that set-up is quick and needs no network."""
    shutil.copytree(REPOSITORY / "setup", tmp_path / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "requirements.lock").write_text("# none\n")
    (tmp_path / "requirements-dev.lock").write_text("-r requirements.lock\n")
    return tmp_path


def set_up(
    folder: Path, *arguments: str, path: str = os.environ["PATH"], python: str = sys.executable
) -> tuple[int, str]:
    """Run the set-up, without what this shell or Python has set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV", "PYTHON"))}
    done = subprocess.run(
        ["bash", "setup/setup.sh", *arguments],
        cwd=folder,
        env=kept | {"PATH": path, "PYTHON": python},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.slow
def test_set_up_makes_an_environment_once(checkout: Path) -> None:
    code, said = set_up(checkout)
    assert (code, said.count("installing the packages of requirements.lock")) == (0, 1), said
    assert set_up(checkout) == (0, "")
    code, said = set_up(checkout, "dev")
    assert (code, said.count("installing the packages of requirements-dev.lock")) == (0, 1), said
    (checkout / "requirements-dev.lock").write_text("-r requirements.lock\n# changed\n")
    assert set_up(checkout) == (0, "")
    assert "installing the packages of requirements-dev.lock" in set_up(checkout, "dev")[1]
    (checkout / "requirements.lock").write_text("# changed\n")
    assert "installing the packages of requirements.lock" in set_up(checkout)[1]
    assert "installing the packages of requirements-dev.lock" in set_up(checkout, "dev")[1]
    assert set_up(checkout) == set_up(checkout, "dev") == (0, "")
    assert (checkout / "data/raw").is_dir()
    raw_files_that_were_not_pulled(checkout)
    module_found_from_a_sub_folder(checkout)
    links_that_keep_the_cache(checkout)


def raw_files_that_were_not_pulled(checkout: Path) -> None:
    """In a clone whose raw files DVC tracks, an empty folder would say that they were deleted."""
    (checkout / "data/raw").rmdir()
    (checkout / "data/raw.dvc").touch()
    for is_tracked in (True, False):
        (checkout / ".venv/bin/curate").unlink()  # or there is nothing to set up
        assert set_up(checkout) == (0, "")
        assert (checkout / "data/raw").exists() is not is_tracked
        (checkout / "data/raw.dvc").unlink(missing_ok=True)


def module_found_from_a_sub_folder(project: Path) -> None:
    """Check that the interpreter finds a stage of the project whose sub-folder it is called in, and no other module."""
    (project / "stages").mkdir()
    (project / "stages/own.py").write_text("print('own')")
    for name in ("dvc.yaml", "params.yaml"):
        (project / name).touch()

    def run(*arguments: str) -> str:
        command = [str(project / ".venv/bin/python"), *arguments]
        done = subprocess.run(command, cwd=project / "data/raw", stdout=subprocess.PIPE, text=True, check=False)
        return done.stdout

    assert run("-m", "stages.own") == "own\n"
    assert not run("-c", "import stages.own")


def links_that_keep_the_cache(checkout: Path) -> None:
    """Check that the set-up as root, and only as root, sets link types with which nothing is written into the cache."""
    links = '[cache]\n    type = "reflink,hardlink,copy"\n'
    (checkout / ".dvc").mkdir()
    (checkout / ".dvc/config").write_text(links)
    local = checkout / ".dvc/config.local"

    def set_up_as(user: int) -> str:
        (checkout / "tools").mkdir(exist_ok=True)
        (checkout / "tools/id").write_text(f"#!/bin/sh\necho {user}\n")
        (checkout / "tools/id").chmod(0o755)
        code, said = set_up(checkout, path=f"{checkout / 'tools'}{os.pathsep}{os.environ['PATH']}")
        assert code == 0, said
        return said

    assert set_up_as(1000) == ""
    assert not local.exists()
    assert "reflink,copy" in set_up_as(0)
    assert local.read_text() == '[cache]\n    type = "reflink,copy"\n'
    assert set_up_as(0) == ""
    local.write_text("[core]\n    remote = x\n[cache]\n    dir = /mnt/cache\n")
    assert "dvc checkout --relink" in set_up_as(0)
    assert local.read_text() == ('[core]\n    remote = x\n[cache]\n    type = "reflink,copy"\n    dir = /mnt/cache\n')
    local.write_text(links)
    assert set_up_as(0) == "", "what somebody has set stays"


def test_the_command_runs_the_code_of_the_project_one_stands_in(checkout: Path) -> None:
    for name in ("own", "other"):
        for module in ("curate/__init__.py", "curate/__main__.py", "curation/cli/main.py"):
            (checkout / name / module).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name / module).write_text(
                f"import sys; print({name!r}, *sys.argv[1:])" * ("__main__" in module)
            )
    command = checkout / "own/.venv/bin/curate"
    command.parent.mkdir(parents=True)
    shutil.copy2(REPOSITORY / "setup/curate.sh", command)
    (command.parent / "python").symlink_to(sys.executable)

    def run(folder: Path) -> str:
        return subprocess.run([command, "list", "a b"], cwd=folder, capture_output=True, text=True, check=True).stdout

    (checkout / "other/data/raw").mkdir(parents=True)
    assert run(checkout / "own") == "own list a b\n"
    assert run(checkout / "other/data/raw") == "other list a b\n"
    assert run(checkout / "other") == "other list a b\n"
    assert run(checkout) == "own list a b\n"


@pytest.mark.parametrize("version", [(3, 10), (3, 14), None])
def test_another_python_than_those_supported_is_refused(checkout: Path, version: tuple[int, int] | None) -> None:
    python = checkout / "python"
    if version:
        python.write_text(f"#!{sys.executable}\nimport sys\nsys.version_info = {(*version, 0)}\nexec(sys.argv[2])\n")
        python.chmod(0o755)
    code, said = set_up(checkout, python=str(python))
    assert (code, said) == (
        1,
        f"setup: PYTHON={python} is no Python 3.11, 3.12 or 3.13 that runs. "
        "Name another, or none: then one is looked for.\n",
    )
    assert not (checkout / ".venv").exists()


def test_without_any_python_the_message_says_how_to_get_one(checkout: Path) -> None:
    tools = checkout / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "cat", "cmp", "grep"):
        (tools / name).symlink_to(shutil.which(name) or name)
    for name in ("python3.11", "python3.12", "python3.13", "python3", "python"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    script = checkout / "setup/setup.sh"
    script.write_text(script.read_text().replace("/usr/bin/python3", "/nowhere/python3"))
    code, said = set_up(checkout, path=str(tools), python="")
    assert code == 1
    assert said.startswith("setup: Python 3.11, 3.12 or 3.13 is needed, and none was found. Install one")


@pytest.mark.slow
def test_uv_is_used_where_it_is_there(checkout: Path) -> None:
    tools = checkout / "tools"
    tools.mkdir()
    (tools / "uv").write_text(
        f'#!/bin/sh\necho "$UV_INDEX_STRATEGY: $*" >> {checkout}/asked\n'
        f'[ "$1" != venv ] || exec {sys.executable} -m venv --clear .venv\n'
    )
    (tools / "uv").chmod(0o755)
    code, said = set_up(checkout, "dev", path=f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert code == 0, said
    made, installed = (checkout / "asked").read_text().splitlines()
    assert made == f"unsafe-best-match: venv --quiet --seed --clear --no-project --python {sys.executable} .venv"
    assert installed == ("unsafe-best-match: pip install --quiet --python .venv/bin/python -r requirements-dev.lock")
    assert set_up(checkout, "dev") == (0, "")


@pytest.mark.slow
def test_the_package_holds_the_engine_and_its_files(tmp_path: Path) -> None:
    """The engine builds as a package, whose modules and command can be imported from the built file alone."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "curation"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = sorted(name for name in tracked.split("\0") if name and (REPOSITORY / name).is_file())
    for name in [*files, "pyproject.toml", "README.md", "LICENSE", "NOTICE"]:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, tmp_path / "source" / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path)]
    subprocess.run([*build, str(tmp_path / "source")], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert sorted(name for name in archive.namelist() if ".dist-info/" not in name) == files
    installed = tmp_path / "installed"
    into = ["--quiet", "--no-deps", "--no-index", "--target", str(installed)]
    subprocess.run([*pip, "install", *into, str(wheel)], check=True)
    asked = subprocess.run(
        [installed / "bin/curate", "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "repair" in asked.stdout
    where = "import curation.reporting.pages.render as module; print(module.__file__)"
    found = subprocess.run([sys.executable, "-c", where], cwd=installed, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(installed / "curation/reporting/pages/render.py")


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
    assert project["project"]["requires-python"] == f">={PYTHONS[0]}"
    assert project["tool"]["mypy"]["python_version"] == PYTHONS[0] == lock.OLDEST_PYTHON
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (REPOSITORY / "setup/setup.sh").read_text()
    assert all(python in HEADER for python in PYTHONS)
