"""Errors that a user can cause.

Each says what is wrong and what to do. `click` prints the message and exits with a non-zero code, without a traceback.

CurationError
├── ParamsError           params.yaml does not fit its schema
├── RawDataError          data/raw holds nothing usable, or a raw file changed under its name
│   └── RawFilesError     … of certain files, which may have to come back: RawFilesGoneError, RawFilesChangedError
├── BucketError           a bucket cannot be listed or read as things are set up
├── BaseError             the datapool to build on cannot be found, read or combined
├── NothingToSelectError  there is no new sample to add to the datapool
├── CheckpointError       a checkpoint is damaged or does not fit the datapool's embedding space
├── OtherCodeError        a stage would write other bytes under the name of the code that made an iteration
├── MissingLibraryError   a library of the system that cannot come from a Python package is not installed
├── LabelsError           labels that a tool made cannot be read, or are of no sample
├── ClusterError          the cluster that is to do the work cannot be used, or lost too many nodes
├── RegistryError         a file that adds a rule, format, method or container does not say what it is
└── OutputError           an output cannot be written: no space, no permission
"""

from collections.abc import Sequence

import click


class CurationError(click.ClickException):
    """A fault that a user can cause: the message says what is wrong, and what to do about it."""


class ParamsError(CurationError):
    """`params.yaml` does not fit its schema."""


class RawDataError(CurationError):
    """`data/raw` holds nothing usable, or a raw file changed under its name."""


class RawFilesError(RawDataError):
    """Certain raw files are not as they have to be.

    Args:
        message: without a full stop.
        raw_paths: of the files, relative to data/raw.
    """

    def __init__(self, message: str, raw_paths: Sequence[str]) -> None:
        super().__init__(message)
        self.raw_paths = tuple(raw_paths)


class RawFilesGoneError(RawFilesError):
    """Raw files that are needed are gone."""


class RawFilesChangedError(RawFilesError):
    """Raw files have changed under their names."""


class BucketError(CurationError):
    """A bucket cannot be listed or read as things are set up: whatever object is asked for."""


class BaseError(CurationError):
    """The datapool to build on cannot be found, read or combined."""


class NothingToSelectError(CurationError):
    """There is no new sample to add to the datapool. The message names the ways on.

    Args:
        what: why there is none, without a full stop.
        way: one more way on, besides those that always exist.
    """

    def __init__(self, what: str, way: str = "") -> None:
        ways = [
            "add files to data/raw, then `dvc repro`",
            "choose from what earlier iterations left out: select.process_all: true in params.yaml",
            *([way] if way else []),
            "redo the last iteration with other parameters: `git reset --soft HEAD~1`, then `dvc repro`",
            "go back to what is committed, data/raw included: `git reset --hard`, then `dvc checkout`",
        ]
        listed = "".join(f"\n  - {line}" for line in ways)
        super().__init__(f"{what}. The datapool stays as it is. To go on, do one of these:{listed}")


class CheckpointError(CurationError):
    """A checkpoint is damaged or does not fit the datapool's embedding space."""


class OtherCodeError(CurationError):
    """A stage would write other bytes under the name of the code that made an iteration."""


class MissingLibraryError(CurationError):
    """A library of the system that cannot come from a Python package is not installed."""


class MissingPackageError(CurationError):
    """A Python package that only some commands need is not installed."""


class ClusterError(CurationError):
    """The cluster that is to do the work cannot be used, or lost too many nodes."""


class RegistryError(CurationError):
    """A file that adds a selection rule, export format, training method or container does not say what it is."""


class LabelsError(CurationError):
    """Labels that a tool made cannot be read, or are of no sample."""


class OutputError(CurationError):
    """An output cannot be written."""
