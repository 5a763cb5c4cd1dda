"""Other tools that show samples: programs of their own, which need pictures as files.

They bring versions of packages along that the pipeline cannot work with, so they are installed elsewhere (`pipx install
fiftyone`), and called by their command.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.core.atomic import atomic_folder
from curation.core.errors import MissingPackageError, OutputError
from curation.explore.folders import require_replaceable
from curation.explore.rows import as_file
from curation.explore.schema import ROW, THUMBNAIL
from curation.explore.writing import ROWS_AT_ONCE

ENVIRONMENT = {
    "FIFTYONE_DO_NOT_TRACK": "true",
    "LIGHTLY_STUDIO_ANALYTICS_ENABLED": "false",
    "LIGHTLY_STUDIO_HOST": "127.0.0.1",
}
"""The tools tell their makers nothing of their use, and are for this machine alone. What the user has set stays."""

SIDE = 256
"""Pixels of the longer side of pictures for these tools."""

DATA, LABELS, SCRIPT = "data", "labels.csv", "show.py"
NAME = "curate-explore"
"""Of the tools' data set."""

_STUDIO = '''\
"""Shows the samples of this folder in LightlyStudio."""

import csv
from pathlib import Path

import lightly_studio as ls

folder = Path(__file__).resolve().parent
ls.db_manager.connect(db_file=str(folder / "lightly_studio.db"), cleanup_existing=True)
dataset = ls.ImageDataset.create(name="curate-explore")
dataset.add_images_from_path(path=str(folder / "data"), embed=False)
with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
    rows = {row["filepath"]: row for row in csv.DictReader(file)}
for sample in dataset:
    for column, value in rows[sample.file_name].items():
        if value:
            sample.metadata[column] = value
ls.start_gui()
'''


@dataclass(frozen=True)
class Viewer:
    """A tool.

    Attributes:
        program: its command.
        commands: makes the commands to run, of the program's path and the folder.
        about: sentence for the help.
    """

    program: str
    commands: Callable[[Path, Path], Sequence[Sequence[str]]]
    about: str


def _fiftyone(program: Path, folder: Path) -> Sequence[Sequence[str]]:
    """https://docs.voxel51.com/user_guide/import_datasets.html#csvdataset ."""
    kind = ("--dataset-dir", str(folder), "--type", "fiftyone.types.CSVDataset", "--kwargs", "overwrite=True")
    return [
        (str(program), "datasets", "create", "--name", NAME, *kind),
        (str(program), "app", "launch", NAME),
    ]


def _lightly_studio(program: Path, folder: Path) -> Sequence[Sequence[str]]:
    """Its command takes no folder, so its own Python runs a script: the one that lies beside the program."""
    return [(str(program.resolve().parent / "python"), str(folder / SCRIPT))]


VIEWERS: Mapping[str, Viewer] = {
    "fiftyone": Viewer("fiftyone", _fiftyone, "FiftyOne"),
    "lightly-studio": Viewer("lightly-studio", _lightly_studio, "LightlyStudio"),
}


def find_program(name: str) -> Path:
    """Return the path of a tool's command.

    Raises:
        MissingPackageError: it is not on the PATH.
    """
    program = shutil.which(VIEWERS[name].program)
    if program is None:
        raise MissingPackageError(
            f"explore: the command {VIEWERS[name].program} was not found. Install it in an environment of its own, "
            f"since it needs other versions of packages than the pipeline:\n  pipx install {name}"
        )
    return Path(program)


def write_folder(folder: Path, table: Path) -> int:
    """Write a folder of pictures, named by the rows of the table, and `labels.csv`; return how many there are.

    Args:
        folder: replaced if it exists.
        table: the Parquet file.
    """
    require_replaceable(folder, Path(SCRIPT))
    count, parts = 0, []
    with atomic_folder(folder) as temporary:
        (temporary / DATA).mkdir()
        (temporary / SCRIPT).write_text(_STUDIO, encoding="utf-8")
        for batch in pq.ParquetFile(table).iter_batches(ROWS_AT_ONCE):
            shown = batch.filter(batch.column(THUMBNAIL).is_valid())
            names = [f"{row:09d}.jpg" for row in shown.column(ROW).to_pylist()]
            for name, picture in zip(names, shown.column(THUMBNAIL).to_pylist(), strict=True):
                (temporary / DATA / name).write_bytes(picture)
            count += len(names)
            rows = pa.Table.from_batches([shown]).drop_columns([THUMBNAIL])
            parts.append(rows.add_column(0, "filepath", pa.array(names, pa.string())))
        (temporary / LABELS).write_bytes(as_file(pa.concat_tables(parts), "csv") if parts else b"filepath\n")
    return count


def show(name: str, folder: Path) -> None:
    """Run a tool on a folder that `write_folder` wrote, until it ends.

    Raises:
        MissingPackageError: it is not installed.
        OutputError: it failed.
    """
    for command in VIEWERS[name].commands(find_program(name), folder.resolve()):
        print("explore:", " ".join(command), file=sys.stderr)
        status = subprocess.run(command, env=ENVIRONMENT | os.environ, check=False).returncode
        if status:
            raise OutputError(f"explore: {name} failed with status {status}, see above. Its pictures are in {folder}")
