"""A table of the user's own about samples, raw files and folders, by whose columns strategies select.

Of each column, a sample has the value of the row that names it most exactly: the sample itself; its raw file at the
time of the frame; its raw file; the innermost folder that it lies in. An empty cell says nothing, so that a wider row
speaks in its place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.tables.given import GivenTable, read_table
from curation.tables.given_lists import as_known, unmatched
from curation.tables.membership import is_among

KEY = "select.metadata_file"
NAME, TIME = "filename", "time_s"
"""The columns that say what a row is about: a name, and, for frames of a video, seconds from its beginning."""


@dataclass(frozen=True)
class Metadata:
    """A table about samples.

    Attributes:
        path: of the file.
        given: its rows; `filename` is the known name of each, without a slash at the end.
        times: (r,) float64 seconds of each row; NaN for rows about more than a moment.
        samples: filename, raw_path and time_s of all samples.
        tolerance: seconds between a frame and a row about its video, at most; None: any number.
    """

    path: str
    given: GivenTable
    times: NDArray[np.float64]
    samples: pd.DataFrame
    tolerance: float | None

    @property
    def columns(self) -> list[str]:
        """Names of the columns that hold values."""
        return [name for name in self.given.rows.columns if name not in (NAME, TIME)]

    def numbers(self, column: str) -> "pd.Series[float]":
        """Return a column as float64 by filename; NaN for samples without a value.

        Raises:
            ParamsError: a value is not a finite number.
        """
        text, numbers = self.given.rows[column], self.given.numbers(column)
        bad = np.flatnonzero((text != "") & ~np.isfinite(numbers))
        if len(bad):
            row = self.given.rows.iloc[bad[0]]
            raise ParamsError(f"{KEY}: {self.path}: {column} of {row[NAME]!r} is not a finite number ({row[column]!r})")
        rows = self._rows(column)
        return pd.Series(np.append(numbers.to_numpy(), np.nan)[rows], index=self.samples["filename"])

    def categories(self, column: str) -> "pd.Series[str]":
        """Return the values of a column as text, by filename, of the samples that have one."""
        rows = self._rows(column)
        found = rows >= 0
        values = self.given.rows[column].to_numpy(object)[rows[found]]
        return pd.Series(values, index=self.samples["filename"][found], dtype=object)

    @cached_property
    def unmatched(self) -> str | None:
        """A sentence about the names that stand for nothing; None where all stand for something."""
        return unmatched(self.path, set(self.given.rows[NAME]), _known(self.samples))

    def _rows(self, column: str) -> NDArray[np.int64]:
        """Return the row that speaks about each sample, (n,); -1 for none."""
        says = (self.given.rows[column] != "").to_numpy()
        names = self.given.rows[NAME].to_numpy(object)
        lasting = says & np.isnan(self.times)
        row_of = dict(zip(names[lasting], np.flatnonzero(lasting), strict=True))
        found = np.array([row_of.get(name, -1) for name in self.samples["filename"].to_numpy(object)], dtype=np.int64)
        found = np.where(found >= 0, found, self._rows_in_time(says & ~np.isnan(self.times)))
        wider = {path: _first(row_of, (path, *folders(path))) for path in self.samples["raw_path"].unique()}
        return np.where(found >= 0, found, self.samples["raw_path"].map(wider).to_numpy(np.int64))

    def _rows_in_time(self, said: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the row about each frame's video that is nearest in time, (n,), the earlier on ties; -1 for none."""
        found = np.full(len(self.samples), -1, dtype=np.int64)
        is_frame = self.samples["time_s"].notna().to_numpy()
        if not said.any() or not is_frame.any():
            return found
        rows, videos = np.flatnonzero(said), pd.Index(self.samples["raw_path"][is_frame].unique())
        about = videos.get_indexer(pd.Index(self.given.rows[NAME].iloc[rows]))
        of_frame = videos.get_indexer(pd.Index(self.samples["raw_path"][is_frame]))
        frames = pd.DataFrame({"video": of_frame, "time_s": self.samples["time_s"][is_frame].to_numpy(np.float64)})
        moments = pd.DataFrame({"video": about, "time_s": self.times[rows], "row": rows})
        joined = pd.merge_asof(
            frames.assign(place=np.flatnonzero(is_frame)).sort_values("time_s", kind="stable"),
            moments.sort_values("time_s", kind="stable"),
            on="time_s", by="video", direction="nearest",
        )  # fmt: skip
        nearest = joined["row"].fillna(-1).to_numpy(np.int64)
        if self.tolerance is not None:
            distance = np.abs(np.append(self.times, np.nan)[nearest] - joined["time_s"].to_numpy(np.float64))
            nearest = np.where(distance <= self.tolerance, nearest, -1)
        found[joined["place"].to_numpy()] = nearest
        return found


