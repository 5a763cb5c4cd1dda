"""Two people curate on two branches, and git merges them."""

import re
from pathlib import Path

import pytest

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow

CHECK = ("python", "-m", "stages.resolve_base", "--check")


@pytest.mark.long
def test_a_git_merge_unites_both_datapools(project: Project) -> None:
    first = project.git("rev-parse", "HEAD").strip()
    project.run("hooks/install.sh")
    project.git("checkout", "--quiet", "-b", "bob")
    project.add_images("b")
    project.repro()
    project.commit("bob's iteration")
    project.dvc("push", "--quiet")
    bob = set(project.names())

    project.git("checkout", "--quiet", "main")
    project.dvc("checkout", "--quiet", check=False)
    project.add_images("c")
    project.repro()
    project.commit("alice's iteration")
    project.dvc("push", "--quiet")
    alice = project.names()

    output = project.git("merge", "--no-edit", "bob", check=False)
    assert "union of 2 datapools" in output
    assert "both datapools are united" in output
    project.git("commit", "--quiet", "--no-edit")
    assert not project.status()
    assert len(project.git("show", "--no-patch", "--format=%P", "HEAD").split()) == 2
    assert set(project.names()) == bob | set(alice)
    assert project.names()[: len(alice)] == alice
    assert list(project.iterations()["iteration"]) == [1, 2, 3, 4]
    assert project.iterations()["selected"].tolist() == [5, 5, 5, 0]
    project.run(*CHECK)
    project.dvc("push", "--quiet")
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""
    project.run(*CHECK, "--range", f"{first}..HEAD")

    clone = project.clone("merged", "--depth", "1")
    clone.dvc("pull", "--quiet", check=False)
    assert clone.repro().ran() == ALWAYS
    assert clone.status() == ""


def test_another_projects_datapool_is_taken_in(project: Project, tmp_path: Path) -> None:
    other = project.copy(tmp_path / "elsewhere")
    other.add_images("z")
    other.repro()
    other.commit("their iteration")
    told = project.run("python", "-m", "curate", "combine", f"{other.folder}@HEAD").output
    found = re.search(r"datapool: \[HEAD, ([0-9a-f]{32}\.dir)\]", told)
    assert found is not None
    assert "combine: 10 samples" in told
    project.set_params(base__datapool=["HEAD", found[1]])
    assert "10 samples, the union of 2 datapools" in project.repro("base").output

    # What was selected elsewhere, as a file of embeddings
    latest = (project.folder / "datapool/datapool_latest.csv").read_text()
    (project.folder / "pool.csv").write_text(latest.replace("a_0", "elsewhere/a_0"))
    checkpoint = ("--checkpoint", "datapool/checkpoint_latest.ckpt")
    told = project.run("python", "-m", "curate", "combine", "pool.csv", *checkpoint).output
    found = re.search(r"5 samples of pool.csv .* datapool: \[HEAD, ([0-9a-f]{32}\.dir)\]", told, re.DOTALL)
    assert found is not None, told
    project.set_params(base__datapool=["HEAD", found[1]])
    assert "10 samples, the union of 2 datapools" in project.repro("base").output
    told = project.run("python", "-m", "curate", "combine", "pool.csv", check=False).output
    assert "does not say which model made its embeddings" in told

    told = project.run("python", "-m", "curate", "combine", f"{other.folder}@nonsense", check=False).output
    assert "unknown Git revision 'nonsense'" in told
    assert "Traceback" not in told
