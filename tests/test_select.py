"""Stage `select`: candidates, base, stopping, errors; on folders of a few samples."""

from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.core.errors import BaseError, CheckpointError, NothingToSelectError, ParamsError
from curation.core.hashing import sha256_of_bytes
from curation.datapool import store
from curation.embeddings.shards import write_shards
from curation.params.execution import ExecutionParams
from curation.params.load import load_params
from curation.params.schema import Params
from curation.params.select import SelectParams
from curation.pipeline import paths
from curation.selection.candidates import candidates_of
from curation.selection.described import Described
from curation.selection.outcome import select, summary
from curation.selection.rules import coreset
from curation.selection.rules.registry import RULES
from curation.selection.sequences import Units, units_of
from curation.selection.sharded import coreset as sharded
from curation.tables import samples as media
from curation.tables.datapool import SAMPLES
from curation.tables.embeddings import MARKS
from curation.tables.files import empty_frame, read_csv, read_parquet, write_csv, write_parquet
from curation.tables.selection import BUDGET_CURVE, CANDIDATES, COMPARISON, CONTRIBUTIONS, SELECTION, read_contributions
from stages.select import run
from tests.conftest import REPOSITORY
from tests.datapools import processed
from tests.embedding_examples import embedding_sets, embeddings_of_kind

NO_BASE: NDArray[np.float32] = np.empty((0, 0), np.float32)
METHODS = tuple(name for name, rule in RULES.items() if "uncertainty" not in rule.options)
"""`active` needs predictions: tests/selection/test_active.py."""
ANGLES = {"a": 0, "b": 10, "c": 60, "d": 90, "e": 180}
"""Degrees on the unit circle, by filename."""


def circle(*names: str) -> NDArray[np.float32]:
    radians = np.deg2rad([ANGLES[name] for name in names])
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def stop(
    n_samples: int | None = None,
    proportion: float | None = None,
    min_distance: float | None = None,
    method: str = "coreset",
) -> SelectParams:
    return SelectParams(
        method=method,
        strategies=(),
        rare=0.5,
        seed=1,
        n_samples=n_samples,
        proportion_samples=proportion,
        min_distance=min_distance,
        selected_sequence_length=1,
        process_all=False,
        review_file=None,
        predictions_file=None,
        holdout_file=None,
        holdout_distance=None,
    )


