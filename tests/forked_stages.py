"""What each stage does in a new process, forked from one that has imported the libraries whose import takes longest."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests import ROOT

_PROGRAM = """
import contextlib, importlib, io, json, os, runpy, sys, traceback
stages, libraries, program = json.loads(sys.argv[1])
for name in libraries:
    importlib.import_module(name)
for stage in stages:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            found = {"stage": stage}
            exec(program, {"stage": stage, "found": found})
            print(json.dumps(found), flush=True)
            status = 0
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0, stage
"""


def found_in_each(stages: Sequence[str], libraries: Sequence[str], program: str) -> dict[str, dict[str, Any]]:
    """Run a program for each stage.

    Args:
        stages: their names.
        libraries: modules that are imported before; none of the project.
        program: finds the stage's name in `stage`, and writes what it has found out into the dictionary `found`.

    Returns:
        What was found out, by stage.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps([list(stages), list(libraries), program])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {found["stage"]: found for found in map(json.loads, done.stdout.splitlines())}
