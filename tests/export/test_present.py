"""Exports do not mix pictures of two sizes in one folder."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from curation.core.errors import OutputError
from curation.export.images import scaled_size
from curation.export.present import refuse_other_sizes
from tests.media_files import write_image


def test_pictures_of_another_size_are_not_taken_for_those_that_are_asked_for(tmp_path: Path) -> None:
    with Image.open(write_image(tmp_path / "city/a.png", 1)) as picture:
        width, height = picture.size
    (tmp_path / "text.png").write_text("no picture")
    names = ["city/a.png", "text.png", "new.png"]
    samples = pd.DataFrame({"width": [width, 9, 9], "height": [height, 9, 9]})
    refuse_other_sizes(samples, names, tmp_path, scaled_size)
    on_its_side = samples.rename(columns={"width": "height", "height": "width"})
    refuse_other_sizes(on_its_side, names, tmp_path, scaled_size)
    refuse_other_sizes(samples.assign(width=None), names, tmp_path, partial(scaled_size, size=2))
    with pytest.raises(OutputError, match=rf"a.png is there already with {width} x {height} pixels, and not"):
        refuse_other_sizes(samples, names, tmp_path, partial(scaled_size, size=2))
