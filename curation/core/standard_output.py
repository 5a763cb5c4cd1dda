"""Standard output that cannot be written: whoever read it has gone, as in `... | head`, or the disk is full."""

import errno
import os
import sys
from typing import NoReturn

import click

from curation.core.errors import OutputError

NOBODY_READS = 141
"""What shells report for a command that a closed pipe has ended: 128 and the number of SIGPIPE."""


def is_at_fault(error: OSError) -> bool:
    """Return whether an error came up where a command printed something."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_code is click.echo.__code__


def end_command(name: str, error: OSError) -> NoReturn:
    """End a command whose output cannot be written: without a word where nobody reads it any more.

    Args:
        name: of the command, for the message.
        error: see `is_at_fault`.

    Raises:
        OutputError: for any other reason.
    """
    # Python tries once more when it ends, and would complain.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    if error.errno == errno.EPIPE:
        sys.exit(NOBODY_READS)
    raise OutputError(f"{name}: its output cannot be written: {error.strerror}; what it printed is cut off") from None
