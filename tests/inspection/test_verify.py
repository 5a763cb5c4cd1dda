"""How much of the history could be checked, and whether that is enough."""

from pathlib import Path

import pytest

from curation.cli.commands.verify import Coverage
from curation.inspection.revision import Revision
from curation.inspection.verify import Required, Verdict, sentence, verify

REVISION = Revision("HEAD", None, None)  # type: ignore[arg-type]


def coverage(required: Required, found: dict[str, str | None], *missing: str, fetched: bool = False) -> Coverage:
    made = Coverage(required, is_fetched=fetched, found=found)
    made.add(Verdict(REVISION, 0, missing, ()))
    return made


def test_nothing_checked_is_no_success() -> None:
    nothing = coverage("some", {"a": None, "b": None}, "datapool", "data/base")
    assert str(nothing.problem()).startswith("nothing could be checked: the cache holds none of the 2 objects")
    assert "`dvc pull` brings what HEAD names" in str(nothing.problem())
    assert coverage("none", {"a": None}, "datapool").problem() is None
    assert coverage("some", {}).problem() is None


def test_a_part_is_told_with_counts() -> None:
    part = coverage("some", {"a": "a", "b": None, "c": None}, "data/base")
    assert part.problem() is None
    assert part.sentence(", 1 of them made again") == (
        "1 of 3 objects checked, nothing of these is damaged, 1 of them made again; the cache does not hold the other "
        "objects"
    )
    assert coverage("some", {"a": "a"}).sentence("") == "nothing is damaged"


@pytest.mark.parametrize(
    ("required", "missing", "enough"),
    [
        ("datapool", "data/base", True),
        ("datapool", "datapool_of_mine", True),
        ("datapool", "datapool", False),
        ("datapool", "datapool/samples.csv", False),
        ("all", "data/base", False),
    ],
)
def test_what_is_required_must_be_there(required: Required, missing: str, enough: bool) -> None:
    problem = coverage(required, {"a": "a", "b": None}, missing).problem()
    assert (problem is None) == enough
    assert enough or f"HEAD could not be checked as --require {required} wants it" in str(problem)
    fetched = coverage("all", {"a": None}, missing, fetched=True).problem()
    assert "1 objects are in neither cache nor remote" in str(fetched)
    assert "dvc push --all-commits" in str(fetched)


def test_a_revision_that_cannot_be_read_is_named_and_passed_over(tmp_path: Path) -> None:
    unreadable, sound = (Revision(name, None, None) for name in ("bad", "good"))  # type: ignore[arg-type]
    unreadable.__dict__["faults"] = ("dvc.lock holds git's conflict markers",)
    sound.__dict__.update(faults=(), stages={}, raw_outputs=[])
    first, second = verify([unreadable, sound])
    assert sentence(first) == "bad: cannot be verified: dvc.lock holds git's conflict markers"
    assert sentence(second) == "good: 0 objects are sound"
