"""`import-labels`: labels that a labelling tool made, kept with the datapool."""

import re
from collections.abc import Mapping
from pathlib import Path

import click
import pandas as pd

from curation.cli.samples import with_sizes
from curation.core.atomic import write_text
from curation.core.errors import LabelsError
from curation.history.dvc_cache import open_cache
from curation.history.merge import run_dvc
from curation.inspection.labels import labels_of, tasks_of
from curation.inspection.revision import Revision, revision
from curation.labels.formats.registry import LABEL_FORMATS
from curation.labels.given import LabelFileError
from curation.labels.matching import match_names
from curation.labels.reading import read_labels
from curation.labels.samples import label_table
from curation.labels.stored import Labelled, as_coco, labelled_by, united
from curation.pipeline import paths

_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SHOWN_CLASSES = 10


@click.command(name="import-labels")
@click.argument("task")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice([*LABEL_FORMATS]), help="Default: what the content shows.")
def command(task: str, file: Path, form: str | None) -> None:
    """Keep the labels in FILE, which a labelling tool exported, with the datapool, as those of TASK.

    FILE may be a folder or a zip archive, in any of the formats of docs/reference/label-formats.md. Labels are added to
    those that TASK has; a sample that has some already gets the new ones instead. They are written to labels/TASK.json,
    a COCO dataset that DVC tracks. TASK is a name of letters, digits, - and _.
    """
    if not _TASK.fullmatch(task):
        raise click.UsageError(f"{task!r} is no name of a task: take letters, digits, - and _")
    target = paths.LABELS / f"{task}.json"
    with open_cache() as cache:
        start = revision(None, cache)
        former = labels_of(start, task) if task in tasks_of(start) else Labelled()
        former = former.without(set(start.removed["filename"]))
        new = labels_in(start, file, form)
        both = united(former, new)
        own = list(start.samples["filename"])
    write_text(target, as_coco(both))
    if run_dvc("add", "--quiet", target.as_posix()):
        raise LabelsError(f"DVC does not track {target}: correct what it reports above, and run the same command again")
    replaced = len(former.samples.keys() & new.samples.keys())
    click.echo(
        f"import-labels: {len(new.samples)} samples with labels are in {target}"
        + (f", {replaced} of which had others" if replaced else "")
    )
    click.echo(f"import-labels: {summary(both, own)}")
    click.echo(f"import-labels: keep them with `git add {target}.dvc` and a commit")


def labels_in(start: Revision, file: Path, form: str | None) -> Labelled:
    """Read the labels of samples in a file, and say which of its names are samples.

    Args:
        start: whose samples.
        file: of the tool.
        form: its format; None: what the content shows.

    Raises:
        LabelsError: it cannot be read, holds a model's predictions, or is about no sample.
    """
    try:
        given = read_labels(file, form)
        if given.is_predicted:
            raise LabelFileError("it holds predictions of a model, and no annotation; select.predictions takes those")
        match = match_names(given.names, frozenset(start.processed["filename"]) | frozenset(start.samples["filename"]))
        click.echo(f"import-labels: {match.told(str(file))}")
        if not match.samples:
            raise LabelFileError("none of its names is a sample")
        sizes = sizes_of(start, match.samples)
        table = label_table(given, match.samples, sizes)
    except LabelFileError as error:
        raise LabelsError(f"{file}: {error}") from None
    for what, count in sorted(given.left_out.items()):
        click.echo(f"import-labels: left out: {count} {what}")
    empty = [match.samples[name] for name in given.empty if name in match.samples]
    return labelled_by(table, empty, given.classes, sizes)


def sizes_of(start: Revision, samples: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Return width and height in pixels of samples, as far as the datapool knows them."""
    rows = with_sizes(start, pd.DataFrame({"filename": sorted(set(samples.values()))})).dropna()
    return {
        str(name): (int(width), int(height))
        for name, width, height in zip(rows["filename"], rows["width"], rows["height"], strict=True)
    }


def summary(labels: Labelled, datapool: list[str]) -> str:
    """Say how much of the datapool is labelled, and with which classes."""
    counts = labels.counts(datapool)
    shown = ", ".join(
        f"{name if name.isprintable() else repr(name)} {count}" for name, count in list(counts.items())[:_SHOWN_CLASSES]
    )
    more = f" and {len(counts) - _SHOWN_CLASSES} more classes" if len(counts) > _SHOWN_CLASSES else ""
    done = sum(name in labels.samples for name in datapool)
    return f"{done} of {len(datapool)} samples of the datapool are labelled" + (f": {shown}{more}" if counts else "")
