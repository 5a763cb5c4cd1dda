"""Work that harms its process, for worker processes in tests: they import it by name, and nothing that takes time."""

import ctypes
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from curation.core.errors import RawDataError


def do_harm(order: str, threads: int, announce: Callable[[int], None]) -> str:
    """Carry out an order, `WORD` or `WORD:PATH`; any other word is returned in capitals."""
    word, _, argument = order.partition(":")
    path = Path(argument)
    match word:
        case "abort":
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), 9)
        case "exit":
            os._exit(3)
        case "sleep":
            path.write_text(str(os.getpid())) if argument else None
            time.sleep(3600)
        case "spin":
            while True:
                pass
        case "compute":  # one call that never gives other threads of Python a turn
            path.write_text(str(os.getpid())) if argument else None
            pow(7, 10**10)
        case "allocate":
            taken = []
            while True:
                taken.append(bytes(2**20))
        case "hold":
            taken = [bytes(2**20) for _ in range(230)]
            announce(0)
            return str(len(taken))
        case "abort_once":
            if not path.exists():
                path.touch()
                announce(5)
                os.abort()
        case "abort_with_threads":
            if threads > 1:
                os.abort()
        case "announce":  # a second and a half of computing in small steps
            until = time.process_time() + 1.5
            while time.process_time() < until:
                announce(0)
        case "read" | "read_forever":  # a file in pieces, with some computing after each
            with path.open("rb", buffering=0) as file:
                while file.read(1024) or (word == "read_forever" and file.seek(0) == 0):
                    until = time.process_time() + 0.02
                    while time.process_time() < until:
                        pass
        case "raise":
            raise AssertionError("what no\ndecoder should say")
        case "raise_own":
            raise RawDataError("the file is gone")
        case "raise_full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "await":
            while not path.exists():
                time.sleep(0.01)
            return str(threads)
        case "touch":
            path.touch()
            return str(threads)
        case "step":
            announce(2)
            announce(1)
    return word.upper()


class Unloadable:
    """Work that no worker can load."""

    def __reduce__(self) -> tuple[type[float], tuple[str]]:
        return float, ("no number",)

    def __call__(self, order: str, threads: int, announce: Callable[[int], None]) -> str:
        return order
