"""A part of `make torture`, and that it finds what is wrong."""

from pathlib import Path

import pytest

from stages.files.atomic import write_text
from tests.torture import Fault, Tally, Work, all_kinds, suffer, torture


def test_a_part_of_all_faults(tmp_path: Path) -> None:
    found = dict(all_kinds(tmp_path, seed=0, part=50))
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
