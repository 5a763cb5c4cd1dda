"""A `python` and a `dvc` that have imported their libraries already, for the commands of most pipeline tests.

On data as small as that of the tests, a stage takes longer to import PyTorch than for all else, and DVC a good part of
its time to start. So a process that has imported the libraries, and nothing of the project, is forked for every
`python -m stages.…`, `python -m curate` and `dvc`. It has the caller's folder, environment, standard streams and
arguments. YAML that such a process has read is not parsed again by another: that is half of what DVC does on so
little data. Nor is code compiled again, whatever the project. It dies with all its children as soon as the command
that asked for it is killed. Everything else goes to the real interpreter, and so do the commands of tests that are
marked `cold`: those that kill one process alone, and those that compare runs of which each is to have its own order of
sets.

`python warm_python.py SOCKET OWNER` is the process that is forked, `COMMAND` the text of `python` and `dvc`, which ask
it.
"""

import _imp
import atexit
import gc
import hashlib
import importlib
import io
import json
import marshal
import os
import pickle
import runpy
import signal
import socket
import sys
import threading
import time
import traceback
import weakref
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

LIBRARIES = (
    *("PIL.Image", "av", "blake3", "click", "faiss", "jinja2", "lightly.loss", "lightly.models", "lightly.transforms"),
    *("matplotlib.backends.backend_agg", "numba", "numpy", "pandas", "pyarrow.csv", "pyarrow.parquet", "pydantic"),
    *("matplotlib.backends.backend_svg", "pandas.io.formats.csvs", "pyarrow.dataset", "pyarrow.pandas_compat"),
    *("pydantic.fields", "pydantic.functional_validators", "pydantic.json_schema", "pydantic.main", "pydantic.types"),
    *("pydantic.plugin._loader", "pytorch_lightning", "ruamel.yaml", "safetensors.torch", "scipy.linalg"),
    *("scipy.sparse", "simplejpeg", "threadpoolctl", "timm", "torch", "torch._dynamo", "torch.fx", "torchvision"),
    *("tqdm", "weasyprint", "celery", "dulwich.porcelain", "dvc._debug", "dvc.cachemgr", "dvc.cli.parser"),
    *("dvc.data_cloud", "dvc.repo", "dvc.repo.artifacts", "dvc.repo.datasets", "dvc.repo.experiments.queue.celery"),
    *("dvc.repo.experiments.queue.tempdir", "dvc.repo.experiments.queue.workspace", "dvc.repo.graph", "dvc.repo.index"),
    *("dvc.repo.open_repo", "dvc.repo.plots", "dvc.repo.reproduce", "dvc.repo.stage", "dvc.repo.trie"),
    *("dvc.repo.worktree", "dvc.stage.run", "dvc.utils.strictyaml", "dvc_data.fs", "dvc_data.hashfile.checkout"),
    *("dvc_data.hashfile.db.local", "dvc_data.hashfile.transfer", "dvc_data.index", "dvc_data.index.checkout"),
    *("dvc_data.index.fetch", "dvc_data.index.push", "networkx", "platformdirs.unix", "pygit2", "scmrepo.git"),
    *("scmrepo.git.backend.pygit2.filter",),
)
"""The libraries that stages and DVC import."""

OPERATORS = Path(__file__).resolve().parents[2] / "curation/model/torchvision_operators.py"
"""The code that has to run before torchvision is imported. As a file, so that no module of the project stays."""

