"""Read at each start of .venv/bin/python (project_start.pth), so that it does nothing but these two things.

`python -m curate` and `python -m stages.NAME` work in each sub-folder of the project, as git and dvc do: the code that
runs is that of the project one stands in. And Ctrl-C before that code can deal with it ends them without a traceback.
`make setup` puts this file into .venv.
"""

import os
import signal
import sys

_MODULE = sys.orig_argv[sys.orig_argv.index("-m") + 1 :][:1] if "-m" in sys.orig_argv else []


def _project(folder: str) -> str | None:
    while not all(os.path.isfile(os.path.join(folder, name)) for name in ("dvc.yaml", "params.yaml")):
        if os.path.isdir(os.path.join(folder, ".dvc")) or os.path.dirname(folder) == folder:
            return None
        folder = os.path.dirname(folder)
    return folder


def _start() -> None:
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    here = os.getcwd()
    project = _project(here)
    if project is not None and project != here:
        sys.path.append(project)


if _MODULE and (_MODULE[0] == "curate" or _MODULE[0].startswith("stages.")):
    _start()
