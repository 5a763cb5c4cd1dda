"""Code, stages and raw files that change after an iteration was accepted: new code begins with new data."""

import json
from hashlib import md5, sha256
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow

RULE = ("selected.squared.argmax()", "(2 * selected.squared).argmax()")
OWN_STAGE = """
  count:
    cmd: python -m stages.count
    deps:
      - datapool/samples.csv
    params:
      - code.json: [count]
    outs:
      - data/count.txt:
          cache: false
"""
ON_THE_WAY = """
  mark:
    cmd: cp data/clean/files.parquet data/mark.parquet
    deps:
      - data/clean/files.parquet
    outs:
      - data/mark.parquet
"""
COUNT = '''"""Count the samples."""

from pathlib import Path

from curation.params.schema import Params
from curation.pipeline.command import stage_command


def run(params: Params) -> str:
    """Count."""
    lines = Path("datapool/samples.csv").read_text().splitlines()
    Path("data/count.txt").write_text(f"{len(lines) - 1}\\n")
    return "counted"


main = stage_command(run)

if __name__ == "__main__":
    main()
'''


def edit(project: Project, path: str, before: str, after: str) -> None:
    """Replace something in a file."""
    file = project.folder / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def add_stage(project: Project, text: str) -> None:
    """Add a stage where dvc.yaml says that own stages go."""
    line = "  # Stages of your own go above this line.\n"
    edit(project, "dvc.yaml", line, text.strip("\n") + "\n\n" + line)


def verify(project: Project, *arguments: str) -> str:
    """Verify the history, which must not be accused of anything."""
    return project.run("python", "-m", "curate", "verify", *arguments).output


@pytest.mark.long
def test_changed_code_waits_for_new_data(project: Project) -> None:
    before, accepted = project.lock(), project.names()
    edit(project, "curation/core/errors.py", "add files to data/raw, then", "put files into data/raw, then")
    edit(project, "curation/selection/kcenter/plain.py", *RULE)
    result = project.dvc("repro")
    assert result.ran() == ALWAYS
    assert "the code has changed since iteration 1: that takes effect with new data" in result.output
    assert project.lock() == before
    assert project.status() == "M curation/core/errors.py\n M curation/selection/kcenter/plain.py"
    project.commit("other code")

    forced = project.repro("--force", "merge_datapool", check=False)
    alone = project.run("python", "-m", "stages.select", check=False)
    for refused, stage in ((forced, "base"), (alone, "select")):
        assert refused.code != 0
        assert f"Error: {stage}: HEAD's iteration was made by other code" in refused.output
        assert "Traceback" not in refused.output
    project.undo()
    assert "select was made by other code" not in verify(project)
    assert "select and merge_datapool came out the same" in verify(project, "HEAD~1")

    project.add_images("b")
    assert "select" in project.repro().ran()
    assert project.state() == (10, 2)
    assert project.names()[:5] == accepted
    edit(project, "curation/selection/kcenter/plain.py", *RULE[::-1])
    # The code has run before DVC noted the new raw files, so the listing follows its own code one run later.
    project.repro("ingest")
    assert project.repro().ran()[:3] == [*ALWAYS, "select"], "an iteration that is not accepted is made by the code now"
    edit(project, "curation/core/hashing.py", '"""Content hashes', '"""Hashes of content')
    assert project.repro().ran() == ALWAYS, "docstrings are no code"
    edit(project, "curation/selection/kcenter/plain.py", *RULE)
    project.commit("iteration 2, with code that did not make it")
    assert "select was made by other code than the commit holds" in verify(project, "HEAD")


def test_stages_of_ones_own_run_and_shape_nothing(project: Project) -> None:
    before = project.names()
    (project.folder / "stages/count.py").write_text(COUNT)
    add_stage(project, OWN_STAGE)
    assert project.dvc("repro").ran() == [*ALWAYS, "count"]
    assert (project.folder / "data/count.txt").read_text() == "5\n"
    assert json.loads((project.folder / "code.json").read_text())["count"]
    assert project.dvc("repro").ran() == ALWAYS
    project.commit("a stage behind the datapool")
    assert project.dvc("repro").ran() == ALWAYS
    assert project.status() == ""

    add_stage(project, ON_THE_WAY)
    last = "    params:\n    - merge_datapool.keep_pictures\n"
    edit(project, "dvc.yaml", last, f"    - data/mark.parquet\n{last}")
    edit(project, "stages/merge_datapool.py", "    marks = read_csv(", "    assert paths.FILES\n    marks = read_csv(")
    result = project.dvc("repro")
    assert result.ran() == [*ALWAYS, "mark", "merge_datapool"]
    assert "merge_datapool: outputs as HEAD's iteration recorded them" in result.output
    assert project.names() == before
    project.commit("a stage on the way to the datapool")
    assert project.dvc("repro").ran() == ALWAYS
    assert project.status() == ""
    assert "nothing is damaged" in verify(project)


