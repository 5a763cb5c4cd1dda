"""A temporary repository made from this template, and what a user does in it."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

TEMPLATE = Path(__file__).resolve().parent.parent.parent

COMMANDS = str(Path(sys.executable).parent)
"""The folder of this interpreter, and of `dvc`."""

ALWAYS = ["code", "resolve_base"]
"""The stages that run at every `dvc repro`."""

WARM = "CURATION_TESTS_WARM_PYTHON"
"""Variable that holds the folder of the command that `tests.pipeline.warm_python` has written."""

SMALL = {
    "clean.proxy_size": 32,
    "clean.workers": 1,
    "train.backbone": "resnet-9x0.25",
    "train.pretrained": False,
    "train.enabled": True,
    "train.embedding_dim": 8,
    "train.input_size": 32,
    "train.max_steps": 2,
    "train.workers": 0,
    "embed.batch_size": 16,
    "select.n_samples": 5,
    "report.n_example_images": 2,
    "report.n_thumbnails": 4,
    "report.umap_neighbours": [],
}
"""Parameters that keep every stage real and make it quick."""


@dataclass(frozen=True)
class Result:
    """The output of a command, and its exit status."""

    code: int
    output: str

    def ran(self) -> list[str]:
        """Return the stages that DVC ran."""
        return re.findall(r"^Running stage '([^']+)'", self.output, re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """A clone of the template in which commands run as a user types them."""

    folder: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> Result:
        """Run a command in the project."""
        completed = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
        )
        if check and completed.returncode:
            raise AssertionError(f"{' '.join(command)} failed:\n{completed.stdout}")
        return Result(completed.returncode, completed.stdout)

    def environment(self) -> dict[str, str]:
        """Return the variables for commands: this interpreter first, an identity for git, nothing of a hook's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_", "COV_"))}
        return kept | {
            "PATH": os.pathsep.join([*self._warm(), COMMANDS, os.environ["PATH"]]),
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.org",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.folder.parent / "site-cache"),
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }

    @staticmethod
    def _warm() -> list[str]:
        """Return the folder of the `python` that has the libraries already, while there is one."""
        return [folder] if (folder := os.environ.get(WARM)) else []

    def git(self, *arguments: str, check: bool = True) -> str:
        """Run git and return what it prints."""
        return self.run("git", *arguments, check=check).output

    def dvc(self, *arguments: str, check: bool = True) -> Result:
        """Run dvc."""
        return self.run("dvc", *arguments, check=check)

    def repro(self, *arguments: str, check: bool = True) -> Result:
        """Run the pipeline up to the datapool: the report is not looked at in most tests, and takes time."""
        return self.dvc("repro", *(arguments or ("merge_datapool",)), check=check)

    def commit(self, message: str) -> None:
        """Accept the iteration."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def undo(self, *, check: bool = True) -> None:
        """Go back to the last commit."""
        self.git("reset", "--quiet", "--hard")
        self.git("clean", "--quiet", "-d", "--force")
        self.dvc("checkout", "--quiet", check=check)

    def add_images(self, batch: str, count: int = 10, size: int = 40) -> list[str]:
        """Put seeded images into data/raw and return their names."""
        rng = np.random.default_rng(sum(map(ord, batch)))
        folder = self.folder / "data/raw"
        folder.mkdir(parents=True, exist_ok=True)
        names = []
        for index in range(count):
            coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            name = f"{batch}_{index:03d}.png"
            Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC).save(folder / name)
            names.append(name)
        return names

    def set_params(self, **values: object) -> None:
        """Change `params.yaml`; keys are given as section__key."""
        self.set_dotted({key.replace("__", "."): value for key, value in values.items()})

    def set_dotted(self, values: dict[str, object]) -> None:
        """Change `params.yaml`; keys are given as section.key."""
        yaml = YAML()
        path = self.folder / "params.yaml"
        content = yaml.load(path.read_text())
        for key, value in values.items():
            section, _, name = key.partition(".")
            content[section][name] = value
        with path.open("w") as file:
            yaml.dump(content, file)

    def names(self) -> list[str]:
        """Return the filenames in the datapool, in order of selection."""
        return list(self.samples()["filename"])

    def samples(self) -> pd.DataFrame:
        """Return the datapool's samples."""
        return pd.read_csv(self.folder / "datapool/samples.csv", keep_default_na=False)

    def iterations(self) -> pd.DataFrame:
        """Return the datapool's log."""
        return pd.read_csv(self.folder / "datapool/iterations.csv")

    def state(self) -> tuple[int, int]:
        """Return the datapool's size and its last iteration."""
        return len(self.samples()), int(self.iterations()["iteration"].max())

    def lock(self) -> str:
        """Return the text of dvc.lock, which holds every hash."""
        return (self.folder / "dvc.lock").read_text()

    def status(self) -> str:
        """Return what git sees as changed."""
        return self.git("status", "--short").strip()

    def base(self, revision: str | None = None) -> list[str]:
        """Return the datapools that base.json names, in the workspace or at a revision."""
        text = self.git("show", f"{revision}:base.json") if revision else (self.folder / "base.json").read_text()
        return list(json.loads(text)["datapools"])

    def read_json(self, path: str) -> dict[str, object]:
        """Read a JSON file of the project."""
        content: dict[str, object] = json.loads((self.folder / path).read_text())
        return content

    def clone(self, name: str, *arguments: str) -> "Project":
        """Clone this project beside itself."""
        target = self.folder.parent / name
        self.run("git", "clone", "--quiet", *arguments, self.folder.as_uri(), str(target))
        return Project(target)

    def copy(self, folder: Path) -> "Project":
        """Copy the project with its cache; files that share bytes go on sharing them."""
        folder.mkdir(parents=True)
        subprocess.run(["cp", "-a", f"{self.folder}/.", str(folder / "project")], check=True)
        remote = self.folder.parent / "remote"
        project = Project(folder / "project")
        if remote.exists():
            subprocess.run(["cp", "-a", str(remote), str(folder / "remote")], check=True)
        return project


def copy_template(target: Path) -> None:
    """Copy the files of the template that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=TEMPLATE,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listing.split("\0")):
        source = TEMPLATE / name
        if name.startswith(("tests/", "benchmarks/", "reports/", "docs/")) or not source.is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / name)
    for made in ("base.json", "code.json", "dvc.lock"):
        (target / made).unlink(missing_ok=True)


def new_project(folder: Path, *, subdirectory: str = "", git: bool = True) -> Project:
    """Make a project from the template with small parameters, a remote beside it, and nothing committed but that."""
    root = folder / "project"
    project = Project(root / subdirectory)
    project.folder.mkdir(parents=True)
    copy_template(project.folder)
    project.set_dotted(dict(SMALL))
    if git:
        subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=root, check=True)
        project.dvc("remote", "add", "--quiet", "--default", "storage", "../" * bool(subdirectory) + "../remote")
        project.commit("Start from the template")
    return project
