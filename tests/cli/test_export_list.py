"""What `curate export` makes of its options, before anything is read or written."""

from pathlib import Path

import click
import pandas as pd
import pytest

from curation.cli.export_form import Form, form_of
from curation.cli.export_list import classes_for, place_for, with_predictions
from curation.core.errors import OutputError
from curation.export.listing import listing_of

SAMPLES = pd.DataFrame(
    {
        "filename": ["pants/a.jpg", "shirt/b.jpg"],
        "raw_path": ["pants/a.jpg", "shirt/b.jpg"],
        "label_name": ["pants", "shirt"],
        "frame": 0,
        "time_s": 0.0,
        "iteration": 1,
        "rank": 0,
        "label": 0,
        "width": [60, None],
        "height": [40, None],
    }
)


def test_a_place_that_the_format_can_name() -> None:
    assert place_for("label-studio", "local-files:x").kind == "local-files"
    with pytest.raises(OutputError, match="is not local-files:FOLDER"):
        place_for("label-studio", "x")


@pytest.mark.parametrize(
    ("what", "images", "message"),
    [
        ("label-studio", "/mnt/x", "label-studio cannot name such a place"),
        ("cvat", "s3://bucket", r"cvat cannot name .*label-studio.* can.*beside its list: leave --images away"),
    ],
)
def test_a_place_that_the_format_cannot_name(what: str, images: str, message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        place_for(what, images)


def test_forms() -> None:
    assert form_of(None, None, proxies=False) == Form("original", None, False)
    assert form_of("jpg", 360, proxies=False) == Form("jpg", 360, False)
    assert form_of(None, None, proxies=True) == Form("jpg", None, True)
    with pytest.raises(click.UsageError, match="--size needs --format png or jpg"):
        form_of(None, 360, proxies=False)
    for given in (("png", None), (None, 360)):
        with pytest.raises(click.UsageError, match="leave --format and --size away"):
            form_of(*given, proxies=True)


def test_the_users_own_classes_come_first_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert classes_for(SAMPLES, lambda: ("pants", "shirt"), of_videos=False) == ("pants", "shirt")
    assert capsys.readouterr().out == ""
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/classes.txt").write_text("skirt\npants\n")
    assert classes_for(SAMPLES, lambda: ("pants", "shirt"), of_videos=False) == ("skirt", "pants")
    assert "lists/classes.txt does not name shirt (1): these samples have no class" in capsys.readouterr().out


def test_predictions_go_by_the_names_of_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "night.csv"
    path.write_text("filename,class,score\npants/a.jpg,jeans,0.75\npants/a.jpg,skirt,0.25\nshirt/b.jpg,top,1\nx,y,1\n")
    listing = with_predictions(
        listing_of(SAMPLES, ["a.png", "b.png"], ("pants",)), SAMPLES, str(path), SAMPLES["filename"].tolist()
    )
    assert listing.model == "night"
    found = {
        name: [(one.name, one.score, one.box) for one in predicted] for name, predicted in listing.predictions.items()
    }
    assert found == {"pants/a.jpg": [("jeans", 0.75, None)]}
    assert "1 of 2 samples have predictions" in capsys.readouterr().out
