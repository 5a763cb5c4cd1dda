"""Errors that a user can cause.

Each says what is wrong and what to do. `click` prints the message and exits with a non-zero code, without a traceback.

CurationError
├── ParamsError           params.yaml does not fit its schema
├── RawDataError          data/raw holds nothing usable, or a raw file changed under its name
├── BaseError             the datapool to build on cannot be found, read or combined
├── NothingToSelectError  there is no new sample to add to the datapool
├── CheckpointError       a checkpoint is damaged or does not fit the datapool's embedding space
└── OutputError           an output cannot be written: no space, no permission
"""

import click


class CurationError(click.ClickException):
    """What is wrong, and what to do about it."""


class ParamsError(CurationError):
    """`params.yaml` does not fit its schema."""


class RawDataError(CurationError):
    """`data/raw` holds nothing usable, or a raw file changed under its name."""


class BaseError(CurationError):
    """The datapool to build on cannot be found, read or combined."""


class NothingToSelectError(CurationError):
    """There is no new sample to add to the datapool."""


class CheckpointError(CurationError):
    """A checkpoint is damaged or does not fit the datapool's embedding space."""


class OutputError(CurationError):
    """An output cannot be written."""
