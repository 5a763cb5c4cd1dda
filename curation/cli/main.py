"""The group of commands. A command's module is imported only when it runs, so that `--help` is quick."""

import importlib
import os
from pathlib import Path

import click

from curation.cli.given_path import from_where_one_stands
from curation.core.errors import BaseError
from curation.history.repair import refuse_cut_off_files
from curation.pipeline import paths
from curation.pipeline.command import ClearCommand, with_clear_errors

COMMANDS = {
    "list-bucket": "Let the objects of a bucket count as raw files, without copying them.",
    "update": "List again all buckets that were listed, and say what is new.",
    "list": "List the iterations, or the filenames of the samples.",
    "export": "Write the selected samples as images, or as a list for a labelling tool.",
    "import-labels": "Keep labels that a labelling tool made with the datapool.",
    "scores": "Write how unsure a model is of each sample, from its predictions.",
    "why": "Say why a sample is in the datapool, or is not.",
    "diff": "Say what a datapool gained, and lost, between two revisions.",
    "merge": "Unite the datapools of two branches, while git merges them.",
    "combine": "Bring another project's datapool, or a file of embeddings, into the cache, to unite it with this one.",
    "remove": "Take samples out of the datapool for good, and say what still holds them.",
    "review": "Write a page to look through the new selection with, and to drop samples.",
    "explore": "Write a table of all samples, and show a million of them.",
    "repair": "Bring back the files of DVC that a kill left cut off.",
    "doctor": "Name what DVC cannot read in data/raw.",
    "params": "List the parameters that differ from their defaults, or explain some.",
    "verify": "Check that the cache holds what the commits recorded, and that iterations come out the same.",
}
"""Name of each command, which is its module in `curation.cli.commands` with _ for -, and what it does. In the order of
the help."""


class LazyGroup(ClearCommand, click.Group):
    """A group whose commands are modules of `curation.cli.commands`, each with a function `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"curation.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        # The docstrings are raw, so that click's mark of a paragraph that keeps its lines is two characters in them.
        command.help = (command.help or "").replace("\\b\n", "\b\n")
        from_where_one_stands(command, ctx)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command in the project's folder; errors of the operating system end with one message."""
        result: list[object] = []
        try:
            with_clear_errors("curate", lambda: result.append(super(LazyGroup, self).invoke(ctx)))
        except click.NoSuchOption as error:
            said = error.message + advice_on_dash(error)
            raise click.NoSuchOption(error.option_name, said, error.possibilities, error.ctx) from None
        return result[0]


def advice_on_dash(error: click.NoSuchOption) -> str:
    """Say how a name is given that begins like an option; nothing where the command takes none, or an option was meant.

    Args:
        error: that a command has raised: of `-lead.jpg` it names `-l`, of `--lead.jpg` the whole.
    """
    name, command = error.option_name, error.ctx.command if error.ctx else None
    may_be_name = not name.startswith("--") or not name.removeprefix("--").replace("-", "").isalnum()
    takes_names = command is not None and any(isinstance(one, click.Argument) for one in command.params)
    if error.ctx is None or not takes_names or not may_be_name:
        return ""
    return f" A name that begins with - goes behind --: `{error.ctx.command_path} -- NAME`."


@click.group(name="curate", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
@click.option(
    "-C",
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The project's folder, or one in it; default: the current one.",
)
def main(ctx: click.Context, project: Path | None) -> None:
    """Query the history of a datapool, and work with its samples.

    Without --rev, a command looks at the workspace: the datapool of the last `dvc repro`, committed or not.
    """
    if project is not None:
        os.chdir(project)
    ctx.obj = Path.cwd()
    paths.enter_project()
    if not paths.DVC_YAML.is_file():
        raise BaseError(f"{Path.cwd()} holds no dvc.yaml: run this in the project's folder, or name it with -C")
    if ctx.invoked_subcommand != "repair":
        refuse_cut_off_files()
