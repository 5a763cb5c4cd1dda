"""The hashes of imported labels."""

from pathlib import Path

from curation.history.base_rule import Base, parse_base
from curation.history.label_hashes import label_hashes


def test_each_task_has_the_hash_that_git_holds(tmp_path: Path) -> None:
    for task, digest in (("cars", "1" * 32), ("a.b", "2" * 32)):
        (tmp_path / f"{task}.json.dvc").write_text(f"outs:\n- md5: {digest}\n  hash: md5\n  path: {task}.json\n")
    (tmp_path / "cars.json").write_text("{}")
    (tmp_path / "damaged.json.dvc").write_text("outs: [")
    (tmp_path / "empty.json.dvc").touch()
    assert list(label_hashes(tmp_path).items()) == [("a.b", "2" * 32), ("cars", "1" * 32)]
    assert label_hashes(tmp_path / "none") == {}


def test_labels_are_recorded_and_take_no_part_in_decisions() -> None:
    plain, labelled = Base(("a",), {"raw_files": "b"}), Base(("a",), {"raw_files": "b"}, labels={"cars": "1"})
    assert plain == labelled
    assert "labels" not in plain.to_json()
    found = parse_base('{"datapools": ["a"], "fingerprint": {"raw_files": "b"}, "labels": {"cars": "1"}}')
    assert found is not None
    assert found.labels == labelled.labels == {"cars": "1"}
    assert parse_base('{"datapools": [], "fingerprint": {}, "labels": 3}') is None
