"""All that is known of samples besides their embeddings, as strategies ask for it; each file is read once."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from curation.core.errors import ParamsError
from curation.labels.given import Given, LabelFileError
from curation.labels.matching import Match
from curation.labels.stored import Labelled, from_coco
from curation.params.select import SelectParams
from curation.params.strategy_inputs import MEASURED, WEAK_LABEL, ScoresInput
from curation.selection.given import predicted_by, ranked, read_scores, told, unmatched_names
from curation.selection.metadata import Metadata, read_metadata
from curation.tables.given_lists import read_text


@dataclass(frozen=True)
class Described:
    """What is known of samples besides their embeddings.

    Attributes:
        processed: metadata of all samples with an embedding: filename, raw_path, time_s and what was measured.
        metadata_file: path of the user's own table; None: there is none.
        tolerance: see `curation.selection.metadata.Metadata`.
        seed: of random numbers.
    """

    processed: pd.DataFrame
    metadata_file: str | None = None
    tolerance: float | None = None
    seed: int = 0
    _predicted: dict[str, tuple[Given, Match]] = field(default_factory=dict, repr=False)
    _ranked: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    _labelled: dict[str, Labelled] = field(default_factory=dict, repr=False)
    _scores: "dict[tuple[str, str], pd.Series[float]]" = field(default_factory=dict, repr=False)

    def for_choosing(self, params: SelectParams) -> "Described":
        """Return what choosing asks for, so that the rest of the table can be let go: it is as large as the embeddings.

        Args:
            params: section `select`.
        """
        is_asked = bool(params.strategies) or params.task is not None
        return self if is_asked else replace(self, processed=pd.DataFrame(columns=self.processed.columns))

    @cached_property
    def known(self) -> frozenset[str]:
        """Names of all samples."""
        return frozenset(self.processed["filename"].tolist())

    @cached_property
    def metadata(self) -> Metadata | None:
        """The user's own table."""
        if self.metadata_file is None:
            return None
        return read_metadata(self.metadata_file, self.processed, self.tolerance)

    def measured(self, key: str) -> "pd.Series[float]":
        """Return what stage `clean` measured of each sample, or its weak label, by filename.

        Raises:
            ParamsError: the samples have no such metadata.
        """
        if key not in self.processed.columns:
            raise ParamsError(f"select.strategies: the samples have no metadata {key!r}")
        column: pd.Series[float] = self.processed.set_index("filename")[key]
        return column

    def predicted(self, path: str) -> tuple[Given, Match]:
        """Return what a file of predictions holds, and the samples that its names mean."""
        if path not in self._predicted:
            self._predicted[path] = predicted_by(path, "select.strategies", self.known)
        return self._predicted[path]

    def ranked(self, path: str) -> pd.DataFrame:
        """Return predictions as `curation.selection.given.ranked` does; several strategies may look at one file."""
        if path not in self._ranked:
            self._ranked[path] = ranked(*self.predicted(path))
        return self._ranked[path]

    def labelled(self, path: str) -> Labelled:
        """Return labels that `curate import-labels` wrote.

        Raises:
            ParamsError: they cannot be read.
        """
        if path not in self._labelled:
            try:
                self._labelled[path] = from_coco(read_text(Path(path)))
            except (OSError, ValueError, LabelFileError) as error:
                what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
                raise ParamsError(
                    f"select.strategies: {path} cannot be read ({what}); labels are those that `python -m curate "
                    "import-labels` wrote, such as labels/TASK.json; `dvc checkout` brings them back"
                ) from None
        return self._labelled[path]

    def scores(self, path: str, column: str) -> "pd.Series[float]":
        """Return a column of a table of scores, by filename."""
        if (path, column) not in self._scores:
            self._scores[path, column] = read_scores(path, column, self.known)
        return self._scores[path, column]

    def is_in_table(self, key: str) -> bool:
        """Return whether a key of metadata is a column of the user's own table.

        Raises:
            ParamsError: it is that and measured as well, or neither.
        """
        columns = [] if self.metadata is None else self.metadata.columns
        is_own = key in columns
        is_measured = key in (*MEASURED, WEAK_LABEL)
        if is_own and is_measured:
            raise ParamsError(
                f"select.strategies: the metadata {key!r} are measured by stage clean, and a column of "
                f"{self.metadata_file}, too: give the column another name"
            )
        if not is_own and not is_measured:
            there = ", ".join(map(repr, columns)) or "no column besides the names"
            raise ParamsError(
                f"select.strategies: there are no metadata {key!r}: {self.metadata_file} has {there}, and stage clean "
                f"measures {', '.join(MEASURED)}"
            )
        return is_own


def described(processed: pd.DataFrame, params: SelectParams) -> Described:
    """Return what is known of samples, with the files that the parameters name."""
    return Described(processed, params.metadata_file, params.metadata_tolerance_s, params.seed)


def tell_names(known: Described, params: SelectParams) -> Iterator[str]:
    """Say of each file that the selection uses which of its names are no sample, or are one in other words.

    Args:
        known: what is read.
        params: which files are named.
    """
    inputs = [item.input for item in params.located]
    tables = [one.file for one in inputs if isinstance(one, ScoresInput) and one.file and not one.task]
    if tables:
        for line in unmatched_names(dict.fromkeys(tables), known.known):
            yield f"warning: {line}"
    predicted = [
        one.file
        for one in inputs
        if one.type in ("SCORES", "PREDICTIONS") and one.file and (one.type == "PREDICTIONS" or one.task)
    ]
    if params.task is not None and not params.strategies:
        predicted.append(params.predictions[params.task])
    for file in dict.fromkeys(predicted):
        if (meant := told(file, *known.predicted(file))) is not None:
            yield meant
    if known.metadata is not None and known.metadata.unmatched is not None:
        yield f"warning: {known.metadata.unmatched}"