def test_processed_raw_files_may_go(project: Project) -> None:
    raw = project.folder / "data/raw"
    kept = {file.name: file.read_bytes() for file in raw.iterdir()}
    for file in raw.iterdir():
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
    assert project.dvc("repro").ran() == ALWAYS
    (raw / "a_003.png").unlink()
    result = project.dvc("repro")
    assert result.ran() == [ALWAYS[0], "ingest", ALWAYS[1]]
    assert "nothing is new, and 1 processed file gone, which changes nothing" in result.output
    for file in raw.iterdir():
        file.unlink()
    assert "10 processed files gone" in project.dvc("repro").output
    assert project.status() == "M data/raw.dvc\n M dvc.lock"
    project.commit("raw files deleted")
    assert project.dvc("repro").ran() == ALWAYS
    assert project.status() == ""

    project.set_params(train__retrain=True)
    refused = project.repro(check=False)
    assert "raw files of its samples are gone" in refused.output
    for name, content in kept.items():
        (raw / name).write_bytes(content)
    project.add_images("b")
    assert "20 samples embedded" in project.repro().output
    assert project.state() == (10, 2)


def test_a_file_that_came_and_gives_nothing_is_told(project: Project) -> None:
    raw = project.folder / "data/raw"
    (raw / "a_000.png").unlink()
    (raw / "new.png").write_bytes((raw / "a_001.png").read_bytes())
    refused = project.repro(check=False)
    assert refused.code != 0
    assert "the new files give no new sample" in refused.output


def make_old(project: Project) -> None:
    """Make the last commit one of the time before `code.json`: stages named their code files, and one hash of all."""
    yaml = YAML()
    lock = project.folder / "dvc.lock"
    content = yaml.load(lock.read_text())
    del content["stages"]["code"]
    for name, stage in content["stages"].items():
        for name_of_file in ("code.json", "data/early_code.json"):
            stage.get("params", {}).pop(name_of_file, None)
        stage["outs"] = [out for out in stage["outs"] if out["path"] != "code.json"]
        stage.setdefault("deps", []).append({"path": f"stages/{name}.py", "hash": "md5", "md5": "0" * 32, "size": 1})
    with lock.open("w") as file:
        yaml.dump(content, file)
    base = project.folder / "base.json"
    former = json.loads(base.read_text())
    sections: dict[str, dict[str, object]] = {}
    for key, value in former["fingerprint"]["params"].items():
        sections.setdefault(key.partition(".")[0], {})[key.partition(".")[2]] = value
    text = json.dumps(sections, sort_keys=True, default=str).encode()
    former["fingerprint"] |= {"params": sha256(text).hexdigest()[:16], "code": "0" * 16, "commands": "0" * 16}
    del former["fingerprint"]["own_files"]
    before = md5(base.read_bytes()).hexdigest()
    base.write_text(json.dumps(former, indent=2, sort_keys=True) + "\n")
    lock.write_text(lock.read_text().replace(before, md5(base.read_bytes()).hexdigest()))
    (project.folder / "code.json").unlink()
    project.git("add", "--all")
    project.git("commit", "--quiet", "--amend", "--no-edit")


def test_an_iteration_of_the_time_before_digests_stays_as_it_is(project: Project) -> None:
    def outputs() -> dict[str, bytes]:
        folders = [project.folder / name for name in ("datapool", "reports", "data")]
        files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
        return {str(file): file.read_bytes() for file in files if file.name != "early_code.json"}

    make_old(project)
    before = outputs()
    result = project.dvc("repro")
    made = ["base", "clean", "train", "embed", "select", "merge_datapool", "report"]
    assert result.ran() == [ALWAYS[0], "ingest", ALWAYS[1], *made]
    for stage in made:
        assert f"{stage}: outputs as HEAD's iteration recorded them" in result.output
    assert "which code made iteration 1 was not recorded" in result.output
    assert outputs() == before
    assert project.dvc("repro").ran() == ALWAYS
    project.commit("upgraded")
    assert project.dvc("repro").ran() == ALWAYS
    assert project.status() == ""
    refused = project.run("python", "-m", "stages.select", check=False)
    assert "it is not known which code has made HEAD's iteration" in refused.output
    assert "select was made by other code" in verify(project)
    project.add_images("b")
    project.repro()
    assert project.state() == (10, 2)
    project.commit("iteration 2")
    assert "select and merge_datapool came out the same" in verify(project, "HEAD")


def test_outputs_of_record_come_from_the_remote(project: Project, tmp_path: Path) -> None:
    make_old(project)
    clone = project.clone("clone")
    clone.dvc("pull", "--quiet", "data/raw.dvc")
    assert clone.repro().code == 0
    assert clone.names() == project.names()
    assert (clone.folder / "datapool/datapool_latest.csv").read_bytes() == (
        project.folder / "datapool/datapool_latest.csv"
    ).read_bytes()