def read_metadata(path: str, samples: pd.DataFrame, tolerance: float | None) -> Metadata:
    """Read a table about samples, raw files and folders.

    Args:
        path: of the file, CSV or Parquet.
        samples: filename, raw_path and time_s of all samples.
        tolerance: see `Metadata`.

    Raises:
        ParamsError: it cannot be read, says something twice, or is about no sample.
    """
    try:
        given = read_table(Path(path), [NAME])
    except (OSError, ValueError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
        raise ParamsError(f"{KEY}: {path} cannot be read ({what})") from None
    if NAME not in given.rows.columns:
        raise ParamsError(
            f"{KEY}: {path} has no column {NAME!r}, which names samples, raw files or folders; it has "
            f"{', '.join(map(repr, given.rows.columns))}"
        )
    known = _known(samples)
    meant = as_known(given.rows[NAME].unique(), known)
    rows = given.rows.assign(**{NAME: given.rows[NAME].map(meant).map(lambda name: known.get(name, name))})
    given = GivenTable(rows, given.separator)
    times = np.where(is_among(rows[NAME], set(samples[NAME])), np.nan, _times(path, given))
    is_about_something = is_among(rows[NAME], known.keys())
    is_raw_file = is_among(rows[NAME], set(samples["raw_path"].unique()))
    misplaced = np.flatnonzero(~np.isnan(times) & ~is_raw_file & is_about_something)
    if len(misplaced):
        raise ParamsError(
            f"{KEY}: {path}: the row about the folder {rows[NAME].iloc[misplaced[0]]!r} has a {TIME}, which counts "
            "from the beginning of a video: name the video there"
        )
    repeated = pd.DataFrame({NAME: rows[NAME], TIME: times}).duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        at = "" if np.isnan(times[row]) else f" at {times[row]:g} s"
        raise ParamsError(f"{KEY}: {path}: there are two rows about {rows[NAME].iloc[row]!r}{at}: leave one")
    if rows.empty:
        raise ParamsError(f"{KEY}: {path} has no rows")
    if not is_about_something.any():
        example = samples["filename"].min() if len(samples) else "none"
        raise ParamsError(
            f"{KEY}: {path}: none of its names ({', '.join(map(repr, rows[NAME].unique()[:3]))}) is a sample (such as "
            f"{example!r}), a raw file or a folder of raw files"
        )
    return Metadata(path, given, times, samples[[NAME, "raw_path", TIME]], tolerance)


def folders(raw_path: str) -> Iterator[str]:
    """Yield the folders that a raw file lies in, the innermost first."""
    for folder in PurePosixPath(raw_path.removeprefix("./")).parents:
        if str(folder) != ".":
            yield str(folder)


def _known(samples: pd.DataFrame) -> dict[str, str]:
    """Return what a row may be about, as it may be written: folders with a slash at the end, too."""
    raw_paths = samples["raw_path"].unique()
    every = {folder for path in raw_paths for folder in folders(path)}
    known = {**{f"{folder}/": folder for folder in every}, **{folder: folder for folder in every}}
    return known | {name: name for name in (*raw_paths, *samples["filename"])}


def _times(path: str, given: GivenTable) -> NDArray[np.float64]:
    """Return the time of each row in seconds, (r,) float64; NaN for rows without one.

    Raises:
        ParamsError: one is not a finite number.
    """
    if TIME not in given.rows.columns:
        return np.full(len(given.rows), np.nan)
    times = np.asarray(given.numbers(TIME), dtype=np.float64)
    bad = np.flatnonzero((given.rows[TIME] != "").to_numpy() & ~np.isfinite(times))
    if len(bad):
        row = given.rows.iloc[bad[0]]
        raise ParamsError(f"{KEY}: {path}: {TIME} of {row[NAME]!r} is not a finite number ({row[TIME]!r})")
    return times


def _first(row_of: Mapping[str, int], names: tuple[str, ...]) -> int:
    """Return the row of the first name that has one; -1 for none."""
    return next((row_of[name] for name in names if name in row_of), -1)
