"""Tests of giving memory back."""

import numpy as np
import pandas as pd

from curation.tables.memory import MANY, give_back


def test_what_is_in_use_stays() -> None:
    frame = pd.DataFrame({"name": [f"{number}.jpg" for number in range(1000)], "value": np.arange(1000.0)})
    before = frame.copy()
    give_back(MANY + 1)
    pd.testing.assert_frame_equal(frame, before)
