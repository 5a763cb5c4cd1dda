"""The windows of pictures of more than 8 bits, as a datapool records them."""

from pathlib import Path

import pandas as pd

from curation.datapool import store
from curation.image.window import Choice, ValueWindows, Window
from curation.raw.naming import label_name
from curation.tables.datapool import VALUE_WINDOWS
from curation.tables.files import empty_frame


def value_windows(choice: Choice, datapool: Path) -> ValueWindows:
    """Return the windows that `clean.value_window` asks for.

    Args:
        choice: the parameter's value.
        datapool: the folder that records those which were found.
    """
    return ValueWindows.chosen(choice, as_windows(store.read_value_windows(datapool)))


def as_windows(table: pd.DataFrame) -> dict[tuple[str, str], Window]:
    """Return recorded windows by folder and kind of values.

    Args:
        table: columns of `VALUE_WINDOWS`.
    """
    rows = table[VALUE_WINDOWS.names].itertuples(index=False, name=None)
    return {(str(folder), str(kind)): Window(float(low), float(high)) for folder, kind, low, high in rows}


def united_windows(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Return the windows of two records, columns of `VALUE_WINDOWS`; where both have one, the earlier counts."""
    filled = [table[VALUE_WINDOWS.names] for table in (earlier, later) if len(table)]
    if not filled:
        return empty_frame(VALUE_WINDOWS)
    rows: pd.DataFrame = pd.concat(filled).drop_duplicates(["folder", "kind"])
    rows = rows.sort_values(["folder", "kind"], kind="stable", ignore_index=True)
    return rows


def windows_in(files: pd.DataFrame) -> pd.DataFrame:
    """Return the windows that files were seen through, columns of `VALUE_WINDOWS`.

    Args:
        files: columns of `FILES`.
    """
    rows = files[files["value_kind"] != ""]
    rows = rows.rename(columns={"value_kind": "kind", "value_low": "low", "value_high": "high"})
    return united_windows(rows.assign(folder=rows["path"].map(label_name)), empty_frame(VALUE_WINDOWS))