def choose(
    names: list[str],
    embeddings: NDArray[np.float32],
    base_names: list[str],
    base_embeddings: NDArray[np.float32],
    params: SelectParams,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = select(names, embeddings, base_names, base_embeddings, Described(processed(names)), params, {}, {})
    return found.selection, found.candidates


def single(names: str) -> Units:
    return units_of(list(names), processed(list(names)), np.ones(len(names), bool), 1)


def chord(degrees: float) -> float:
    return float(2 * np.sin(np.deg2rad(degrees) / 2))


# ---- the rule on tables


def test_first_iteration() -> None:
    selection, candidates = choose(list("abcde"), circle(*"abcde"), [], NO_BASE, stop(3))
    assert selection["filename"].tolist() == ["a", "e", "d"]
    assert selection["rank"].tolist() == [0, 1, 2]
    assert selection["nearest"].tolist() == ["", "a", "a"]
    np.testing.assert_allclose(selection["distance"], [np.nan, 2, chord(90)], rtol=1e-6)
    assert candidates["filename"].tolist() == list("abcde")
    assert candidates["selected"].tolist() == [True, False, False, True, True]
    assert candidates["covered_by"].tolist() == ["a", "a", "d", "d", "e"]
    np.testing.assert_allclose(candidates["distance"], [0, chord(10), chord(30), 0, 0], rtol=1e-5)
    assert candidates["distance_to_base"].isna().all()
    assert set(candidates["nearest_in_base"]) == {""}
    assert list(selection.columns) == SELECTION.names
    assert list(candidates.columns) == CANDIDATES.names


def test_next_iteration_differs_from_the_base() -> None:
    selection, candidates = choose(["b", "c", "d"], circle(*"bcd"), ["e", "a"], circle("e", "a"), stop(1))
    assert selection["filename"].tolist() == ["d"]
    assert selection["nearest"].tolist() == ["a"]
    assert candidates["nearest_in_base"].tolist() == ["a", "a", "a"]
    np.testing.assert_allclose(candidates["distance_to_base"], [chord(10), chord(60), chord(90)], rtol=1e-5)
    assert candidates["covered_by"].tolist() == ["a", "d", "d"]


def test_min_distance_ends_before_n_samples() -> None:
    chosen = stop(5, min_distance=chord(45))
    selection, candidates = choose(list("abcde"), circle(*"abcde"), [], NO_BASE, chosen)
    assert selection["filename"].tolist() == ["a", "e", "d"]
    assert "select.min_distance" in summary(selection, candidates, 0, single("abcde"), chosen)


def test_proportion_is_of_the_candidates_only() -> None:
    selection, _ = choose(list("bcde"), circle(*"bcde"), ["a"] * 50, circle(*["a"] * 50), stop(proportion=0.5))
    assert len(selection) == 2


def test_more_asked_than_there_is() -> None:
    selection, candidates = choose(list("abc"), circle(*"abc"), [], NO_BASE, stop(50))
    assert len(selection) == 3
    assert "select.n_samples: 50 is more than there are" in summary(selection, candidates, 0, single("abc"), stop(50))


def test_summary() -> None:
    selection, candidates = choose(["b", "c", "d"], circle(*"bcd"), ["e", "a"], circle("e", "a"), stop(1))
    text = summary(selection, candidates, 2, single("bcd"), stop(1))
    assert text == "1 of 3 candidates selected (2 in the base), coverage radius 1.41 -> 0.52"


def test_candidates() -> None:
    assert candidates_of(["c", "b"], ["a", "b", "c"], ["c"], process_all=False) == ["b"]
    assert candidates_of(["c", "b"], ["d", "a", "b", "c"], ["c"], process_all=True) == ["a", "b", "d"]


@pytest.mark.thorough
@pytest.mark.parametrize("method", METHODS)
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_order_of_rows_has_no_influence(method: str, data: st.DataObject) -> None:
    embeddings = data.draw(embedding_sets(smallest=1, largest=25))
    names = [f"{number:03d}.png" for number in range(len(embeddings))]
    n_base = data.draw(st.integers(0, len(names) - 1))
    asked = stop(data.draw(st.integers(1, 30)), min_distance=data.draw(st.sampled_from([None, 0.1])), method=method)
    tables = []
    in_order = list(range(len(names)))
    shuffled = [*data.draw(st.permutations(in_order[:n_base])), *data.draw(st.permutations(in_order[n_base:]))]
    for order in (in_order, shuffled):
        base, new = order[:n_base], order[n_base:]
        tables.append(
            choose([names[i] for i in new], embeddings[new], [names[i] for i in base], embeddings[base], asked)
        )
    pd.testing.assert_frame_equal(tables[0][0], tables[1][0])
    pd.testing.assert_frame_equal(tables[0][1], tables[1][1])


@given(embedding_sets(smallest=2, largest=25))
@settings(max_examples=50, deadline=None)
def test_one_run_or_two_give_the_same(embeddings: NDArray[np.float32]) -> None:
    names = [f"{number:03d}.png" for number in range(len(embeddings))]
    once, _ = choose(names, embeddings, [], NO_BASE, stop(len(names)))
    first, _ = choose(names, embeddings, [], NO_BASE, stop(len(names) // 2))
    taken = [names.index(name) for name in first["filename"]]
    left = [row for row in range(len(names)) if row not in taken]
    then, _ = choose(
        [names[i] for i in left], embeddings[left], list(first["filename"]), embeddings[taken], stop(len(names))
    )
    assert [*first["filename"], *then["filename"]] == list(once["filename"])


# ---- the stage on folders


class Workspace:
    """The inputs of the stage, in the current folder."""

    def __init__(self) -> None:
        store.write_empty_datapool(paths.BASE)
        self.write_checkpoint(b"weights")

    def write_checkpoint(self, content: bytes) -> None:
        paths.CHECKPOINT.parent.mkdir(parents=True, exist_ok=True)
        paths.CHECKPOINT.write_bytes(content)
        self.hash = sha256_of_bytes(content)

    def write_base(self, selected: list[str], processed_names: list[str], embeddings: NDArray[np.float32]) -> None:
        rows = processed(selected).assign(iteration=1, rank=range(len(selected)), distance=np.nan, nearest="")
        store.write_samples(paths.BASE, rows[SAMPLES.names] if selected else empty_frame(SAMPLES))
        write_shards(paths.BASE / store.EMBEDDINGS_FOLDER, processed(processed_names), embeddings, self.hash)

    def write_new(self, names: list[str], embeddings: NDArray[np.float32], old: tuple[str, ...] = ()) -> None:
        self.write_rows(processed(names), embeddings, old)

    def write_rows(self, rows: pd.DataFrame, embeddings: NDArray[np.float32], old: tuple[str, ...] = ()) -> None:
        rmtree(paths.EMBEDDINGS, ignore_errors=True)
        write_shards(paths.EMBEDDINGS, rows, embeddings, self.hash)
        samples = rows.assign(is_new=[name not in old for name in rows["filename"]], shard="", member="")
        write_parquet(samples, media.SAMPLES, paths.SAMPLES)
        self.mark({})

    def mark(self, marks: dict[str, str]) -> None:
        """Write what a file of given embeddings says of samples."""
        write_csv(pd.DataFrame(sorted(marks.items()), columns=MARKS.names), MARKS, paths.MARKS)

    def selected(self) -> list[str]:
        assert list(read_parquet(paths.CANDIDATES).columns) == CANDIDATES.names
        return list(read_csv(paths.SELECTION, SELECTION)["filename"])


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace()


def params(retrain: bool = False, **select_: object) -> Params:
    content = load_params(REPOSITORY / paths.PARAMS).model_dump()
    content["select"] |= {"n_samples": None, "proportion_samples": None, "min_distance": None} | select_
    content["train"]["retrain"] = retrain
    return Params.model_validate(content)


def test_stage_on_an_empty_base(workspace: Workspace) -> None:
    workspace.write_new(list("abcde"), circle(*"abcde"))
    assert run(params(n_samples=2)) == "2 of 5 candidates selected (0 in the base), coverage radius 1.41"
    assert workspace.selected() == ["a", "e"]
    written = paths.SELECTION.read_text().splitlines()
    assert written[:2] == ["filename,rank,distance,nearest", "a,0,,"]


def test_same_inputs_give_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    embeddings = embeddings_of_kind("video", 300, 16, 0)
    workspace.write_new([f"{i:03d}" for i in range(300)], embeddings)
    run(params(n_samples=40))
    copytree(tmp_path / "data" / "select", tmp_path / "former")
    run(params(n_samples=40))
    for file in (tmp_path / "former").iterdir():
        assert file.read_bytes() == (paths.SELECTION.parent / file.name).read_bytes()


@pytest.mark.thorough
@pytest.mark.xdist_group("numba")
@pytest.mark.parametrize("method", ["coreset", "random"])
def test_shards_give_the_same_bytes(
    method: str, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings, names = embeddings_of_kind("video", 340, 16, 0), [f"{i:03d}" for i in range(340)]
    workspace.write_base(names[:20], names[:20], embeddings[:20])
    workspace.write_new(names[20:], embeddings[20:])
    given = params(method=method, n_samples=60, min_distance=0.001)
    run(given)
    copytree(tmp_path / "data" / "select", tmp_path / "former")
    monkeypatch.setattr(coreset, "_PLAIN_UP_TO", 0)
    monkeypatch.setattr(sharded, "_FEWEST", 50)
    monkeypatch.setattr(sharded, "coreset", None)
    run(given.model_copy(update={"execution": ExecutionParams(shards=3)}))
    for file in (tmp_path / "former").iterdir():
        assert file.read_bytes() == (paths.SELECTION.parent / file.name).read_bytes()


def test_stage_on_a_base_and_its_left_overs(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a", "e"], circle("a", "e"))
    workspace.write_new(["b", "c", "d"], circle(*"bcd"))
    run(params(n_samples=1))
    assert workspace.selected() == ["d"]
    run(params(n_samples=1, process_all=True))
    assert workspace.selected() == ["e"]
    run(params(proportion_samples=0.5, process_all=True))
    assert len(workspace.selected()) == 2


def test_after_retraining_the_base_is_embedded_anew(workspace: Workspace) -> None:
    workspace.write_base(["e"], ["e"], circle("a"))
    workspace.write_checkpoint(b"better weights")
    workspace.write_new(["a", "d", "e"], circle(*"ade"), old=("e",))
    run(params(retrain=True, n_samples=1))
    assert workspace.selected() == ["a"]


def test_retraining_alone_selects_nothing(workspace: Workspace) -> None:
    workspace.write_base(["e"], ["e"], circle("e"))
    workspace.write_checkpoint(b"better weights")
    workspace.write_new(["e"], circle("e"), old=("e",))
    assert run(params(retrain=True, n_samples=1)) == "0 of 0 candidates selected (1 in the base)"
    assert workspace.selected() == []


def test_a_union_may_select_nothing(workspace: Workspace) -> None:
    workspace.write_base(["a", "e"], ["a", "e"], circle("a", "e"))
    workspace.write_new([], circle())
    with pytest.raises(NothingToSelectError):
        run(params(n_samples=1))
    store.mark_as_union(paths.BASE, ["one", "two"])
    assert run(params(n_samples=1)) == "0 of 0 candidates selected (2 in the base)"
    assert workspace.selected() == []


def test_nothing_new_names_the_ways_on(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a", "b"], circle("a", "b"))
    workspace.write_new([], circle())
    with pytest.raises(NothingToSelectError) as caught:
        run(params(n_samples=1))
    for way in ("data/raw", "select.process_all: true", "git reset --soft HEAD~1", "dvc repro"):
        assert way in caught.value.message
    assert not paths.SELECTION.exists()


def test_min_distance_that_leaves_nothing(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a"], circle("a"))
    workspace.write_new(["b"], circle("b"))
    with pytest.raises(NothingToSelectError, match=r"select.min_distance: 0.5 \(the farthest is at 0.17431"):
        run(params(min_distance=0.5))


def test_embeddings_of_another_dimension(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a"], circle("a"))
    workspace.write_new(["b"], embeddings_of_kind("random", 1, 3, 0))
    with pytest.raises(BaseError, match="different dimensions"):
        run(params(n_samples=1))


def test_embeddings_of_another_checkpoint(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a"], circle("a"))
    workspace.write_checkpoint(b"other weights")
    workspace.write_new(["b"], circle("b"))
    with pytest.raises(CheckpointError, match=r"train\.retrain: true"):
        run(params(n_samples=1))
    workspace.write_checkpoint(b"third weights")
    with pytest.raises(CheckpointError, match=r"dvc repro embed"):
        run(params(n_samples=1))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_not_finite(workspace: Workspace, value: float) -> None:
    embeddings = circle("a", "b")
    embeddings[1, 0] = value
    workspace.write_new(["a", "b"], embeddings)
    for method in METHODS:
        with pytest.raises(BaseError, match="'b' holds NaN or infinite"):
            run(params(n_samples=1, method=method))


@pytest.mark.parametrize("method", METHODS)
def test_equal_and_zero_embeddings(workspace: Workspace, method: str) -> None:
    workspace.write_new(list("abcd"), np.zeros((4, 3), np.float32))
    asked = params(n_samples=3, method=method)
    assert run(asked) == "3 of 4 candidates selected (0 in the base), coverage radius 0.00"
    chosen = workspace.selected()
    assert len(set(chosen)) == 3
    if method in {"coreset", "coverage", "diversity_typicality"}:
        assert chosen == ["a", "b", "c"]


@pytest.mark.parametrize("method", METHODS)
def test_one_candidate(workspace: Workspace, method: str) -> None:
    workspace.write_new(["a"], circle("a"))
    run(params(n_samples=1, method=method))
    assert workspace.selected() == ["a"]
    run(params(n_samples=5, method=method))
    assert workspace.selected() == ["a"]


def test_uniform_time_reads_the_times_of_the_frames(workspace: Workspace) -> None:
    names = [f"{number}.png" for number in range(9)]
    rows = processed(names).assign(raw_path="v.mp4", time_s=[0, 0.1, 0.2, 0.3, 0.4, 0.5, 10, 20, 30.0])
    embeddings = embeddings_of_kind("random", 9, 4, 0)
    workspace.write_rows(rows, embeddings)
    run(params(n_samples=3, method="uniform_time"))
    chosen = sorted(workspace.selected())
    assert [chosen[0] <= "5.png", *chosen[1:]] in ([True, "6.png", "7.png"], [True, "7.png", "8.png"])


# ---- sequences of frames


def frames_of(video: str, indices: list[int]) -> pd.DataFrame:
    names = [f"{video}-{index:03d}-mp4.png" for index in indices]
    return processed(names).assign(raw_path=f"{video}.mp4", frame=indices, time_s=np.array(indices) / 10)


def runs_of(rows: pd.DataFrame, length: int, candidates: list[str] | None = None) -> list[list[int]]:
    names = sorted(rows["filename"]) if candidates is None else candidates
    units = units_of(names, rows, np.ones(len(names), bool), length)
    frame_of = dict(zip(rows["filename"], rows["frame"], strict=True))
    return [[frame_of[names[row]] for row in members] for members in units.members]


def test_runs_follow_each_other() -> None:
    assert runs_of(frames_of("v", list(range(7))), 3) == [[0, 1, 2], [3, 4, 5]]
    assert runs_of(frames_of("v", list(range(0, 70, 10))), 3) == [[0, 10, 20], [30, 40, 50]]
    assert runs_of(frames_of("v", [0, 2, 5, 7, 10, 12]), 2) == [[0, 2], [5, 7], [10, 12]]
    assert runs_of(frames_of("v", [0, 1]), 3) == []
    assert runs_of(frames_of("v", [4]), 1) == [[4]]


def test_one_left_out_frame_is_passed_over_and_a_gap_is_not() -> None:
    assert runs_of(frames_of("v", [0, 1, 3, 4, 5, 6]), 3) == [[0, 1, 3], [4, 5, 6]]
    assert runs_of(frames_of("v", [0, 1, 2, 3, 40, 41, 42, 43]), 3) == [[0, 1, 2], [40, 41, 42]]


def test_runs_stay_in_a_video_and_among_candidates() -> None:
    rows = pd.concat([frames_of("w", [0, 1, 2]), processed(["a.png", "b.png"]), frames_of("v", [0, 1, 2])])
    assert runs_of(rows, 2) == [[0, 1], [0, 1]]
    names = sorted(set(rows["filename"]) - {"v-001-mp4.png"})
    assert runs_of(rows, 2, names) == [[0, 1]]
    units = units_of(names, rows, np.ones(len(names), bool), 2)
    assert (list(units.raw_paths), units.times.tolist(), len(units.outside), units.images) == (["w.mp4"], [0.05], 5, 2)


def test_sequences_by_their_mean(workspace: Workspace) -> None:
    rows = pd.concat([frames_of("v", list(range(8))), processed(["photo.png"])])
    degrees = np.deg2rad([0, 10, 2, 8, 170, 190, 60, 90, 270])
    embeddings = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    workspace.write_rows(rows, embeddings)
    text = run(params(n_samples=5, selected_sequence_length=2))
    assert text.startswith("4 of 9 candidates selected (0 in the base)")
    assert text.endswith("in sequences of 2 frames, without 1 images and 0 frames that belong to no whole sequence")
    selection = read_csv(paths.SELECTION, SELECTION)
    assert selection["filename"].tolist() == [f"v-{index:03d}-mp4.png" for index in (0, 1, 4, 5)]
    assert selection["rank"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(selection["distance"], [np.nan, np.nan, chord(175), chord(175)], rtol=1e-5)
    assert selection["nearest"].tolist() == ["", "", "v-000-mp4.png", "v-001-mp4.png"]
    candidates = read_parquet(paths.CANDIDATES).set_index("filename")
    assert candidates.index[candidates["selected"]].tolist() == selection["filename"].tolist()
    assert candidates.loc["v-003-mp4.png", "covered_by"] == "v-001-mp4.png"
    np.testing.assert_allclose(candidates.loc[["v-006-mp4.png", "v-007-mp4.png"], "distance"], chord(70), rtol=1e-5)
    np.testing.assert_allclose(candidates["distance"]["photo.png"], chord(90), rtol=1e-5)
    assert candidates.loc["photo.png", "covered_by"] == "v-004-mp4.png"


def test_sequences_differ_from_the_base_and_its_left_overs_come_back(workspace: Workspace) -> None:
    old, new = frames_of("old", list(range(6))), frames_of("v", list(range(4)))
    selected = old.iloc[:2].assign(iteration=1, rank=[0, 1], distance=np.nan, nearest="")
    store.write_samples(paths.BASE, selected[SAMPLES.names])
    degrees = {"old": [0, 0, 100, 100, 20, 20], "v": [1, 1, 60, 60]}
    points = {video: np.deg2rad(angles) for video, angles in degrees.items()}
    vectors = {video: np.stack([np.cos(a), np.sin(a)], axis=1).astype(np.float32) for video, a in points.items()}
    write_shards(paths.BASE / store.EMBEDDINGS_FOLDER, old, vectors["old"], workspace.hash)
    workspace.write_rows(new, vectors["v"])
    run(params(n_samples=2, selected_sequence_length=2))
    assert workspace.selected() == ["v-002-mp4.png", "v-003-mp4.png"]
    assert set(read_csv(paths.SELECTION, SELECTION)["nearest"]) == {"old-000-mp4.png"}
    run(params(n_samples=2, selected_sequence_length=2, process_all=True))
    assert workspace.selected() == ["old-002-mp4.png", "old-003-mp4.png"]


@pytest.mark.parametrize("method", METHODS)
def test_every_rule_selects_whole_sequences(workspace: Workspace, method: str) -> None:
    rows = pd.concat([frames_of("v", list(range(0, 50, 5))), frames_of("w", list(range(11)))])
    workspace.write_rows(rows, embeddings_of_kind("video", 21, 8, 0))
    run(params(proportion_samples=0.5, selected_sequence_length=3, method=method))  # of 18
    chosen = workspace.selected()
    assert len(set(chosen)) == len(chosen) == 9
    frame_of = rows.set_index("filename")["frame"]
    for start in range(0, 9, 3):
        steps = np.diff(frame_of.loc[chosen[start : start + 3]])
        assert set(steps) in ({5}, {1})


def test_no_whole_sequence(workspace: Workspace) -> None:
    workspace.write_rows(
        pd.concat([frames_of("v", [0, 1]), processed(["a.png"])]), embeddings_of_kind("video", 3, 8, 0)
    )
    with pytest.raises(NothingToSelectError, match=r"no video has 3 consecutive frames .* \(1 images"):
        run(params(n_samples=6, selected_sequence_length=3))
    workspace.write_rows(frames_of("v", list(range(30))), embeddings_of_kind("video", 30, 8, 0))
    with pytest.raises(ParamsError, match=r"select.proportion_samples: 0.05 of 30 candidates is 2, less than one"):
        run(params(proportion_samples=0.05, selected_sequence_length=3))


def test_fewer_samples_than_a_sequence() -> None:
    with pytest.raises(ValueError, match="n_samples: 2 is less than one sequence of selected_sequence_length: 3"):
        params(n_samples=2, selected_sequence_length=3)


def test_min_distance_holds_between_sequences(workspace: Workspace) -> None:
    workspace.write_rows(frames_of("v", list(range(40))), embeddings_of_kind("video", 40, 3, 0))
    text = run(params(min_distance=0.4, selected_sequence_length=4))
    assert len(workspace.selected()) % 4 == 0
    assert read_csv(paths.SELECTION, SELECTION)["distance"].iloc[4:].min() >= 0.4
    assert "all others are nearer than select.min_distance: 0.4" in text


# ---- strategies that combine


def strategy(input_: dict[str, object], **content: object) -> dict[str, object]:
    return {"input": input_, "strategy": content}


DIVERSITY = strategy({"type": "EMBEDDINGS"}, type="DIVERSITY")


def sharper_than(value: float) -> dict[str, object]:
    return strategy({"type": "METADATA", "key": "sharpness"}, type="THRESHOLD", threshold=value, operator="BIGGER")


def test_thresholds_come_first(workspace: Workspace) -> None:
    workspace.write_rows(processed(list("abcde")).assign(sharpness=[1.0, 2, 3, 4, 0]), circle(*"abcde"))
    text = run(params(n_samples=4, strategies=[sharper_than(1.5), DIVERSITY]))
    assert workspace.selected() == ["b", "d", "c"]
    assert text.endswith(
        "; select.n_samples: 4 is more than there are: all are taken; "
        "2 candidates are beyond a threshold of select.strategies"
    )
    candidates = read_parquet(paths.CANDIDATES).set_index("filename")
    assert candidates["covered_by"].to_dict() == {"a": "b", "b": "b", "c": "c", "d": "d", "e": "d"}
    np.testing.assert_allclose(candidates["distance"]["e"], chord(90), rtol=1e-6)
    with pytest.raises(NothingToSelectError, match="no candidate is within all thresholds"):
        run(params(n_samples=4, strategies=[sharper_than(9), DIVERSITY]))


def test_thresholds_cut_sequences(workspace: Workspace) -> None:
    rows = frames_of("v", list(range(7))).assign(sharpness=[1.0, 1, 1, 0, 1, 1, 1])
    workspace.write_rows(rows, embeddings_of_kind("video", 7, 8, 0))
    text = run(params(n_samples=6, selected_sequence_length=2, strategies=[sharper_than(0.5), DIVERSITY]))
    assert sorted(workspace.selected()) == [f"v-{index:03d}-mp4.png" for index in (0, 1, 4, 5)]
    assert "1 candidates are beyond a threshold" in text
    assert "2 frames that belong to no whole sequence" in text


def test_contributions_are_written_with_and_without_strategies(workspace: Workspace) -> None:
    workspace.write_rows(processed(list("abcde")).assign(sharpness=[4.0, 2, 3, 1, 0]), circle(*"abcde"))
    workspace.mark({"e": "selected"})
    sharp = strategy({"type": "METADATA", "key": "sharpness"}, type="WEIGHTS")
    run(params(n_samples=2, strategies=[DIVERSITY, sharper_than(0.5), sharp]))
    rows = read_contributions(paths.CONTRIBUTIONS)
    assert workspace.selected() == ["e", "a", "c"], "the first was chosen before, and no strategy had a say in that"
    assert rows[["filename", "rank", "strategy"]].to_numpy().tolist() == [
        ["a", 1, 1], ["a", 1, 3], ["c", 2, 1], ["c", 2, 3]
    ]  # fmt: skip
    np.testing.assert_allclose(rows["value"], [1, 1, chord(60) / 2, 0.75], rtol=1e-6)
    workspace.mark({})
    run(params(n_samples=2))
    assert paths.CONTRIBUTIONS.read_text() == ",".join(CONTRIBUTIONS.names) + "\n"


def test_what_a_review_drops_is_replaced_by_the_next_best(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a"], circle("a"))
    workspace.write_new(["b", "c", "d", "e"], circle(*"bcde"))
    run(params(n_samples=2))
    assert workspace.selected() == ["e", "d"]
    Path("review.csv").write_text('filename,decision\n"e",drop\n"d",keep\n')
    text = run(params(n_samples=2, review_file="review.csv"))
    assert workspace.selected() == ["d", "c"]
    assert text.endswith("; 1 dropped by the review")
    for content, message in (
        ("a,drop", "drops 'a', which an earlier iteration accepted"),
        ("x,drop", "drops 'x', which is not a sample"),
        ("e,maybe", "the decision on 'e' is neither keep nor drop"),
    ):
        Path("review.csv").write_text(f"filename,decision\n{content}\n")
        with pytest.raises(ParamsError, match=message):
            run(params(n_samples=2, review_file="review.csv"))
    Path("review.csv").write_text("filename,decision\n" + "".join(f"{name},drop\n" for name in "bcde"))
    with pytest.raises(NothingToSelectError, match="the review drops all candidates"):
        run(params(n_samples=2, review_file="review.csv"))
    Path("review.csv").write_text("name\n")
    with pytest.raises(ParamsError, match=r"select.review_file: review.csv has no column 'filename'"):
        run(params(n_samples=2, review_file="review.csv"))


def test_what_was_chosen_elsewhere_comes_first_and_what_is_masked_not_at_all(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a", "b"], circle("a", "b"))
    workspace.write_new(list("cde"), circle(*"cde"))
    workspace.mark({"a": "selected", "c": "masked", "e": "selected", "z": "selected"})
    text = run(params(n_samples=1, process_all=True))
    assert text.endswith("; 1 more were chosen before (embed.embeddings_file)")
    selection = read_csv(paths.SELECTION, SELECTION)
    assert list(selection["filename"]) == ["e", "d"]
    assert list(selection["rank"]) == [0, 1]
    assert list(selection["nearest"]) == ["a", "a"]
    assert selection["distance"].tolist() == pytest.approx([2, chord(90)])
    candidates = read_parquet(paths.CANDIDATES)
    assert list(candidates["filename"]) == ["b", "d", "e"]
    assert list(candidates["selected"]) == [False, True, True]
    workspace.mark({"c": "selected", "d": "selected", "e": "selected"})
    run(params(n_samples=1))
    assert workspace.selected() == ["c", "d", "e"]


def test_chosen_elsewhere_on_an_empty_base(workspace: Workspace) -> None:
    workspace.write_new(list("abc"), circle(*"abc"))
    workspace.mark({"b": "selected"})
    run(params(n_samples=1))
    selection = read_csv(paths.SELECTION, SELECTION)
    assert list(selection["filename"]) == ["b", "c"]
    assert list(selection["nearest"]) == ["", "b"]
    assert selection["distance"].isna().tolist() == [True, False]


def test_samples_that_lost_their_embedding_are_passed_over(workspace: Workspace) -> None:
    workspace.write_base(["a", "x"], ["a"], circle("a"))
    workspace.write_new(["b", "e"], circle("b", "e"))
    with pytest.raises(CheckpointError, match="1 of 2 samples have no embedding"):
        run(params(n_samples=1))
    store.write_without_embedding(paths.BASE, {"x"})
    run(params(n_samples=1))
    assert workspace.selected() == ["e"]
    (paths.BASE / store.WITHOUT_EMBEDDING).unlink()
    workspace.mark({"x": "without_embedding"})
    run(params(n_samples=1))
    assert workspace.selected() == ["e"]


def test_held_out_samples_and_their_neighbours_are_no_candidates(workspace: Workspace) -> None:
    workspace.write_new(list("abcde"), circle(*"abcde"))
    Path("test_set.txt").write_text("a\n\ne\n")
    text = run(params(n_samples=5, holdout_file="test_set.txt"))
    assert sorted(workspace.selected()) == ["b", "c", "d"]
    assert text.endswith("; 2 more are held out")
    assert list(read_parquet(paths.CANDIDATES)["filename"]) == ["b", "c", "d"]
    text = run(params(n_samples=5, holdout_file="test_set.txt", holdout_distance=chord(11)))
    assert sorted(workspace.selected()) == ["c", "d"]
    assert text.endswith(f"; 3 more are held out or nearer than {chord(11)} to what is")
    with pytest.raises(NothingToSelectError, match="all 5 candidates are held out, or too near"):
        run(params(n_samples=5, holdout_file="test_set.txt", holdout_distance=1.9))


def test_a_datapool_that_leaks_into_the_held_out_set_is_an_error(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a"], circle("a"))
    workspace.write_new(["b", "c"], circle("b", "c"))
    Path("test_set.txt").write_text("b\n")
    run(params(n_samples=1, holdout_file="test_set.txt"))
    assert workspace.selected() == ["c"]
    with pytest.raises(ParamsError, match=r"1 samples of the datapool leak .*'a' \(at 0\.1743 from 'b'\)"):
        run(params(n_samples=1, holdout_file="test_set.txt", holdout_distance=0.2))
    Path("test_set.txt").write_text("a\n")
    with pytest.raises(ParamsError, match="leak into the held-out set"):
        run(params(n_samples=1, holdout_file="test_set.txt"))


def test_similarity_to_an_iteration_or_a_file(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write_base(["a", "e"], ["a", "e"], circle("a", "e"))
    base = store.read_samples(paths.BASE).assign(iteration=[1, 2])
    store.write_samples(paths.BASE, base)
    workspace.write_new(["b", "c", "d"], circle(*"bcd"))
    for number, nearest in ((1, "b"), (2, "d")):
        query = strategy({"type": "EMBEDDINGS"}, type="SIMILARITY", datapool_iteration=number)
        run(params(n_samples=1, strategies=[query]))
        assert workspace.selected() == [nearest]
    query = strategy({"type": "EMBEDDINGS"}, type="SIMILARITY", datapool_iteration=3)
    with pytest.raises(ParamsError, match="no samples of iteration 3; the last one is 2"):
        run(params(n_samples=1, strategies=[query]))
    Path("queries.txt").write_text("c\n")
    query = strategy({"type": "EMBEDDINGS"}, type="SIMILARITY", queries="queries.txt")
    run(params(n_samples=2, strategies=[query]))
    assert workspace.selected() == ["c", "d"]
    Path("queries.txt").write_text("x\n")
    with pytest.raises(ParamsError, match=r"queries\.txt names 'x', which is not a sample"):
        run(params(n_samples=1, strategies=[query]))


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_order_of_rows_has_no_influence_on_strategies(data: st.DataObject) -> None:
    embeddings = data.draw(embedding_sets(smallest=1, largest=20))
    names = [f"{number:03d}.png" for number in range(len(embeddings))]
    rows = processed(names).assign(label_name=[f"{number % 3}" for number in range(len(names))])
    balance = strategy({"type": "METADATA", "key": "label_name"}, type="BALANCE", target={"0": 1.0, "1": 2.0})
    typical = strategy({"type": "EMBEDDINGS"}, type="TYPICALITY")
    chance = strategy({"type": "RANDOM"}, type="WEIGHTS")
    asked = params(n_samples=data.draw(st.integers(1, 25)), strategies=[balance, DIVERSITY, typical, chance]).select
    order = data.draw(st.permutations(range(len(names))))
    straight = select(names, embeddings, [], NO_BASE, Described(rows), asked, {}, {})
    other = Described(rows.iloc[order])
    shuffled = select([names[i] for i in order], embeddings[order], [], NO_BASE, other, asked, {}, {})
    for one, another in zip(straight, shuffled, strict=True):
        pd.testing.assert_frame_equal(one, another)


# ---- what it is worth


@pytest.mark.parametrize("method", METHODS)
def test_budget_curve_and_comparison(workspace: Workspace, method: str) -> None:
    names = [f"{number:02d}.png" for number in range(40)]
    embeddings = embeddings_of_kind("video", 40, 6, 0)
    rows = processed(names).assign(raw_path=[f"{number // 4}.mp4" for number in range(40)], frame=range(40))
    rows = rows.assign(time_s=np.arange(40.0), label_name=["day", "night"] * 20)
    workspace.write_rows(rows, embeddings)
    run(params(n_samples=10, method=method))
    curve = read_csv(paths.BUDGET_CURVE, BUDGET_CURVE)
    chosen = workspace.selected()
    assert curve["budget"].tolist() == list(range(11))
    assert np.isnan(curve["coverage_radius"][0])
    for budget in (1, 4, 10):
        centres = embeddings[[names.index(name) for name in chosen[:budget]]].astype(np.float64)
        distances = np.linalg.norm(embeddings[:, None] - centres, axis=2).min(axis=1)
        np.testing.assert_allclose(curve["coverage_radius"][budget], distances.max(), rtol=1e-5)
        np.testing.assert_allclose(curve["mean_distance"][budget], distances.mean(), rtol=1e-5)
    selection = read_csv(paths.SELECTION, SELECTION)
    np.testing.assert_array_equal(curve["pick_distance"][1:], selection["distance"])
    comparison = read_csv(paths.COMPARISON, COMPARISON).set_index("rule")
    assert comparison.index.tolist() == ["chosen", "coreset", "random"]
    assert comparison["coverage_radius"]["chosen"] == read_parquet(paths.CANDIDATES)["distance"].max()
    assert comparison["smallest_distance"]["chosen"] == selection["distance"].min()
    raw_files = set(rows["raw_path"][rows["filename"].isin(chosen)])
    assert comparison["raw_file_share"]["chosen"] == len(raw_files) / 10
    assert set(comparison["samples"]) == {10}
    assert set(comparison["measured"]) == {40}
    if method in {"coreset", "random"}:
        by_rule = comparison.to_dict("index")
        assert by_rule["chosen"] == by_rule[method]


def test_worth_of_sequences_beside_the_base(workspace: Workspace) -> None:
    workspace.write_base(["a"], ["a"], circle("a"))
    degrees = np.deg2rad([90, 90, 180, 180, 10, 10])
    embeddings = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    workspace.write_rows(frames_of("v", list(range(6))), embeddings)
    run(params(n_samples=4, selected_sequence_length=2))
    curve = read_csv(paths.BUDGET_CURVE, BUDGET_CURVE)
    assert curve["budget"].tolist() == [0, 2, 4]
    np.testing.assert_allclose(curve["coverage_radius"], [2, chord(90), chord(10)], rtol=1e-5)
    np.testing.assert_allclose(
        curve["mean_distance"], np.array([2 + chord(90) + chord(10), chord(90) + chord(10), chord(10)]) / 3, rtol=1e-5
    )
    assert curve["coverage_radius"].tolist() == curve["coreset_coverage_radius"].tolist()
