"""Read at each start of .venv/bin/python (project_start.pth), so that it does nothing but these two things.

`python -m curate` and `python -m stages.NAME` work in each sub-folder of the project, as git and dvc do: the code that
runs is that of the project one stands in. And Ctrl-C before that code can deal with it ends them without a traceback.
`make setup` puts this file into .venv.
"""

import _signal as signal  # type: ignore[import-not-found]  # the core of `signal`, which takes no time to import
import sys

_MODULE = sys.orig_argv[sys.orig_argv.index("-m") + 1 :][:1] if "-m" in sys.orig_argv else []


def _start() -> None:
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pathlib import Path

    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            if folder != here:
                sys.path.append(str(folder))
            return
        if (folder / ".dvc").is_dir():
            return


if _MODULE and (_MODULE[0] == "curate" or _MODULE[0].startswith("stages.")):
    _start()
