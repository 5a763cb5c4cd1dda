"""The common part of the stages' commands: `--help`, checked parameters, a closing line, errors without traceback."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from curation.core import standard_output
from curation.core.errors import CurationError, OutputError
from curation.params.load import load_params
from curation.params.schema import PARAMETERS, Params, parameters_of
from curation.pipeline import paths
from curation.pipeline.guard import outputs_of_record


class ClearCommand(click.Command):
    """A command that says in one line if even its help cannot be written."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command, as `click.Command.main`."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if not standard_output.is_at_fault(error):
                raise
            try:
                standard_output.end_command(self.name or "", error)
            except OutputError as said:
                said.show()
                sys.exit(said.exit_code)


def stage_command(run: Callable[[Params], str]) -> click.Command:
    """Turn a function of the parameters, which returns a one-line summary, into a stage's command.

    The function's docstring becomes the text of `--help`, and the parameters that the stage reads stand below it.
    """
    name = run.__module__.rpartition(".")[2] if run.__module__ != "__main__" else _main_module_name(run)

    # Docstrings are raw strings, so click's mark for lines that are not to be wrapped stands there as two characters.
    @click.command(
        name=name, cls=ClearCommand, help=(run.__doc__ or "").replace("\\b", "\b"), epilog=parameters_line(name)
    )
    def command() -> None:
        def run_it() -> None:
            paths.enter_project()
            params = load_params(paths.PARAMS)
            click.echo(f"{name}: {outputs_of_record(name) or run(params)}")

        with_clear_errors(name, run_it)

    return command


def parameters_line(stage: str) -> str | None:
    """Name the parameters that a stage reads, whole sections by their name; None without any."""
    read, words = {parameter.key for parameter in parameters_of(stage)}, list[str]()
    for section in dict.fromkeys(parameter.section for parameter in PARAMETERS):
        keys = [parameter.key for parameter in PARAMETERS if parameter.section == section]
        words += [section] if read.issuperset(keys) else [key for key in keys if key in read]
    return f"Parameters: {', '.join(words)}. `python -m curate params NAME` explains them." if words else None


def with_clear_errors(name: str, action: Callable[[], None]) -> None:
    """Run `action`; an error of the operating system ends it with one message instead of a traceback."""
    try:
        action()
    except OSError as error:
        if standard_output.is_at_fault(error):
            standard_output.end_command(name, error)
        raise os_error(name, error) from None
    except MemoryError:
        raise OutputError(f"{name}: out of memory; close other programs, or use a machine with more") from None


def os_error(name: str, error: OSError) -> CurationError:
    """Say what an error of the operating system means for the user."""
    where = f" ({error.filename})" if error.filename else ""
    kept = "The datapool is unchanged; `dvc checkout` restores the outputs of the last run."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{name}: the disk is full{where}. Free some space, then run the same command. {kept}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{name}: no permission{where}. Correct the owner or mode, then run it again. {kept}")
    if error.errno == errno.ENOENT:
        return OutputError(f"{name}: {error.filename} is missing. `dvc repro` makes what a stage needs first.")
    return OutputError(f"{name}: {os.strerror(error.errno) if error.errno else error}{where}. {kept}")


def _main_module_name(run: Callable[[Params], str]) -> str:
    """Return the stage's name where its module runs as `python -m stages.NAME`."""
    spec = run.__globals__.get("__spec__")
    return str(spec.name).rpartition(".")[2] if spec else run.__name__
