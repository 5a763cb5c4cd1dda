"""`curate export` refuses targets that it would do harm to."""

from pathlib import Path

import pytest

from curation.cli.commands.export import write_files
from curation.cli.export_target import refuse_raw_data
from curation.core.errors import OutputError
from curation.export.format import TextFile
from curation.pipeline import paths


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "labelling").mkdir()
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match="labelling is a folder, where a file is to be written"):
        write_files([TextFile(tmp_path / "labelling", "")])
    with pytest.raises(OutputError, match=r"a\.txt is a file, where a folder is needed"):
        write_files([TextFile(tmp_path / "a.txt/labels/b.txt", "")])
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert not any((tmp_path / "labelling").iterdir())


def test_exports_do_not_become_raw_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for target in (paths.RAW, paths.RAW / "selected", Path("labelling/../data/raw/x.csv")):
        with pytest.raises(OutputError, match="would come in as new raw files"):
            refuse_raw_data(target)
    refuse_raw_data(Path("labelling/raw"))
