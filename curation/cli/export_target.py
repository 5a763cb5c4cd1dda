"""TARGET of `curate export`: places that nothing is to be written to."""

from pathlib import Path

from curation.core.errors import OutputError
from curation.pipeline import paths


def refuse_other_kind(file: Path) -> None:
    """Refuse to write a file where a folder lies, or below what is a file.

    Raises:
        OutputError: it is so.
    """
    if file.is_dir():
        raise OutputError(f"{file} is a folder, where a file is to be written: give a file in it as TARGET")
    above = next((folder for folder in file.parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise OutputError(f"{above} is a file, where a folder is needed: give another TARGET, or remove it")


def refuse_raw_data(target: Path) -> None:
    """Refuse to write where the next `dvc repro` would take exports for new raw files.

    Raises:
        OutputError: TARGET is in data/raw.
    """
    if target.resolve().is_relative_to(paths.RAW.resolve()):
        raise OutputError(f"{target} is in {paths.RAW}, where exports would come in as new raw files: take labelling/")


def refuse_target(target: Path, *, is_folder: bool) -> None:
    """Refuse to write to TARGET, where that is known before anything is read.

    Args:
        target: as it was given.
        is_folder: whether files are to be written below it.

    Raises:
        OutputError: it is in data/raw, or is to be a folder and is none.
    """
    refuse_raw_data(target)
    if is_folder:
        refuse_other_kind(target / "any")
