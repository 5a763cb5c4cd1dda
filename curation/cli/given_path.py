"""Paths that are given on the command line count from where one stands, wherever in the project that is."""

import os
from pathlib import Path

import click


class GivenPath(click.Path):
    """A path that counts from the folder in which the tool was called, not from the project's, where commands run.

    Args:
        kind: what the path may be.
    """

    def __init__(self, kind: click.Path) -> None:
        vars(self).update(vars(kind))

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path: as it was given in the project's folder, absolute elsewhere."""
        stands_in = ctx.find_root().obj if ctx is not None else None
        is_stream = self.allow_dash and os.fspath(value) == "-"
        if isinstance(stands_in, Path) and stands_in != Path.cwd() and not is_stream:
            value = os.path.normpath(stands_in / value)
        return super().convert(value, param, ctx)


def from_where_one_stands(command: click.Command, ctx: click.Context) -> None:
    """Let every path that a command takes, and each command below it, count from where one stands."""
    for parameter in command.params:
        if isinstance(parameter.type, click.Path) and not isinstance(parameter.type, GivenPath):
            parameter.type = GivenPath(parameter.type)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            if (inner := command.get_command(ctx, name)) is not None:
                from_where_one_stands(inner, ctx)
