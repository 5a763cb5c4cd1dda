"""Raw files that move, raw files that are overwritten where they are links to the cache: with DVC itself."""

import json
import shutil

import pytest

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow


def curate(project: Project, *arguments: str, check: bool = True) -> str:
    return project.run("python", "-m", "curate", *arguments, check=check).output


def test_raw_files_may_move(project: Project) -> None:
    raw, before = project.folder / "data/raw", project.names()
    (raw / "2024/day").mkdir(parents=True)
    for file in sorted(raw.glob("*.png")):
        file.rename(raw / "2024/day" / file.name)

    result = project.repro()
    assert result.ran() == [ALWAYS[0], "ingest", ALWAYS[1]]
    assert "nothing is new, and 10 processed files moved, which changes nothing" in result.output
    assert project.status() == "M data/raw.dvc\n M dvc.lock"
    project.commit("raw files moved")
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""

    assert "export: 5 samples are in out" in curate(project, "export", "images", "out")
    assert {file.name for file in (project.folder / "out").iterdir()} == set(before)
    left = sorted({f"a_{number:03d}.png" for number in range(10)} - set(before))[0]
    answer = json.loads(curate(project, "why", "--json", f"2024/day/{left}"))
    commit = project.git("rev-parse", "HEAD~1").strip()
    assert (answer["filename"], answer["status"], answer["commit"]) == (left, "not selected", commit)

    # A file that went after the move comes back from the commit that the message names, by its command.
    (raw / "2024/day" / before[0]).unlink()
    project.repro()
    project.commit("one is deleted")
    refused = curate(project, "export", "images", "again", check=False)
    way = f"dvc get . data/raw/2024/day/{before[0]} --rev {project.git('rev-parse', 'HEAD~1')[:12]} -o data/raw/2024"
    assert f"Commit {project.git('rev-parse', 'HEAD~1')[:12]} still lists them: `{way}/day/{before[0]}`" in refused
    project.run(*f"{way}/day/{before[0]}".split())
    assert (raw / "2024/day" / before[0]).read_bytes() == (project.folder / "out" / before[0]).read_bytes()
    (raw / "2024/day" / before[0]).unlink()

    # Moved files and new ones together; what had gone then is here again later.
    project.add_images("b")
    result = project.repro()
    assert "9 moved since they were processed" in result.output
    assert "clean: 10 new files, 0 of them corrupt as a whole (9 reused from the base)" in result.output
    assert (project.names()[:5], project.state()) == (before, (10, 2))
    project.commit("iteration 2")
    shutil.copy(project.folder / "out" / before[0], raw / "2024/day" / before[0])
    result = project.repro()
    assert result.ran() == [ALWAYS[0], "ingest", ALWAYS[1]]
    assert "nothing is new, and 1 processed file here again, which changes nothing" in result.output

    # What root can write into is the cache itself, where files are linked.
    project.commit("the file is here again")
    project.dvc("checkout", "--quiet", "--relink", "data/raw.dvc")
    target = raw / "b_003.png"
    target.chmod(0o644)
    with target.open("r+b") as opened:
        opened.truncate(100)
    target.chmod(0o444)
    refused = project.repro(check=False).output
    assert "1 raw files were overwritten in place, and with them their former bytes in the DVC cache" in refused
    assert "data/raw/b_003.png was .dvc/cache/files/md5/" in refused
