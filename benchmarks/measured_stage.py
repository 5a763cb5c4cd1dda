"""One stage in a process of its own, with the processor time of its parts: `python -m benchmarks.measured_stage STAGE`.

It runs the stage of the project in the current folder, and prints a line of JSON: `cpu_s` of all threads and processes,
`wall_s`, `peak_mb` of this process, and `parts`: seconds of processor time by function, without those that it calls in
turn. With `--imagined`, stage `clean` takes what decoding gives from `benchmarks.seeded_project`; `made_s`, which is
not in `cpu_s`, is what making that takes.
"""

import functools
import importlib
import inspect
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from types import ModuleType
from typing import Any

import click

from curation.cleaning.decode_file import DecodedFile
from curation.cleaning.tasks import Task
from curation.params.load import load_params
from curation.pipeline import paths

_ALWAYS = ("curation.datapool.store", "curation.embeddings.shards", "curation.tables.files")
WATCHED = {
    "clean": ("curation.cleaning.clean", "curation.cleaning.accounting"),
    "embed": ("curation.embeddings.given",),
    "select": ("curation.selection.candidates", "curation.selection.outcome"),
    "merge_datapool": ("curation.datapool.growth",),
    "report": ("curation.reporting.report", "curation.reporting.compute.figures", "curation.reporting.pages.outputs"),
}
"""Modules whose functions, and those that they import, are parts, besides the stage's own."""

_MADE = "made"
_spent: dict[str, float] = defaultdict(float)
_within: list[float] = [0.0]
_wrapped: dict[Any, Any] = {}


def processor_s() -> float:
    """Return the seconds of processor time of this process and the finished ones that it started."""
    return sum(use.ru_utime + use.ru_stime for use in (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)))


def _timed(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return the function as it is, but that its own time is noted under a name."""

    @functools.wraps(function)
    def run(*args: Any, **named: Any) -> Any:
        began = processor_s()
        _within.append(0.0)
        try:
            return function(*args, **named)
        finally:
            took = processor_s() - began
            _spent[name] += took - _within.pop()
            _within[-1] += took

    return run


def watch(module: ModuleType) -> None:
    """Time the functions of this project that a module has or imports."""
    for name, value in list(vars(module).items()):
        if not inspect.isfunction(value) or inspect.isgeneratorfunction(value) or name in ("run", "main"):
            continue
        if value in _wrapped.values():
            continue
        if value.__module__.startswith(("curation.", "stages.", "benchmarks.")) and name != "stage_command":
            if value not in _wrapped:
                _wrapped[value] = _timed(value, value.__name__)
            setattr(module, name, _wrapped[value])


def imagine_decoding() -> None:
    """Let stage `clean` take what decoding gives from imagined files."""
    from benchmarks.seeded_project import decoded_file, with_one_shard

    def made(_: object, tasks: Iterable[Task], *__: object, **___: object) -> list[DecodedFile]:
        files = [
            decoded_file(path, task.media, task.declared if task.media == "video" else 1)
            for task in tasks
            for path in task.paths
        ]
        return sorted(files, key=lambda file: file.path)

    module = importlib.import_module("curation.cleaning.clean")
    for name, stand_in in (("decode_with", made), ("with_final_shards", with_one_shard)):
        if name not in vars(module):
            raise AttributeError(f"{module.__name__} has no {name} any more: this benchmark has to follow it")
        vars(module)[name] = _timed(stand_in, _MADE)
    stage = importlib.import_module("stages.clean")
    vars(stage)["as_they_lie"] = lambda raw, ledger, finder: raw  # there are no files to look at


def peak_mb() -> int:
    """Return the largest memory that this process has had, in MB (10^6 bytes)."""
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024 // 10**6


def measured(stage: str, watched: Collection[str], *, imagined: bool) -> dict[str, Any]:
    """Run a stage and return what it took."""
    began, wall = processor_s(), time.perf_counter()
    module = importlib.import_module(f"stages.{stage}")
    if imagined and stage == "clean":
        imagine_decoding()
    for name in (f"stages.{stage}", *watched):
        watch(importlib.import_module(name))
    said = module.run(load_params(paths.PARAMS))
    made = _spent.pop(_MADE, 0.0)
    cpu = processor_s() - began - made
    parts = {name: round(spent, 3) for name, spent in sorted(_spent.items(), key=lambda one: -one[1])}
    wall_s = round(time.perf_counter() - wall, 2)
    return {
        "said": said, "cpu_s": round(cpu, 3), "wall_s": wall_s, "peak_mb": peak_mb(), "made_s": made, "parts": parts
    }  # fmt: skip


@click.command()
@click.argument("stage")
@click.option("--imagined", is_flag=True, help="What decoding gives is made from a seed.")
def main(stage: str, imagined: bool) -> None:
    """Run one stage of the project in the current folder and say what it took."""
    sys.path.insert(0, str(Path.cwd()))
    click.echo(json.dumps(measured(stage, (*_ALWAYS, *WATCHED.get(stage, ())), imagined=imagined)))


if __name__ == "__main__":
    main()