COMMAND = """#!{python} -IS
import json, os, socket, sys

name = os.path.basename(sys.argv[0])
module = sys.argv[2] if len(sys.argv) > 2 and sys.argv[1] == "-m" else ""
if name == "dvc" or module in ("dvc", "curate") or module.startswith("stages."):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect({socket!r})
        asked = ["dvc", *sys.argv[1:]] if name == "dvc" else sys.argv[2:]
        request = json.dumps([asked, os.getcwd(), dict(os.environ)]).encode("utf-8", "surrogateescape")
        socket.send_fds(connection, [len(request).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(request)
        answer = connection.recv(1)
        sys.exit(answer[0] if answer else "the process died")
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


def start(folder: Path, owner: int) -> None:
    """Start the process that is forked, and write the commands that ask for it into `folder`.

    Args:
        folder: of the commands, of the socket, and of the log.
        owner: id of the process after whose end the new one ends, too.
    """
    path, log = folder / "socket", folder / "log"
    # No `Popen`, which would want to see the end of the process: it ends after this one.
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, __file__, str(path), str(owner)],
        os.environ | {"OMP_NUM_THREADS": "1"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,
    )
    while not path.exists():
        if os.waitpid(process, os.WNOHANG) != (0, 0):
            raise RuntimeError(f"the process with the libraries ended:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)
    for name in ("python", "dvc"):
        command = folder / name
        command.write_text(COMMAND.format(python=sys.executable, socket=str(path)), encoding="utf-8")
        command.chmod(0o755)


def serve(path: str, owner: int) -> None:
    """Fork for every request, until the owner has ended."""
    runpy.run_path(str(OPERATORS))
    for name in LIBRARIES:
        importlib.import_module(name)
    importlib.import_module("pydantic.plugin._loader").get_plugins()  # it looks through all that is installed, once
    _leave_endings_out()
    remember_yaml(Path(path).with_name("yaml"))
    remember_code(Path(path).with_name("code"))
    gc.freeze()  # or each process looks at all of it again, and thereby copies it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children are not waited for
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{path}.new")
        listening.listen()
        os.rename(f"{path}.new", path)
        listening.settimeout(1)
        while _is_running(owner):
            with suppress(TimeoutError):
                connection, _ = listening.accept()
                if os.fork() == 0:
                    listening.close()
                    answer(connection, Path(path).with_name("python"))
                connection.close()


def _leave_endings_out() -> None:
    """Let children not do at their end what the libraries of this process want done at its end, where that takes long.

    What children begin, they end.
    """
    atexit.unregister(importlib.import_module("torch._dynamo.utils").dump_compile_times)
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False


def remember_yaml(folder: Path) -> None:
    """Keep what YAML stands for, by its text, and read it from there the next time.

    Lock files are kept when DVC writes them, too: it does so after each stage, and reads them again before the next.
    """
    from ruamel.yaml import YAML

    folder.mkdir()
    parse, write = YAML.load, YAML.dump

    def kept(self: YAML, text: str) -> Path:
        return folder / hashlib.sha256(f"{self.typ} {self.pure} {text}".encode("utf-8", "surrogatepass")).hexdigest()

    def keep(path: Path, content: object) -> None:
        unfinished = path.with_name(f"{path.name}-{os.getpid()}")
        unfinished.write_bytes(pickle.dumps(content))
        os.rename(unfinished, path)

    def load(self: YAML, stream: object) -> Any:
        if not isinstance(stream, str):
            return parse(self, stream)
        path = kept(self, stream)
        with suppress(OSError):
            return pickle.loads(path.read_bytes())
        content = parse(self, stream)
        keep(path, content)
        return content

    def dump(self: YAML, data: Any, stream: Any = None, **options: Any) -> Any:
        if options or not (isinstance(data, dict) and "schema" in data and hasattr(stream, "write")):
            return write(self, data, stream, **options)
        text = io.StringIO()
        write(self, data, text)
        stream.write(text.getvalue())
        keep(kept(self, text.getvalue()), data)

    YAML.load, YAML.dump = load, dump  # type: ignore[method-assign]


def remember_code(folder: Path) -> None:
    """Keep what modules compile to, by their source, and take it from there the next time, wherever the module is."""
    folder.mkdir()
    compiled = SourceFileLoader.source_to_code

    def source_to_code(self: SourceFileLoader, data: bytes, path: str, **options: Any) -> CodeType:
        key = hashlib.sha256(data).hexdigest()
        with suppress(OSError):
            code: CodeType = marshal.loads((folder / key).read_bytes())
            _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
            return code
        code = compiled(self, data, path, **options)
        unfinished = folder / f"{key}-{os.getpid()}"
        unfinished.write_bytes(marshal.dumps(code))
        os.rename(unfinished, folder / key)
        return code

    SourceFileLoader.source_to_code = source_to_code  # type: ignore[method-assign,assignment]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def answer(connection: socket.socket, python: Path) -> None:
    """Do in this process what is asked for, tell the exit status, and end.

    Args:
        connection: to the process that asks.
        python: the command that `curate` is to run stages and DVC with.
    """
    connection.settimeout(None)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    start_, streams, _, _ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(start_, "big"):
        request += connection.recv(2**16)
    (module, *arguments), folder, environment = json.loads(request.decode("utf-8", "surrogateescape"))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what is printed is read during the run
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = True  # that of other processes' code is kept by its source
    sys.argv = [module, *arguments]
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    os.setsid()
    ended = threading.Event()
    threading.Thread(target=_die_with_asker, args=(connection, ended), daemon=True).start()
    if module == "curate":
        sys.executable = str(python)
    code = run(module)
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does at its end, in its order
    atexit._run_exitfuncs()
    for stream_ in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream_.flush()
    ended.set()
    connection.sendall(bytes([code]))
    os._exit(code)


def _die_with_asker(connection: socket.socket, ended: threading.Event) -> None:
    """Kill this process and what it has started, once the process that asked for it has ended without an answer."""
    with suppress(OSError):
        connection.recv(1)
    if not ended.is_set():
        os.killpg(os.getpid(), signal.SIGKILL)


def run(module: str) -> int:
    """Run a module as `python -m` does; return the exit status."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
