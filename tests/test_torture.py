"""A part of `make torture`, and that it finds what is wrong."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from curation.core.atomic import write_text
from tests.torture.faults import Fault, Work, faults, suffer, torture
from tests.torture.flips import attack
from tests.torture.kills import STAGES, moments
from tests.torture.names import compare, hostile_names, names
from tests.torture.tally import Tally
from tests.torture.together import rounds, together


def part_of_all_faults(folder: Path) -> dict[str, Tally]:
    return dict(faults(folder, seed=0, part=50))


@pytest.mark.thorough
def test_a_part_of_all_faults(tmp_path: Path) -> None:
    # In a small process: it is forked for each fault, which costs time in proportion to its memory.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as small:
        found = small.submit(part_of_all_faults, tmp_path).result()
    assert list(found) == ["merge_datapool", "cache of embeddings", "mutated checkpoints"]
    for name, tally in found.items():
        assert tally.tried >= 15, name
        assert (tally.crashed, tally.lost, tally.silent) == (0, 0, 0), tally.told


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault(1, 28), 1), (Fault(1, "before"), 137), (Fault(9, 28), 0), (Fault(3, "bytes"), 137), (Fault(3, "limit"), 1)],
)
def test_faults_happen(tmp_path: Path, fault: Fault, status: int) -> None:
    def run() -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder/file").write_text("four")

    assert suffer(run, fault) == status


def test_writing_in_place_is_found_to_lose_content(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def run() -> None:
        target.write_text("new content")

    tally = Tally()
    work = Work("in place", run, target, (), may_be_absent=False)
    torture(work, [Fault(3, "bytes")], lambda: write_text(target, "former"), tally)
    assert (tally.tried, tally.lost) == (1, 1)


def test_a_part_of_all_names(tmp_path: Path) -> None:
    found = dict(names(tmp_path, seed=0, part=50))
    assert len(found) >= 30
    for name, tally in found.items():
        assert (tally.tried >= 199, tally.wrong) == (True, 0), (name, tally.told)


def test_hostile_names_are_hostile() -> None:
    made = hostile_names(2000, 0)
    assert made == hostile_names(2000, 0) != hostile_names(2000, 1)
    for piece in ('"', ",", "\u202e", "\u0301", "😀", "{{7*7}}", "<script>", " ", "%"):
        assert any(piece in name for name in made), piece
    assert any(name.startswith("./-") for name in made)
    assert any(name.startswith("./=") for name in made)
    assert max(len(name.removeprefix("./")) for name in made) == 240


def test_a_name_that_does_not_come_back_is_counted() -> None:
    tally = compare(["a", "b", "c"], ["a", "B", "c"], "names")
    assert (tally.tried, tally.lost, tally.silent) == (3, 1, 1)
    assert compare(["a", "b"], ["b", "a"], "names").silent == 1
    assert compare(["a", "b"], ["a", "b", "a"], "names", in_order=False).silent == 1


@pytest.mark.thorough
def test_a_part_of_all_rounds_of_two_writers(tmp_path: Path) -> None:
    for name, tally in together(tmp_path, seed=0, part=20):
        assert (tally.tried, tally.wrong) == (10, 0), (name, tally.told)


def test_two_writers_in_place_are_found_out(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def append() -> None:
        with target.open("a") as file:
            file.write("row\n")

    tally = rounds(append, lambda: write_text(target, ""), target, 3, np.random.default_rng(0))
    assert (tally.tried, tally.silent) == (3, 3)


def test_a_change_that_nobody_notices_is_counted_and_undone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    found = list[bytes]()

    def ignore(changed: Path) -> bool:
        found.append(changed.read_bytes())
        return False

    tally = attack([path], 20, np.random.default_rng(0), ignore)
    assert (tally.tried, tally.silent) == (20, 20)
    assert b"content" not in found
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"content"


def test_kills_are_spread_over_all_stages_in_order() -> None:
    planned = moments(np.random.default_rng(0), 15)
    assert [moment.place for moment in planned] == sorted(moment.place for moment in planned)
    assert {moment.place for moment in planned} == set(range(-1, len(STAGES)))
