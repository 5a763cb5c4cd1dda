"""`list`: the iterations of a datapool, or the filenames of its samples."""

import csv
import io
import json

import click
import pandas as pd

from curation.cli.samples import chosen_samples, require_unlabelled, say_what_is_missing
from curation.history.dvc_cache import open_cache
from curation.inspection.labels import labelled_samples, labels_of, tasks_of
from curation.inspection.recorded import commits_of_iterations
from curation.inspection.revision import Revision, revision

INITIAL_TAG = "initial-tag"
"""The former product's name for the tag of all samples."""


def tag(iteration: int) -> str:
    """Return the name of an iteration's tag: the samples that it added."""
    return f"iteration-{iteration}"


def iterations_table(start: Revision) -> pd.DataFrame:
    """Return one row an iteration: tag, commit, what came in, what was selected, how far the datapool reached."""
    recorded = commits_of_iterations(start)
    rows = start.iterations
    return pd.DataFrame(
        {
            "iteration": rows["iteration"],
            "tag": [tag(int(number)) for number in rows["iteration"]],
            "commit": [(recorded[int(number)].commit or "")[:12] or "-" for number in rows["iteration"]],
            "raw_files": rows["raw_files"],
            "samples": rows["samples"],
            "candidates": rows["candidates"],
            "selected": rows["selected"],
            "datapool": rows["size_after"],
            "coverage_radius": rows["coverage_radius"],
        }
    )


def label_counts(start: Revision, task: str | None) -> pd.DataFrame:
    """Return how many samples of the datapool have labels of each task, as the class "", and of each of its classes.

    Args:
        start: whose datapool and labels.
        task: None for all.
    """
    names = list(start.samples["filename"])
    rows: list[tuple[str, str, int]] = []
    for each in tasks_of(start) if task is None else [task]:
        found = labels_of(start, each)
        rows.append((each, "", sum(name in found.samples for name in names)))
        rows += [(each, category, count) for category, count in found.counts(names).items()]
    return pd.DataFrame(rows, columns=["task", "class", "samples"])


def as_text(table: pd.DataFrame) -> str:
    """Lay a small table out in columns, for reading."""
    shown = table.assign(
        coverage_radius=[f"{value:.3f}" if pd.notna(value) else "-" for value in table["coverage_radius"]]
    )
    return str(shown.to_string(index=False))


def as_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV with a header."""
    lines = io.StringIO()
    table.to_csv(lines, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    return lines.getvalue().rstrip("\n")


def as_json(table: pd.DataFrame) -> str:
    """Return a table as a JSON list of objects; missing numbers are null."""
    rows = json.loads(table.to_json(orient="records", double_precision=15))
    return json.dumps(rows, indent=2, ensure_ascii=False)


@click.command(name="list")
@click.option("--rev", metavar="REV", help="A commit, branch or tag; default: the workspace.")
@click.option("--samples", "list_samples", is_flag=True, help="List filenames: of the whole datapool (initial-tag).")
@click.option("--iteration", type=click.IntRange(1), help="List the filenames that this iteration added.")
@click.option("--since", metavar="REV", help="List the filenames that came after this revision.")
@click.option("--exclude-datapool", is_flag=True, help="List the filenames that the last iteration added.")
@click.option("--unlabelled", is_flag=True, help="List the filenames that have no imported labels yet.")
@click.option("--labels", is_flag=True, help="List how many samples of the datapool have labels, by task and class.")
@click.option("--task", help="With --unlabelled and --labels: of this task alone; default: of any.")
@click.option("--format", "layout", type=click.Choice(["text", "csv", "json"]), default="text", show_default=True)
def command(
    rev: str | None,
    list_samples: bool,
    iteration: int | None,
    since: str | None,
    exclude_datapool: bool,
    unlabelled: bool,
    labels: bool,
    task: str | None,
    layout: str,
) -> None:
    r"""List the iterations, or the filenames of the samples.

    \b
    python -m curate list                   the iterations: tag, commit, figures
    python -m curate list --samples         all filenames of the datapool
    python -m curate list --iteration 3     those that iteration 3 added
    python -m curate list --since v1.0      those that came after v1.0
    python -m curate list --unlabelled      those that nobody has labelled (import-labels)
    python -m curate list --labels          how many have labels, by task and class
    """
    names_are_wanted = unlabelled or list_samples or bool(iteration or since) or exclude_datapool
    if labels and names_are_wanted:
        raise click.UsageError("--labels counts the samples of the datapool: leave the other options out")
    require_unlabelled(task, unlabelled=unlabelled or labels)
    with open_cache() as cache:
        start = revision(rev, cache)
        if labels:
            table = label_counts(start, task)
            text = str(table.to_string(index=False)) if len(table) else "no labels yet"
        elif not names_are_wanted:
            table = iterations_table(start)
            say_what_is_missing("list")
            text = as_text(table) if len(table) else "no iteration yet"
        else:
            former = revision(since, cache) if since else None
            table = chosen_samples(
                start,
                iteration=iteration,
                since=former,
                exclude_datapool=exclude_datapool,
                labelled=labelled_samples(start, task) if unlabelled else frozenset(),
            )
            text = "\n".join(table["filename"])
        printed = {"csv": as_csv, "json": as_json}[layout](table) if layout != "text" else text
        if printed:
            click.echo(printed)
