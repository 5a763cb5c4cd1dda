"""The parts of the benchmarks of embeddings and selections: splits, long tails, embeddings, probes, intervals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.active_rounds import METHODS, State, badge, run_rounds
from benchmarks.explore import invented, pictures_of
from benchmarks.features import embedded, projected, whitened
from benchmarks.iteration import growth, totals
from benchmarks.labelled import long_tailed, read_pictures, split
from benchmarks.probes import FewLabelsProbe, cross_validated, difference, interval
from benchmarks.seeded_project import BLOCK, decoded_file, raw_files
from benchmarks.selection_tracks import RULES, Results, judge, table
from curation.explore.schema import table_schema
from curation.explore.writing import write_table


@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.integers(0, 99))
def test_a_split_is_disjoint_whole_and_fair_to_each_class(sizes: list[int], seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    train, test = split(classes, np.random.default_rng(seed))
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(len(classes)))
    assert np.bincount(classes[test], minlength=len(sizes)).tolist() == [round(0.28 * size) for size in sizes]


@given(st.lists(st.integers(1, 300), min_size=2, max_size=8), st.integers(0, 99))
def test_a_long_tail_keeps_every_class(sizes: list[int], seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    kept = long_tailed(np.arange(len(classes)), classes, np.random.default_rng(seed))
    assert len(set(kept.tolist())) == len(kept)
    assert set(classes[kept].tolist()) == set(range(len(sizes)))


def test_the_tail_of_a_balanced_set_is_a_hundredth() -> None:
    classes = np.repeat(np.arange(10), 400)
    kept = long_tailed(np.arange(4000), classes, np.random.default_rng(0))
    assert sorted(np.bincount(classes[kept]).tolist()) == [4, 7, 11, 19, 31, 52, 86, 144, 240, 400]


def test_pictures_have_the_classes_of_their_folders(tmp_path: Path) -> None:
    for name, colours in (("red", [(255, 0, 0), (200, 0, 0)]), ("blue", [(0, 0, 255)])):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number, colour in enumerate(colours):
            Image.new("RGB", (9, 9), colour).save(tmp_path / "set" / name / f"{number}.png")
    pictures = read_pictures(tmp_path / "set", tmp_path / "proxies")
    assert (pictures.name, pictures.names, pictures.classes.tolist()) == ("set", ["blue", "red"], [0, 1, 1])
    assert len({pictures.source.jpeg(shard, member) for shard, member in pictures.members}) == 3


def test_whitening_makes_variances_equal_but_those_of_noise() -> None:
    components = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32) * (5, 1, 1e-6)
    fully = whitened(components.astype(np.float32), 1).std(axis=0)
    assert fully[:2] == pytest.approx([1, 1], rel=1e-4)
    assert fully[2] < 1e-4
    assert whitened(components.astype(np.float32), 0) == pytest.approx(components)


def test_fewer_components_are_the_first_of_more() -> None:
    features = (np.random.default_rng(0).normal(size=(60, 12)) * np.arange(1, 13)).astype(np.float32)
    pool = np.arange(40)
    # How a matrix product is rounded depends on its shape, on some processors.
    np.testing.assert_allclose(projected(features, pool, 4), projected(features, pool, 8)[:, :4], rtol=1e-4)
    assert np.linalg.norm(embedded(features, pool, 4), axis=1) == pytest.approx(np.ones(40))


def test_the_cross_validated_probe_tells_signal_from_noise() -> None:
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(3), 30)
    noise = rng.normal(size=(90, 4)).astype(np.float32)
    assert cross_validated(noise, classes) < 0.5
    assert cross_validated(np.c_[noise, classes].astype(np.float32), classes) > 0.95


def test_intervals() -> None:
    assert interval([1.0, 2.0, 3.0]) == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-3)
    assert interval([1.0]) == (1, -np.inf, np.inf)
    assert difference(np.array([2.0, 4.0]), np.array([1.0, 3.0])) == "+1.0 ± 0.0"


def test_selections_of_two_clear_classes_are_judged() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(2), 50)
    features = (rng.normal(size=(100, 8)) + 6 * np.eye(2, 8)[classes]).astype(np.float32)
    train, test = split(classes, rng)
    probe = FewLabelsProbe(features, classes, train, test)
    assert probe.accuracy(train[:1]) == 50  # a single class is known
    results = Results()
    for seed in range(2):
        judge("toy", embedded(features, train, 4), train, classes, {"itself": probe}, [10, 60], seed, results)
    assert results.budgets("toy: accuracy by itself") == [10]  # 60 is too large a part of the pool
    assert all(results.of("toy: accuracy by itself", rule).min() > 95 for rule in RULES)
    assert "coverage" in table(results)


def test_active_learning_ends_with_the_labels_of_all_rounds() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(2), 50)
    features = (rng.normal(size=(100, 8)) + 6 * np.eye(2, 8)[classes]).astype(np.float32)
    train, test = split(classes, rng)
    results = Results()
    run_rounds("toy", embedded(features, train, 4), train, FewLabelsProbe(features, classes, train, test), 0, results)
    figure = "toy, 20 labels a round: accuracy"
    assert results.budgets(figure) == [40]  # a third round would take nearly all of the pool
    assert all(results.of(figure, method).min() > 95 for method in METHODS)


def test_badge_draws_gradients_that_are_far_apart() -> None:
    left, right = np.array([[1.0], [3.0], [0.0], [3.0]]), np.array([[1.0, 0], [1, 0], [1, 0], [1, 0]])
    points = np.zeros((4, 2), np.float32)
    for seed in range(5):
        state = State(points, points[:0], np.ones(4), lambda: (left, right), seed)
        assert set(badge(state, 3).tolist()) == {1, 0, 2}  # the fourth has the gradient of the second


def test_budgets_that_a_seed_lacks_are_left_out() -> None:
    results = Results()
    for budget in (20, 50, 20):
        results.add("toy", "random", budget, float(budget))
    assert results.budgets("toy") == [20]
    assert results.of("toy", "random").tolist() == [20, 20]


def test_invented_samples_fill_a_table_to_explore(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples, places = invented(40, rng)
    assert write_table(tmp_path / "t.parquet", samples, places, table_schema(), pictures_of(rng)) == 40
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert table["thumbnail"].nunique() == table["filename"].nunique() == 40
    assert table["iteration"].value_counts().to_dict() == dict.fromkeys(range(1, 9), 5)


def test_imagined_files_hold_as_many_samples_as_there_are_rows() -> None:
    first, more = raw_files(0, 2 * BLOCK + 30), raw_files(2 * BLOCK, 2 * BLOCK + 30)
    assert first["frames"].sum() == 2 * BLOCK + 30
    assert more["path"].tolist() == first["path"].tolist()[-1:]
    assert first["content_hash"].is_unique
    rows = zip(first["path"], first["media"], first["frames"], strict=True)
    files = [decoded_file(*row) for row in rows]
    assert len({sample.pixel_hash for file in files for sample in file.samples}) == 2 * BLOCK + 30


def _costs(seconds: float, megabytes: int) -> dict[str, dict[str, float]]:
    return {"clean": {"cpu_s": seconds, "peak_mb": megabytes}, "embed": {"cpu_s": 1.0, "peak_mb": 100}}


def test_what_grows_faster_than_the_data_is_marked() -> None:
    start = (_costs(1.0, 100), _costs(1.0, 100))
    sizes = {1_000: (_costs(2.0, 200), start[1]), 10_000: (_costs(101.0, 209), start[1])}
    lines = growth(sizes, start)
    assert lines[0].endswith("rows^2.00, 1.00 kB a row  FASTER THAN THE DATA")
    assert "FASTER" not in lines[1]


def test_one_per_cent_more_is_told_besides_start_up() -> None:
    start = (_costs(1.0, 100), _costs(1.0, 100))
    said = totals(1_000, _costs(101.0, 200), _costs(3.0, 200), start, (_costs(9.0, 0), 10.0))
    assert "+1 % takes 2.0% of the first's 100 s" in said
    assert said.endswith("1000.0 ms a picture for decoding and embedding, extrapolated: 1.09%")
