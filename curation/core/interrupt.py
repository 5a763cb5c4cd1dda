"""Ctrl-C ends a command with one line and exit status 130, whatever the program is doing: importing, above all.

An interrupt that Python raises as an exception at an arbitrary place comes out as a traceback, is taken for another
error by the libraries that it passes (a failed import, say), or is lost in a callback. So the line is written when the
signal comes, and nothing after it; clean-up then has a few seconds, and the exit status is the same however it ends.
"""

import _thread
import atexit
import contextlib
import os
import signal
import sys
import time
from types import FrameType
from typing import Final

STATUS: Final = 130
"""What shells report for a command that Ctrl-C has ended: 128 and the number of the signal."""
GRACE_S = 5.0
"""Time for clean-up: temporary files go, workers end. What a kill leaves is harmless, and goes with the next run."""


def end_with_one_line(name: str) -> None:
    """Let the first Ctrl-C end this process as the module says, and a second one at once.

    For the main thread of a process that runs one command; processes that are forked from it end without a word.

    Args:
        name: of the command, for the line.
    """
    own, interrupted = os.getpid(), False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted or os.getpid() != own:
            os._exit(STATUS)
        interrupted = True
        ahead = "\n" if os.isatty(2) else ""  # after the progress bar and ^C
        os.write(2, f"{ahead}{name}: interrupted; what it had written is whole or gone\n".encode())
        # Not a `threading.Thread`, whose start takes locks that the interrupted code may hold.
        _thread.start_new_thread(_end_soon, ())
        _say_no_more()
        raise KeyboardInterrupt

    def leave() -> None:
        if interrupted and os.getpid() == own:
            os._exit(STATUS)

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as in `nohup`, and in scripts after `&`
        atexit.register(leave)  # before all others, so that it runs last
        signal.signal(signal.SIGINT, interrupt)


def _say_no_more() -> None:
    """Keep whatever else is written, by libraries and other threads, from standard output and error."""
    for stream in (sys.stdout, sys.stderr):
        # It may be closed, or none, or in the middle of a write.
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _end_soon() -> None:
    time.sleep(GRACE_S)
    os._exit(STATUS)
