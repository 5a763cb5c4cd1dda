"""What is read of a selection's contributions where an iteration wrote none."""

from pathlib import Path

import pandas as pd

from curation.tables.files import write_csv
from curation.tables.selection import CONTRIBUTIONS, read_contributions


def test_contributions_of_now_and_of_long_ago(tmp_path: Path) -> None:
    row = {"filename": "a", "rank": 0, "strategy": 2, "input": "RANDOM", "type": "WEIGHTS", "value": 0.5}
    written = pd.DataFrame([row])
    write_csv(written, CONTRIBUTIONS, tmp_path / "now.csv")
    pd.testing.assert_frame_equal(read_contributions(tmp_path / "now.csv"), written, check_dtype=False)
    (tmp_path / "restored.csv").write_text("The code that made this iteration did not write this output.\n")
    for former in (None, tmp_path / "missing.csv", tmp_path / "restored.csv"):
        found = read_contributions(former)
        assert (len(found), list(found.columns)) == (0, CONTRIBUTIONS.names)
