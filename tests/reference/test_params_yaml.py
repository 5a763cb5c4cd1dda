"""The comments of `params.yaml`: renewed from the fields, while all that users wrote themselves stays."""

import subprocess
from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml

from curation.core.errors import ParamsError
from curation.params.load import checked, load_params, read_yaml
from curation.params.schema import PARAMETERS, Params
from curation.params.wording import limits_of
from curation.reference.params_yaml import documented

PATH = Path("params.yaml")
SHIPPED = (Path(__file__).resolve().parent.parent.parent / PATH).read_text(encoding="utf-8")


def read(tmp_path: Path, text: str) -> Params:
    (tmp_path / PATH).write_text(text, encoding="utf-8")
    return load_params(tmp_path / PATH)


def test_the_shipped_file_is_what_the_fields_say() -> None:
    assert documented(SHIPPED, PATH) == documented("", PATH) == SHIPPED


def test_every_parameter_has_its_limits_right_above_it() -> None:
    lines = SHIPPED.splitlines()
    for parameter in PARAMETERS:
        section = lines.index(f"{parameter.section}:")
        row = next(row for row in range(section, len(lines)) if lines[row].startswith(f"  {parameter.name}:"))
        assert limits_of(parameter).endswith(lines[row - 1].removeprefix("  # ").strip())
        assert not lines[row - 1].startswith("   ")


def test_values_and_own_comments_stay_and_what_is_missing_comes_in(tmp_path: Path) -> None:
    own = """\
# an old header
## ours: ask Kim before changing anything
train:   # the model
    epochs: 7    # one more than it takes
    ## ours
    # an old comment
    seed: 0x10
select:
    strategies:
    # in the value
    - input: {type: EMBEDDINGS}   # near
      strategy:
        # deeper
        type: DIVERSITY
    # an old comment of the next key
    n_samples: 20
# at the end
## ours at the end
"""
    new = documented(own, PATH)
    assert read(tmp_path, new) == read(tmp_path, own)
    for line in (
        "## ours: ask Kim before changing anything\ntrain:   # the model\n",
        "    epochs: 7    # one more than it takes\n",
        "    ## ours\n    # Seed of the random",
        "    seed: 0x10\n",
        "    strategies:\n    # in the value\n    - input: {type: EMBEDDINGS}   # near\n",
        "      strategy:\n        # deeper\n        type: DIVERSITY\n",
        "    n_samples: 20\n",
        "    min_distance: null\n",
        "\nclean:\n",
        "  proxy_size: 256\n",
    ):
        assert line in new
    assert "an old" not in new
    assert new.endswith("## ours at the end\n")
    assert documented(new, PATH) == new


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "ingest: {}\n", "\n\nselect:\n  n_samples: 50"])
def test_what_is_missing_has_its_default(text: str) -> None:
    assert documented(text, PATH) == SHIPPED or "ingest: {}" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select: {n_samples: 3, seed: 2}\n", "on a line of its own"),
        ("select:\n  n_sample: 3\n", "did you mean n_samples"),
        ("select:\n  n_samples: 0\n", "select.n_samples"),
        ("select: [\n", "not readable as YAML"),
        ("- 1\n", "no sections"),
        ("{select: {n_samples: 3}}\n", "on a line of its own"),
        ("select:\n  seed: &anchor 3\ntrain:\n  seed: *anchor\n", "cannot be renewed"),
    ],
)
def test_what_cannot_be_renewed_is_told(text: str, words: str) -> None:
    with pytest.raises(ParamsError, match=words):
        documented(text, PATH)


def test_an_upgrade_merges_with_other_values(tmp_path: Path) -> None:
    """A template that rewords every description and adds a parameter behind each one, a user who changes each value."""
    theirs, ours = [], []
    for line in SHIPPED.splitlines():
        is_key, is_comment = line.startswith("  ") and line[2].isalpha(), line.startswith("  # ")
        ours.append(f"{line}  # mine" if is_key else line)
        theirs.append(line)
        if is_comment and theirs[-2] == "":
            theirs[-1] = line + " In other words."
        elif is_key and ": " in line:
            theirs += ["", "  # New.", "  # Integer.", f"  new_{line.split(':')[0].strip()}: 1"]
    for name, lines in (("base", SHIPPED.splitlines()), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    merged = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "<<<<<<<" not in merged.stdout
    assert merged.returncode == 0
    assert merged.stdout.count("# mine") == len(PARAMETERS)
    assert merged.stdout.count("  new_") > 40


def test_what_dvc_writes_gets_its_form_back(tmp_path: Path) -> None:
    (tmp_path / PATH).write_text(SHIPPED)
    with modify_yaml(tmp_path / PATH) as content:
        content["select"]["n_samples"] = 20
    text = (tmp_path / PATH).read_text()
    assert "fps:\n" in text
    wanted = SHIPPED.replace("n_samples: 50", "n_samples: 20")
    assert documented(text, PATH) == wanted
    assert documented(text.replace("fps:\n", "fps:   # all\n"), PATH) == wanted.replace(
        "fps: null", "fps: null   # all"
    )


def test_a_file_with_windows_line_ends_is_read(tmp_path: Path) -> None:
    assert documented(SHIPPED.replace("\n", "\r\n"), PATH) == SHIPPED


def test_the_file_of_the_template_is_read_by_dvc_as_by_the_stages(tmp_path: Path) -> None:
    assert checked(read_yaml(Path(__file__).resolve().parent.parent.parent / PATH), PATH) == Params()
