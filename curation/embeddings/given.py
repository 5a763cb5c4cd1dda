"""Embeddings that another program made, in a file.

Three kinds of files, told by their names:

- `.csv`: what `lightly` writes: a column `filenames`, then `embedding_0` to `embedding_{d-1}`; others are ignored;
- `.parquet`: the same columns, or one column `embedding` with lists of equal length in their place;
- `.npy`: an array of shape (n, d); a file beside it with the ending `.txt` has the n filenames, one a line.

CSV and Parquet files may have the columns `masked` and `selected` of the lightly Datapool: 0 or 1, or false or true.

The formats: https://docs.lightly.ai/self-supervised-learning/tutorials/structure_your_input.html,
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.embeddings.by_name import NamedEmbeddings
from curation.embeddings.given_files import KEY, files_of, require_unchanged
from curation.embeddings.shards import read_shards
from curation.tables.embeddings import MARKS
from curation.tables.given import as_numbers, layout_of
from curation.tables.given_lists import as_known, lines_of, read_text, unmatched

NAMES, EMBEDDING, LIST = "filenames", "embedding_", "embedding"
MASKED, SELECTED = "masked", "selected"
_TRUTH = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True, "": False}


@dataclass(frozen=True)
class GivenEmbeddings(NamedEmbeddings):
    """The content of a file of embeddings, in the file's order.

    The embeddings have unit length; those of masked samples, whose values are not looked at, are 0.

    Attributes:
        masked: (n,) bool: samples to leave alone.
        selected: (n,) bool: samples that somebody chose already.
    """

    masked: NDArray[np.bool_]
    selected: NDArray[np.bool_]


@dataclass(frozen=True)
class _Source:
    """The words by which messages name a file and its rows."""

    path: str
    key: str
    suffix: str

    def at(self, row: int) -> str:
        """Return where a row, counted from 0, stands: the line, or the row where the file has no lines."""
        return {".csv": f"line {row + 2}", ".npy": f"line {row + 1} of the names"}.get(self.suffix, f"row {row + 1}")

    def error(self, text: str) -> ParamsError:
        return ParamsError(f"{self.key}: {self.path}{text}")


def read_given(path: str, key: str, suffix: str | None = None) -> GivenEmbeddings:
    """Read a file of embeddings and bring them to unit length.

    Takes 8 bytes a value, and 4 more for the result.

    Args:
        path: the file.
        key: the parameter that names it, for messages.
        suffix: of the kind that it is, whatever its name; None = its own.

    Raises:
        ParamsError: the file is missing, or not as the module describes; names the line.
    """
    source = _Source(path, key, suffix or Path(path).suffix.lower())
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".npy": _read_npy}
    if source.suffix not in readers:
        raise source.error(" is not a .csv, .parquet or .npy file")
    try:
        table, values = readers[source.suffix](source)
    except (OSError, ValueError, pa.ArrowException) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
        raise source.error(f" cannot be read ({what})") from None
    names = _names(table[NAMES], source)
    masked, selected = _marks(table, MASKED, source), _marks(table, SELECTED, source)
    lengths = np.linalg.norm(values, axis=1)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)) & ~masked)
    if len(bad):
        raise source.error(
            f", {source.at(int(bad[0]))}: the embedding of {names[bad[0]]!r} has no direction: a value is missing or "
            "not finite, or all are 0"
        )
    unit = (values / np.where(masked, 1, lengths)[:, None]).astype(np.float32)
    unit[masked] = 0
    return GivenEmbeddings(names, unit, masked, selected)


def _read_csv(source: _Source) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    text = dict.fromkeys((NAMES, MASKED, SELECTED), str)
    layout = layout_of(Path(source.path), [NAMES])
    if layout.skipped or layout.has_spaces:
        raise source.error(f": write {NAMES!r} and the other names of columns in the first line, without spaces around")
    # An empty line is a row here, so that the number of a row tells its line.
    table = pd.read_csv(
        source.path,
        dtype=text,
        keep_default_na=False,
        skip_blank_lines=False,
        encoding=layout.encoding,
        sep=layout.separator,
    )
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("its lines have more values than its header has names")
    return table, _numbers(table, source, layout.separator)


def _read_parquet(source: _Source) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    content = pq.read_table(source.path)
    if LIST not in content.column_names:
        table = content.to_pandas()
        return table, _numbers(table, source)
    column, others = content.column(LIST).combine_chunks(), content.drop_columns([LIST]).to_pandas()
    if not pa.types.is_list(column.type) and not pa.types.is_fixed_size_list(column.type):
        raise ValueError(f"its column {LIST!r} holds no lists")
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    other = np.flatnonzero(lengths != lengths[:1])
    if len(other):
        raise source.error(f", {source.at(int(other[0]))}: {lengths[other[0]]:g} values, but {lengths[0]:g} in row 1")
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return _with_names(others, source), values.reshape(len(column), -1)


def _read_npy(source: _Source) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    array, names = files_of(source.path)
    # Never unpickled: an array of objects is an error.
    values = np.load(array, allow_pickle=False)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ValueError(f"it holds an array of shape {values.shape} and type {values.dtype}, not (n, d) numbers")
    lines = lines_of(read_text(names))
    if len(lines) != len(values):
        raise source.error(f" has {len(values)} rows, but {names} {len(lines)} filenames: write one a line")
    return pd.DataFrame({NAMES: lines}), values.astype(np.float64)


def _with_names(table: pd.DataFrame, source: _Source) -> pd.DataFrame:
    if NAMES not in table.columns:
        shown = ", ".join(repr(str(name)) for name in table.columns[:4])
        raise source.error(
            f": its header has no column {NAMES!r}, but {shown}{', ...' if len(table.columns) > 4 else ''}"
        )
    return table


def _numbers(table: pd.DataFrame, source: _Source, separator: str = ",") -> NDArray[np.float64]:
    """Return the values of the columns embedding_0, embedding_1, ...; NaN for what is not a number."""
    found = {column for column in _with_names(table, source).columns if str(column).startswith(EMBEDDING)}
    wanted = [f"{EMBEDDING}{place}" for place in range(len(found))]
    absent = next((column for column in wanted if column not in found), None if found else f"{EMBEDDING}0")
    if absent is not None:
        raise source.error(
            f": its header has no column {absent!r}; embeddings are columns {EMBEDDING}0, {EMBEDDING}1, ..."
        )
    plain = all(table[column].dtype.kind in "fiu" for column in wanted)
    numbers = table[wanted] if plain else table[wanted].apply(as_numbers, separator=separator)
    values: NDArray[np.float64] = numbers.to_numpy(np.float64)
    return values


def _names(column: "pd.Series[str]", source: _Source) -> list[str]:
    first: dict[str, int] = {}
    for row, name in enumerate(column):
        if not isinstance(name, str) or not name:
            raise source.error(f", {source.at(row)}: there is no filename")
        if name in first:
            raise source.error(f", {source.at(row)}: {name!r} is listed twice, first in {source.at(first[name])}")
        first[name] = row
    if not first:
        raise source.error(" holds no sample")
    return list(first)


def _marks(table: pd.DataFrame, column: str, source: _Source) -> NDArray[np.bool_]:
    marks = np.zeros(len(table), dtype=bool)
    if column not in table.columns:
        return marks
    for row, value in enumerate(table[column]):
        known = _TRUTH.get(str(value).strip().lower())
        if known is None:
            raise source.error(f", {source.at(row)}: {column} is {str(value)!r}, not 0 or 1")
        marks[row] = known
    return marks


SAME_EMBEDDING = 1e-4
"""Two files may give an embedding in different numbers of digits: unit vectors nearer than this are the same."""


def given_for(
    samples: pd.DataFrame, path: str, unchanged: str, reused: Sequence[Path]
) -> tuple[pd.DataFrame, NDArray[np.float32], pd.DataFrame, str | None]:
    """Take the embeddings of samples from a file.

    Args:
        samples: of the `clean` stage.
        path: the file.
        unchanged: its hash when the iteration was decided on.
        reused: shards of the base, which must tell the same of the samples that the file holds, too.

    Returns:
        The samples that are not masked, (n, d) embeddings of unit length of them, the marks (columns `MARKS`), and how
        many names of the file are neither of these samples nor have an embedding in the base; None where all are.

    Raises:
        ParamsError: the file is wrong, lacks a sample, or gives one of the datapool another embedding.
    """
    require_unchanged(path, unchanged)
    given = _by_samples(read_given(path, KEY), set(samples["filename"]), path)
    masked = {name for name, is_masked in zip(given.names, given.masked, strict=True) if is_masked}
    missing = sorted(set(samples["filename"]) - given.row_of.keys())
    if missing:
        raise ParamsError(
            f"{KEY}: {path} lacks {len(missing)} of {len(samples)} samples: {', '.join(map(repr, missing[:5]))}"
            f"{', ...' if len(missing) > 5 else ''}. Add them, with masked = 1 where they are to be left out"
        )
    former = _require_same(given, path, masked, reused)
    told = unmatched(path, given.row_of.keys() - masked, former | set(samples["filename"]))
    samples = samples[~samples["filename"].isin(masked)]
    marks = [
        (name, MASKED if is_masked else SELECTED)
        for name, is_masked, is_selected in zip(given.names, given.masked, given.selected, strict=True)
        if is_masked or is_selected
    ]
    embeddings = given.embeddings[given.rows(samples["filename"])]
    return samples, embeddings, pd.DataFrame(sorted(marks), columns=MARKS.names), told


def _by_samples(given: GivenEmbeddings, known: Collection[str], path: str) -> GivenEmbeddings:
    """Give samples the names that they are known by."""
    if all(name in given.row_of for name in known):
        return given
    meant = as_known(given.names, known)
    names = list(meant.values())
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ParamsError(f"{KEY}: {path} names {twice!r} twice, once as it is spelled and once otherwise")
    return replace(given, names=names)


def _require_same(given: GivenEmbeddings, path: str, masked: Collection[str], reused: Sequence[Path]) -> set[str]:
    """Make sure that a file gives the samples of the datapool the embeddings that they have.

    Args:
        given: what the file holds.
        path: the file.
        masked: samples to leave alone.
        reused: shards of the base.

    Returns:
        The names in these.

    Raises:
        ParamsError: a sample has another one.
    """
    former, values = read_shards(list(reused), wanted=["filename"])
    comparable = given.row_of.keys() - masked
    both = [(place, given.row_of[name]) for place, name in enumerate(former["filename"]) if name in comparable]
    if both:
        places, rows = map(list, zip(*both, strict=True))
        apart = np.linalg.norm(values[places] - given.embeddings[rows], axis=1)
        if apart.max() > SAME_EMBEDDING:
            raise ParamsError(
                f"{KEY}: {path} gives {former['filename'].iloc[places[int(apart.argmax())]]!r} another embedding than "
                f"the datapool has (at a distance of {apart.max():.3g}; {int((apart > SAME_EMBEDDING).sum())} samples "
                "differ). Give embeddings of the same model, or set train.retrain: true to replace them all"
            )
    return set(former["filename"])


def marked_in_words(marks: pd.DataFrame) -> str:
    """Say how many samples a file of embeddings marks."""
    counts = [(mark, int((marks["mark"] == mark).sum())) for mark in (MASKED, SELECTED)]
    words = ", ".join(f"{count} {mark}" for mark, count in counts if count)
    return f" (marked there: {words})" if words else ""
