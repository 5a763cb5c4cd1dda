"""The text that says whose objects are embedded."""

from pathlib import Path

import pytest

from curation.core.errors import ParamsError
from curation.labels.given_files import given_files_hash, object_tasks_text, read_object_tasks


def test_tasks_come_back_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tasks = {"cars": "my predictions.json", "signs": "signs.json"}
    for path in tasks.values():
        Path(path).write_text("{}")
    text = object_tasks_text(tasks, given_files_hash(list(tasks.values())))
    assert read_object_tasks(text) == tasks
    assert object_tasks_text({}, None) == "\n"
    assert read_object_tasks("\n") == {}
    assert read_object_tasks("") == {}
    Path("signs.json").write_text("[]")
    with pytest.raises(ParamsError, match=r"signs\.json changed since this run began: run `dvc repro` again"):
        read_object_tasks(text)
