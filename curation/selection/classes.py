"""Classes of samples, or of the objects in them: weak labels, categories of metadata, predictions and labels."""

from dataclasses import dataclass

import pandas as pd

from curation.core.errors import ParamsError
from curation.params.strategy_inputs import MetadataInput, PredictionsInput
from curation.selection.described import Described
from curation.tables.membership import is_among

_SHOWN = 20


@dataclass(frozen=True)
class Classes:
    """What counts, each with its class.

    Attributes:
        table: `filename` and `class` of each sample that has one, or of each object.
        known: samples of which something is said, be it that they show nothing.
        of_objects: whether a sample of which nothing is said may be one in which a model found no object.
    """

    table: pd.DataFrame
    known: frozenset[str]
    of_objects: bool = False


def classes_of(given: MetadataInput | PredictionsInput, described: Described) -> Classes:
    """Return the classes that an input tells.

    Args:
        given: the input, with the file of its task.
        described: what is known of samples.

    Raises:
        ParamsError: a file cannot be read, or has not what is asked for.
    """
    if isinstance(given, MetadataInput):
        return _of_metadata(given, described)
    return _of_predictions(given, described)


def _of_metadata(given: MetadataInput, described: Described) -> Classes:
    """Return the categories of metadata, numbers as text."""
    if described.is_in_table(given.key):
        assert described.metadata is not None
        values = described.metadata.categories(given.key)
    else:
        values = described.measured(given.key).map(str)
    table = pd.DataFrame({"filename": values.index.to_numpy(object), "class": values.to_numpy(object)})
    return Classes(table, frozenset(table["filename"]))


def _of_predictions(given: PredictionsInput, described: Described) -> Classes:
    """Return the classes that are predicted; those that people have labelled take their place."""
    table, known, declared = _empty(), set[str](), set[str]()
    if given.file is not None:
        predictions, match = described.predicted(given.file)
        rows = described.ranked(given.file)
        table = rows[is_among(rows["filename"], described.known)]
        known = set(match.samples.values())
        declared = {*predictions.classes, *rows["class"]}
    if given.labels is not None:
        labels = described.labelled(given.labels)
        rows = pd.DataFrame(
            [(name, one.category, 1.0, one.box) for name, found in labels.samples.items() for one in found],
            columns=list(_empty().columns),
        ).sort_values(["filename", "class"], kind="stable")
        table = pd.concat([table[_empty().columns][~is_among(table["filename"], labels.samples.keys())], rows])
        known |= labels.samples.keys()
        declared |= set(labels.classes)
    _require_known(given, declared)
    is_object = table["bbox"].notna().to_numpy(bool)
    if given.count == "objects" and not is_object.any():
        raise ParamsError(f"select.strategies: {given.file or given.labels}: count: objects, and there is no box")
    counted = table[is_object] if given.count == "objects" else table.drop_duplicates("filename")
    return Classes(counted[["filename", "class"]], frozenset(known), bool(is_object.any()))


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=["filename", "class", "score", "bbox"])


def _require_known(given: PredictionsInput, declared: set[str]) -> None:
    """Refuse a category that no prediction has, and no class of the model: its name is wrong."""
    unknown = [name for name in given.categories or () if name not in declared]
    if unknown:
        there = sorted(declared)
        shown = ", ".join(there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
        raise ParamsError(
            f"select.strategies: {given.file or given.labels} has no class {unknown[0]!r}; it has {shown or 'none'}"
        )
