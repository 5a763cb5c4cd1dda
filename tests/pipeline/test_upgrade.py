"""A project that goes on with a newer version of the template, as docs/guides/upgrade.md says: `git merge`."""

import re
import subprocess

import pytest

from tests.pipeline.project import ALWAYS, TEMPLATE, Project
from tests.pipeline.test_code_changes import COUNT, OWN_STAGE, add_stage, edit, verify

pytestmark = pytest.mark.slow

VERSION_2 = '''_run = run


def run(params: Params) -> str:
    """Do it as before, and say by which version."""
    return f"{_run(params)} (version 2)"


main = stage_command(run)'''


def newer(template: Project) -> None:
    """Make a newer version: code that moved, code that changed, a parameter more, other words here and there."""
    template.git("mv", "curation/cleaning/near_duplicates.py", "curation/cleaning/alike.py")
    for path in sorted((template.folder / "curation").rglob("*.py")):
        if "cleaning.near_duplicates import" in path.read_text():
            edit(template, str(path), "cleaning.near_duplicates import", "cleaning.alike import")
    for stage in ("ingest", "clean", "select", "merge_datapool", "report"):
        edit(template, f"stages/{stage}.py", "main = stage_command(run)", VERSION_2)
    (schema,) = [
        path for path in (template.folder / "curation/params").glob("*.py") if "class SelectParams" in path.read_text()
    ]
    head = re.compile(r'(class SelectParams\(Section\):\n    """.*?"""\n)', re.DOTALL)
    schema.write_text(head.sub(r"\1\n    limit: int = 7\n", schema.read_text()))
    edit(template, "params.yaml", "\nselect:\n", "\nselect:\n  # A limit that is new, >= 1.\n  limit: 7\n")
    edit(template, "dvc.yaml", "desc: Say what happened, to people", "desc: Tell what happened, to people")
    edit(
        template,
        "stages/select.py",
        '    return f"{_run(params)',
        "    told = _run(params)\n    Path('data/select/more.csv').write_text('more')\n    return f\"{told",
    )
    edit(template, "stages/select.py", "from curation", "from pathlib import Path\n\nfrom curation")
    edit(
        template,
        "dvc.yaml",
        "    - data/select/comparison.csv\n",
        "    - data/select/comparison.csv\n    - data/select/more.csv\n",
    )
    edit(template, ".gitignore", "# Unfinished writes\n", "# Unfinished writes, and what is new\n/new\n")
    edit(template, "relevant_filenames.txt", "#", "# Newer:")
    with (template.folder / "README.md").open("a") as file:
        file.write("\nA newer sentence.\n")
    template.commit("A newer version")


def changed_by_its_user(project: Project) -> None:
    """Change what users change: values, an own stage, lists, the README."""
    project.set_params(select__n_samples=4, report__title="Ours")
    (project.folder / "stages/count.py").write_text(COUNT)
    add_stage(project, OWN_STAGE)
    for name, line in (("relevant_filenames.txt", "*.png\n"), (".gitignore", "\n/ours\n")):
        with (project.folder / name).open("a") as file:
            file.write(line)
    readme = project.folder / "README.md"
    readme.write_text("# Ours\n" + readme.read_text().partition("\n")[2])
    project.commit("Ours")


def iterations(project: Project, *batches: str) -> None:
    """Make and accept an iteration of each batch."""
    for batch in batches:
        project.add_images(batch)
        project.dvc("repro", *(() if batch == batches[-1] else ("count",)))  # the last report is the one that is read
        project.commit(f"iteration of {batch}")


@pytest.mark.long
def test_an_upgrade_merges_and_takes_effect_with_new_data(fresh: Project) -> None:
    template = fresh
    project = template.clone("mine")
    project.git("remote", "rename", "origin", "template")
    changed_by_its_user(project)
    iterations(project, "a", "b")
    before, names = (project.folder / "datapool/datapool_latest.csv").read_bytes(), project.names()
    assert len(names) == 8

    newer(template)
    project.git("fetch", "--quiet", "template")
    project.git("merge", "--quiet", "--no-edit", "template/main")
    assert project.git("diff", "--name-only", "--diff-filter=U") == ""
    assert project.status() == ""
    assert (project.folder / "README.md").read_text().startswith("# Ours\n")
    result = project.dvc("repro")
    # The list of relevant files has other words, and select a parameter and an output more.
    assert result.ran() == [ALWAYS[0], "ingest", ALWAYS[1], "select", "merge_datapool", "report"]
    for stage in ("select", "merge_datapool", "report"):
        assert f"{stage}: outputs as HEAD's iteration recorded them" in result.output
    assert "the code has changed since iteration 2: that takes effect with new data" in result.output
    assert result.output.count("(version 2)") == 1, "only the listing is made by the new code"
    assert project.dvc("repro").ran() == ALWAYS
    assert (project.folder / "datapool/datapool_latest.csv").read_bytes() == before
    assert project.status() == "M dvc.lock"
    project.commit("upgraded")
    assert project.dvc("repro").ran() == ALWAYS

    project.add_images("c")
    output = project.dvc("repro").output
    assert output.count("(version 2)") == 5
    assert project.names()[:8] == names
    assert project.state() == (12, 3)
    assert (project.folder / "data/count.txt").read_text() == "12\n"
    project.commit("iteration 3")
    told = verify(project)
    assert told.count("select and merge_datapool came out the same") == 3
    assert told.count("merge_datapool came out the same; select was made by other code than the commit holds") == 1


def test_a_project_without_the_history_of_the_template_is_attached_once(fresh: Project) -> None:
    template = fresh
    project = Project(template.folder.parent / "mine")
    project.folder.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=template.folder, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=project.folder, check=True, input=archive)
    project.git("init", "--quiet", "--initial-branch", "main")
    project.commit("Start")
    changed_by_its_user(project)
    newer(template)

    project.git("remote", "add", "template", template.folder.as_uri())
    project.git("fetch", "--quiet", "template")
    (find, attach) = commands_to_attach()
    made_from = project.run("bash", "-c", find).output.split()[-1]
    assert made_from == template.git("rev-parse", "HEAD~1").strip()
    project.run("bash", "-c", attach.replace("COMMIT", made_from))
    assert project.git("diff", "HEAD~1").strip() == ""
    project.git("merge", "--quiet", "--no-edit", "template/main")
    assert project.status() == ""
    assert "(version 2)" in (project.folder / "stages/select.py").read_text()
    assert "# Ours" in (project.folder / "README.md").read_text()


def commands_to_attach() -> list[str]:
    """Return the two commands of the guide that attach a project: what it was made from, and the merge."""
    guide = (TEMPLATE / "docs/guides/upgrade.md").read_text()
    part = guide.partition("## A project without the template's history")[2]
    blocks = re.findall(r"```bash\n(.*?)```", part, re.DOTALL)
    return [blocks[1], blocks[2]]
