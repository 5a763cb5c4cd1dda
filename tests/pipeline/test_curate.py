"""The command-line tool on a project with two committed iterations and one that is not."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import md5
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from curation.cli.main import main
from tests.pipeline.conftest import made_once
from tests.pipeline.project import WARM, Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("second")]


@pytest.fixture(scope="module")
def project(second_iteration: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A third iteration, not committed: eight new images, a duplicate of an old one, and two files that are none."""

    def make(folder: Path) -> Project:
        made = second_iteration.copy(folder)
        made.add_images("c", 8)
        raw = made.folder / "data/raw"
        (raw / "twin.png").write_bytes((raw / "a_000.png").read_bytes())
        (raw / "cut.png").write_bytes((raw / "c_000.png").read_bytes()[:60])
        (raw / "notes.xyz").write_text("none")
        made.repro()
        return made

    return made_once(tmp_path_factory, "curate", make)


@pytest.fixture
def samples(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.folder / "datapool/samples.csv", keep_default_na=False)


def curate(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-C", str(project.folder), *arguments])


@pytest.fixture(autouse=True)
def _stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(Path(os.environ[WARM]) / "python"))


def test_list_names_the_iterations_with_their_commits(project: Project) -> None:
    commits = project.git("rev-list", "--reverse", "HEAD", "--", "dvc.lock").split()
    rows = json.loads(curate(project, "list", "--format", "json").output)
    assert [row["iteration"] for row in rows] == [1, 2, 3]
    assert [row["commit"] for row in rows] == [*(commit[:12] for commit in commits), "-"]
    assert [row["datapool"] for row in rows] == [5, 10, 15]
    assert "iteration-2" in curate(project, "list").output
    assert len(curate(project, "list", "--rev", "HEAD~1", "--format", "csv").output.splitlines()) == 2


def test_list_names_the_samples(project: Project, samples: pd.DataFrame) -> None:
    names = list(samples["filename"])
    assert curate(project, "list", "--samples").output.splitlines() == names
    assert curate(project, "list", "--iteration", "2").output.splitlines() == names[5:10]
    assert curate(project, "list", "--since", "HEAD~1").output.splitlines() == names[5:]
    assert curate(project, "list", "--exclude-datapool").output.splitlines() == names[10:]
    unknown = curate(project, "list", "--iteration", "7")
    assert (unknown.exit_code, unknown.output) == (1, "Error: there is no iteration 7: workspace has 1, 2, 3\n")
    assert "'nope' is not a revision that git knows here" in curate(project, "list", "--rev", "nope").output


def test_why_a_sample_was_selected(project: Project, samples: pd.DataFrame) -> None:
    row = samples.iloc[7]
    answer = json.loads(curate(project, "why", "--json", row["filename"]).output)
    assert (answer["status"], answer["iteration"], answer["rank"]) == ("selected", 2, 2)
    assert answer["commit"] == project.git("rev-parse", "HEAD").strip()
    assert answer["nearest"] == row["nearest"]
    assert answer["distance"] == pytest.approx(float(row["distance"]))
    assert answer["parameters"]["select.n_samples"] == 5
    text = curate(project, "why", row["filename"]).output
    assert "was selected in iteration 2 (commit " in text
    assert f"The nearest sample selected before it was {row['nearest']}" in text
    assert "It was the first sample of the datapool." in curate(project, "why", samples["filename"][0]).output


def test_why_a_sample_was_not_selected(project: Project, samples: pd.DataFrame) -> None:
    for batch, iteration in (("a", 1), ("c", 3)):
        left = next(f"{batch}_{n:03d}.png" for n in range(10) if f"{batch}_{n:03d}.png" not in set(samples["filename"]))
        answer = json.loads(curate(project, "why", "--json", left).output)
        assert (answer["status"], answer["iteration"]) == ("not selected", iteration)
        assert answer["covered_by"] in set(samples["filename"])
        assert f"{answer['covered_by']} stands for it, at a distance of " in curate(project, "why", left).output


def test_why_a_file_was_dropped_and_what_became_of_a_raw_file(project: Project) -> None:
    assert "as duplicate" in (text := curate(project, "why", "twin.png").output), text
    assert "a_000.png stays in its place" in text
    assert "as corrupt: " in curate(project, "why", "cut.png").output
    assert "it is ignored" in curate(project, "why", "notes.xyz").output
    unknown = curate(project, "why", "b_00.png")
    assert unknown.exit_code == 1
    assert "Did you mean 'b_00" in unknown.output


