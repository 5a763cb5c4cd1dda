"""The page `docs/reference/cli.md`: the commands as `click` knows them."""

import importlib
import inspect
import textwrap
from collections.abc import Sequence

import click

from curation.cli.main import main
from curation.params.schema import parameters_of

CURATE = "python -m curate"

INTRODUCTION = """\
# Commands

`dvc repro` runs the stages, `python -m curate` does the rest. Each command explains itself with `--help`.
"""


def cli_page(stages: Sequence[str]) -> str:
    """Return the page as Markdown.

    Args:
        stages: names of the stages: modules of `stages` with a command `main`.
    """
    context = click.Context(main, info_name=CURATE)
    parts = [INTRODUCTION, _section(2, CURATE, main, context, main.help or "")]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        parts.append(_section(3, f"{CURATE} {name}", command, inner, command.help or ""))
    parts.append("## Stages\n\n`dvc repro` runs these in their order, each only where its inputs have changed.\n")
    for name in stages:
        command = importlib.import_module(f"stages.{name}").main
        words = f"python -m stages.{name}"
        parts.append(_section(3, words, command, click.Context(command, info_name=words), command.help or ""))
        parts.append(_parameters(name))
    return "\n".join(part for part in parts if part)


def _section(level: int, words: str, command: click.Command, context: click.Context, text: str) -> str:
    """Return heading, usage, text and options of a command."""
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"{'#' * level} `{words}`", "", "```text", f"{words} {usage}".rstrip(), "```", "", _as_markdown(text)]
    rows = [
        (", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts)), record)
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.hidden and "--help" not in parameter.opts
        if (record := parameter.get_help_record(context))
    ]
    if rows:
        lines += ["| option | value | what it does |", "| --- | --- | --- |"]
        lines += [f"| {names} | {_value(record[0])} | {record[1].replace('|', '&#124;')} |" for names, record in rows]
        lines.append("")
    return "\n".join(lines)


def _value(declaration: str) -> str:
    """Return what follows the names of an option in its help: `REV` of `--since REV`."""
    last = declaration.split(", ")[-1]
    value = last.partition(" ")[2]
    # A vertical bar would end the cell, on some Git hosts within code, too.
    return ", ".join(f"`{choice}`" for choice in value.strip("[]{}").split("|")) if value else ""


def _as_markdown(text: str) -> str:
    """Turn the text of a command's help into Markdown: paragraphs whose lines are kept become blocks."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    lines: list[str] = []
    for paragraph in paragraphs:
        if paragraph.startswith("\b"):
            lines += ["```text", textwrap.dedent(paragraph.removeprefix("\b\n")), "```", ""]
        else:
            lines += [paragraph, ""]
    return "\n".join(lines)


def _parameters(stage: str) -> str:
    """Name the parameters that a stage reads, as links to their explanations."""
    keys = [parameter.key for parameter in parameters_of(stage)]
    if not keys:
        return ""
    links = [f"[`{key}`](parameters.md#{key.replace('.', '')})" for key in keys]
    line = f"Parameters: {', '.join(links)}."
    return textwrap.fill(line, 120, break_on_hyphens=False, break_long_words=False) + "\n"
