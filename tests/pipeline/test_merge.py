"""Two people curate on two branches, and git merges them."""

import re
from pathlib import Path

import pytest

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow

CHECK = ("python", "-m", "stages.resolve_base", "--check")


@pytest.fixture
def alice_and_bob(project: Project) -> tuple[Project, Project]:
    """Two clones with a remote, and an iteration in each: nothing of either is in the other's cache."""
    bob = project.clone("bob")
    bob.dvc("pull", "--quiet", "data/raw.dvc")
    for one, batch in ((bob, "b"), (project, "c")):
        one.add_images(batch)
        one.repro()
        one.commit(f"batch {batch}")
        one.dvc("push", "--quiet")
    project.git("remote", "add", "--fetch", "origin", str(bob.folder))
    project.git("branch", "--quiet", "--set-upstream-to", "origin/main")
    return project, bob


@pytest.mark.long
def test_a_git_pull_unites_both_datapools(alice_and_bob: tuple[Project, Project], tmp_path: Path) -> None:
    project, bob = alice_and_bob
    plain = project.copy(tmp_path / "plain")
    first, alice = project.git("rev-parse", "HEAD~1").strip(), project.names()

    # With the hooks: git pull, and git commit
    project.run("hooks/install.sh")
    output = project.git("pull", "--no-edit", check=False)
    assert "union of 2 datapools" in output
    assert "both datapools are united" in output
    project.git("commit", "--quiet", "--no-edit")
    assert not project.status()
    assert len(project.git("show", "--no-patch", "--format=%P", "HEAD").split()) == 2
    assert set(project.names()) == {*bob.names(), *alice}
    assert project.names()[: len(alice)] == alice
    assert list(project.iterations()["iteration"]) == [1, 2, 3, 4]
    assert project.iterations()["selected"].tolist() == [5, 5, 5, 0]
    assert len(list((project.folder / "data/raw").iterdir())) == 30
    project.run(*CHECK)
    project.dvc("push", "--quiet")
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""
    project.run(*CHECK, "--range", f"{first}..HEAD")

    clone = project.clone("merged", "--depth", "1")
    clone.dvc("pull", "--quiet", check=False)
    assert clone.repro().ran() == ALWAYS
    assert clone.status() == ""

    # Without: the careless commit is found in a fresh clone, and one command settles what git pull has left
    assert "Automatic merge failed" in plain.git("pull", "--no-rebase", "--no-edit", check=False)
    plain.git("add", ".")
    plain.git("commit", "--quiet", "--message", "careless")
    told = plain.clone("fresh").run(*CHECK, check=False)
    assert told.code == 1
    assert "data/raw.dvc, dvc.lock" in told.output
    assert "Make the merge again" in told.output
    assert "cannot be verified" in plain.run("python", "-m", "curate", "verify", "--quick", check=False).output
    plain.git("reset", "--quiet", "--hard", "HEAD^1")
    plain.git("pull", "--no-rebase", "--no-edit", check=False)
    assert "both datapools are united" in plain.run("python", "-m", "curate", "merge").output
    plain.git("commit", "--quiet", "--no-edit")
    assert plain.lock() == project.lock()
    assert (plain.folder / "data/raw.dvc").read_text() == (project.folder / "data/raw.dvc").read_text()


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