def test_verify_finds_a_flipped_bit_that_dvc_does_not(project: Project, tmp_path: Path) -> None:
    sound = curate(project, "verify", "--quick")
    assert (sound.exit_code, sound.output.splitlines()[-1]) == (0, "verify: 3 revisions, nothing is damaged")
    objects = [path for path in (project.folder / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    sizes = [int(line.split()[1]) for line in sound.output.splitlines()[:-1]]
    assert max(sizes) <= len(objects) <= sum(sizes)
    damaged = project.copy(tmp_path / "damaged")
    selection = damaged.folder / "data/select/selection.csv"
    name = md5(selection.read_bytes()).hexdigest()
    place = damaged.folder / ".dvc/cache/files/md5" / name[:2] / name[2:]
    content = bytearray(place.read_bytes())
    content[-3] ^= 1
    place.unlink()
    place.write_bytes(content)
    place.chmod(0o444)
    selection.unlink()
    damaged.dvc("checkout", "data/select/selection.csv")
    assert selection.read_bytes() == content
    assert "up to date" in damaged.dvc("status", "select").output
    found = curate(damaged, "verify", "--quick")
    assert found.exit_code == 1
    assert f"workspace: data/select/selection.csv is damaged: {place}" in found.output
    assert f"rm -f {place}" in found.output


def test_verify_makes_iterations_again_and_finds_what_was_rewritten(project: Project, tmp_path: Path) -> None:
    sound = curate(project, "verify")
    assert sound.exit_code == 0, sound.output
    assert sound.output.count("; select and merge_datapool came out the same") == 2
    assert sound.output.splitlines()[-1] == (
        "verify: 3 revisions, nothing is damaged, 2 of them made again with the same outcome"
    )
    forged = project.copy(tmp_path / "forged")
    table = forged.folder / "datapool/samples.csv"
    samples = pd.read_csv(table, dtype=str, keep_default_na=False)
    samples["nearest"] = [*samples["nearest"][:12], samples["filename"][0], *samples["nearest"][13:]]
    table.unlink()
    samples.to_csv(table, index=False, lineterminator="\n")
    forged.dvc("commit", "-f", "merge_datapool")
    forged.git("add", "-A")
    forged.git("commit", "-qm", "Forge")
    assert "nothing is damaged" in curate(forged, "verify", "--quick").output
    found = curate(forged, "verify", "HEAD")
    assert found.exit_code == 1
    assert "datapool/samples.csv: recorded " in found.output
    assert ", but merge_datapool makes " in found.output
    assert "1 statements of the history are not true" in found.output


def test_verify_fetches_what_the_cache_lacks(project: Project, tmp_path: Path) -> None:
    pushed = project.copy(tmp_path / "pushed")
    pushed.dvc("remote", "add", "-f", "-d", "near", str(tmp_path / "remote"))
    pushed.dvc("push", "-q")
    shutil.rmtree(pushed.folder / ".dvc/cache")
    assert "not in the cache" in curate(pushed, "verify", "HEAD~1").output
    found = curate(pushed, "verify", "HEAD", "--fetch")
    # What the workspace names was pushed; what only HEAD names was not.
    assert found.exit_code == 1
    assert "objects are in neither cache nor remote" in found.output
    pushed.git("add", "-A")
    pushed.git("commit", "-qm", "Third iteration")
    found = curate(pushed, "verify", "HEAD", "--fetch")
    assert (found.exit_code, "select and merge_datapool came out the same" in found.output) == (0, True), found.output


def test_the_tool_runs_as_a_module(project: Project) -> None:
    command = ["python", "-m", "curate", "list", "--samples", "--rev", "HEAD~1"]
    printed = subprocess.run(
        command, cwd=project.folder, env=project.environment(), capture_output=True, text=True, check=True
    )
    assert len(printed.stdout.split()) == 5


def test_export_writes_pictures_and_lists(project: Project, samples: pd.DataFrame, tmp_path: Path) -> None:
    done = curate(project, "export", "images", str(tmp_path / "out"), "--iteration", "2")
    assert (done.exit_code, done.output) == (0, f"export: 5 samples are in {tmp_path / 'out'}\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(samples["filename"][5:10])
    listed = curate(project, "export", "coco", str(tmp_path / "coco.json"), "--format", "jpg", "--rev", "HEAD~1")
    assert listed.exit_code == 0, listed.output
    images = json.loads((tmp_path / "coco.json").read_text())["images"]
    assert [image["file_name"] for image in images] == [f"{name}.jpg" for name in samples["filename"][:5]]
    assert {(image["width"], image["height"]) for image in images} == {(40, 40)}
    written = curate(project, "export", "voc", str(tmp_path / "voc"), "--format", "jpg", "--iteration", "2")
    assert (written.exit_code, written.output) == (0, f"export: 5 samples listed in {tmp_path / 'voc'}\n")
    stems = (tmp_path / "voc/ImageSets/Main/trainval.txt").read_text().splitlines()
    assert stems == list(samples["filename"][5:10])
    assert all((tmp_path / f"voc/Annotations/{stem}.xml").is_file() for stem in stems)
    assert curate(project, "export", "images", str(tmp_path / "out"), "--size", "20").exit_code == 2


def test_export_writes_candidates_and_proxies(project: Project, samples: pd.DataFrame, tmp_path: Path) -> None:
    assert curate(project, "export", "coco", str(tmp_path / "c.json"), "--format", "jpg", "--size", "20").exit_code == 0
    images = json.loads((tmp_path / "c.json").read_text())["images"]
    assert {(image["width"], image["height"]) for image in images} == {(20, 20)}
    done = curate(project, "export", "images", str(tmp_path / "all"), "--candidates", "--proxies")
    assert done.output == f"export: 8 candidates of iteration 3 are in {tmp_path / 'all'}\n", done.output
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [f"c_{n:03d}.png.jpg" for n in range(8)]
    listed = curate(project, "export", "coco", str(tmp_path / "all.json"), "--candidates", "--proxies")
    assert listed.exit_code == 0, listed.output
    images = json.loads((tmp_path / "all.json").read_text())["images"]
    assert {(image["width"], image["height"]) for image in images} == {(32, 32)}
    # Proxies of earlier iterations are found in the history.
    assert curate(project, "export", "images", str(tmp_path / "old"), "--iteration", "1", "--proxies").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == sorted(
        f"{name}.jpg" for name in samples["filename"][:5]
    )
    tasks = curate(project, "export", "label-studio", str(tmp_path / "tasks"))
    assert "say with --images where it finds them" in tasks.output
    both = curate(project, "export", "csv", str(tmp_path / "no.csv"), "--candidates", "--iteration", "1")
    assert (both.exit_code, (tmp_path / "no.csv").exists()) == (2, False)


def test_labels_are_imported_and_what_has_none_is_listed_and_exported(
    project: Project, samples: pd.DataFrame, tmp_path: Path
) -> None:
    names = list(samples["filename"])
    for name in names[:7]:
        (tmp_path / f"yolo/{name}").with_suffix(".txt").parent.mkdir(exist_ok=True)
        (tmp_path / f"yolo/{name}").with_suffix(".txt").write_text("0 0.5 0.5 0.5 0.25\n")
    (tmp_path / "yolo/lost.txt").write_text("")
    (tmp_path / "yolo/data.yaml").write_text("names: [car]\n")
    done = curate(project, "import-labels", "cars", str(tmp_path / "yolo"))
    assert done.exit_code == 0, done.output
    assert "7 of 8 names are samples (7 without their ending" in done.output
    assert "1 are no sample: 'lost'" in done.output
    assert "7 of 15 samples of the datapool are labelled: car 7" in done.output
    stored = json.loads((project.folder / "labels/cars.json").read_text())
    assert [image["file_name"] for image in stored["images"]] == sorted(names[:7])
    assert stored["annotations"][0]["bbox"] == [10, 15, 20, 10]  # pictures have 40 x 40 pixels
    assert "labels/cars.json\n" not in project.git("status", "--short", "--untracked-files=all")
    (tmp_path / "more.csv").write_text(f"filename,class\n{names[0]},bus\n{names[9]},bus\n")
    again = curate(project, "import-labels", "cars", str(tmp_path / "more.csv"))
    assert "2 samples with labels are in labels/cars.json, 1 of which had others" in again.output, again.output
    assert "8 of 15 samples of the datapool are labelled: car 6, bus 2" in again.output
    counted = curate(project, "list", "--labels", "--format", "csv").output
    assert counted == "task,class,samples\ncars,,8\ncars,car,6\ncars,bus,2\n"
    assert curate(project, "list", "--labels", "--task", "x").exit_code == 1
    assert curate(project, "list", "--labels", "--unlabelled").exit_code == 2
    left = [*names[7:9], *names[10:]]
    assert curate(project, "list", "--unlabelled").output.splitlines() == left
    assert curate(project, "list", "--unlabelled", "--task", "x").exit_code == 1
    assert curate(project, "list", "--rev", "HEAD", "--unlabelled").output.splitlines() == names[:10]
    assert curate(project, "export", "coco", str(tmp_path / "c.json"), "--unlabelled", "--task", "cars").exit_code == 0
    assert [image["file_name"] for image in json.loads((tmp_path / "c.json").read_text())["images"]] == left
    assert curate(project, "import-labels", "../cars", str(tmp_path / "yolo")).exit_code == 2
    assert "is a sample" in curate(project, "import-labels", "x", str(_file(tmp_path, "filename,class\nz,a\n"))).output
    assert (
        "holds predictions of a model"
        in curate(
            project,
            "import-labels",
            "x",
            str(_file(tmp_path, '[{"data": {"image": "z.png"}, "predictions": [{}]}]', "a.json")),
        ).output
    )
    for path in ("labels/cars.json", "labels/cars.json.dvc"):
        (project.folder / path).unlink()


def _file(folder: Path, text: str, name: str = "a.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_diff_between_commits_and_to_the_workspace(project: Project, samples: pd.DataFrame) -> None:
    found = json.loads(curate(project, "diff", "HEAD~1..HEAD", "--format", "json").output)
    assert (found["added"], found["removed"]) == (list(samples["filename"][5:10]), [])
    assert curate(project, "diff", "HEAD").output.startswith("HEAD -> workspace: 5 samples added (10 -> 15 samples)\n")
    assert "| Raw file | Added | Removed |" in curate(project, "diff", "HEAD..", "--format", "markdown").output


def test_review_shows_what_was_selected(project: Project, samples: pd.DataFrame, tmp_path: Path) -> None:
    done = curate(project, "review", str(tmp_path / "review.html"))
    assert done.exit_code == 0, done.output
    text = (tmp_path / "review.html").read_text()
    assert text.count("data:image/jpeg;base64,") == 5
    assert all(f'value="{name}"' in text for name in samples["filename"][10:])


def test_explore_writes_every_sample_of_each_iteration(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "explore.parquet"
    first = curate(project, "explore", str(path), "--write-only")
    assert first.exit_code == 0, first.output
    assert "in " + str(path) in first.output
    content = path.read_bytes()
    table = pd.read_parquet(path).set_index("filename")
    names = [
        f"{batch}_{number:03d}.png" for batch, count in (("a", 10), ("b", 10), ("c", 8)) for number in range(count)
    ]
    embedded = table[table["state"] != "dropped"]
    assert sorted(embedded.index) == names
    assert table["state"].value_counts().to_dict() == {"selected": 15, "not selected": 13, "dropped": 2}
    assert embedded["iteration"].tolist() == [1] * 10 + [2] * 10 + [3] * 8
    assert embedded["thumbnail"].notna().all(), "proxies of earlier iterations are in the cache"
    assert embedded["x"].notna().all()
    left = embedded[embedded["state"] == "not selected"]
    assert set(left["covered_by"]) <= set(project.names())
    assert table.loc["cut.png", "dropped_as"] == "corrupt"
    assert (table.loc["twin.png", "duplicate_of"], table.loc["twin.png", "iteration"]) == ("a_000.png", 3)
    assert curate(project, "explore", str(path), "--write-only").exit_code == 0
    assert path.read_bytes() == content

    assert (
        curate(project, "explore", str(path), "--write-only", "--rev", "HEAD~1", "--thumbnail-size", "0").exit_code == 0
    )
    table = pd.read_parquet(path)
    assert table["state"].value_counts().to_dict() == {"selected": 5, "not selected": 5}
    assert table["thumbnail"].isna().all()
