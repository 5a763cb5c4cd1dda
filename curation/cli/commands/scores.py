"""`scores`: how unsure a model is of each sample, from its predictions."""

from pathlib import Path

import click
import pyarrow as pa

from curation.cli.export_target import refuse_other_kind, refuse_raw_data
from curation.core.errors import ParamsError
from curation.history.dvc_cache import open_cache
from curation.inspection.revision import Revision, revision
from curation.labels.score_table import score_table
from curation.params.load import load_params
from curation.pipeline import paths
from curation.selection.given import predicted_by, told
from curation.tables.files import read_parquet, write_csv

_KEY = "select.predictions"


@click.command(name="scores")
@click.argument("task")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("scores.csv"),
    show_default=True,
    help="Where the table goes, a CSV file.",
)
def command(task: str, output: Path) -> None:
    """Write the scores that the predictions of TASK give to samples.

    TASK is one of select.predictions in params.yaml. The table has a row for each sample that the predictions name, and
    a column for each score that they suffice for: uncertainties from probabilities, the others from boxes. The input
    SCORES computes the same with `task: TASK`, so nothing has to be written to select by them.
    """
    tasks = load_params(paths.PARAMS).select.predictions
    if task not in tasks:
        raise ParamsError(f"{_KEY}: there is no task {task!r} (there: {', '.join(tasks) or 'none'})")
    refuse_raw_data(output)
    refuse_other_kind(output)
    with open_cache() as cache:
        known = known_names(revision(None, cache))
    given, match = predicted_by(tasks[task], _KEY, known)
    if (line := told(tasks[task], given, match)) is not None:
        click.echo(f"scores: {line}", err=True)
    table, left_out = score_table(given, match)
    for scorer, reason in left_out.items():
        click.echo(f"scores: no {scorer}: {reason}", err=True)
    if table.columns.tolist() == ["filename"]:
        raise ParamsError(f"{_KEY}: {tasks[task]} suffices for no score")
    schema = pa.schema([("filename", pa.string()), *((name, pa.float64()) for name in table.columns[1:])])
    write_csv(table, schema, output)
    click.echo(f"scores: {', '.join(table.columns[1:])} of {len(table)} samples are in {output}")


def known_names(start: Revision) -> frozenset[str]:
    """Return the names of all samples that have an embedding, decided on or not."""
    decided = {*start.processed["filename"], *start.samples["filename"]} if start.has_datapool else set()
    undecided = (read_parquet(shard, ["filename"])["filename"] for shard in start.undecided_shards)
    return frozenset(decided).union(*undecided)
