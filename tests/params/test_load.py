"""`params.yaml`: everything that is wrong is told at once, one line a key."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from curation.core.errors import ParamsError
from curation.params.load import load_params, read_yaml
from curation.params.schema import Params

SHIPPED = Path(__file__).resolve().parent.parent.parent / "params.yaml"


def _changed(tmp_path: Path, **values: object) -> Path:
    yaml = YAML()
    content: Any = yaml.load(SHIPPED.read_text())
    for key, value in values.items():
        section, _, name = key.partition("__")
        content[section][name] = value
    path = tmp_path / "params.yaml"
    with path.open("w") as file:
        yaml.dump(content, file)
    return path


def test_the_shipped_file_is_valid() -> None:
    assert load_params(SHIPPED).select.method == "coreset"


def test_every_error_is_reported_in_one_go(tmp_path: Path) -> None:
    path = _changed(
        tmp_path,
        clean__corruption_threshold=2,
        train__seed="one",
        train__epoch=3,
        select__n_samples=0,
        report__n_example_images=3,
    )
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    lines = caught.value.message.splitlines()
    assert len(lines) == 6
    for key in (
        "clean.corruption_threshold",
        "train.seed",
        "train.epoch",
        "select.n_samples",
        "report.n_example_images",
    ):
        assert sum(line.strip().startswith(key + ":") for line in lines) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"select__n_samples": 5, "select__proportion_samples": 0.5}, "contradict"),
        ({"select__n_samples": None}, "nothing ends the selection"),
        ({"select__min_distance": float("nan")}, "select.min_distance"),
        ({"select__n_samples": True}, "select.n_samples"),
        ({"select__n_samples": 2.0}, "select.n_samples"),
        ({"train__retrain": True, "train__checkpoint": "x.ckpt"}, "one of them only"),
        ({"clean__decode_timeout_s": 0}, "clean.decode_timeout_s"),
        ({"clean__decode_timeout_s": float("inf")}, "clean.decode_timeout_s"),
        ({"clean__decode_memory_mb": 255}, "clean.decode_memory_mb"),
        ({"clean__decode_memory_mb": 4096.0}, "clean.decode_memory_mb"),
        ({"ingest__image_extensions": ["mp4"]}, "mp4 stands under both"),
        ({"ingest__image_extensions": [".png"]}, "ingest.image_extensions"),
        ({"ingest__fps": 0}, "ingest.fps"),
        ({"ingest__max_frames_per_video": 0}, "ingest.max_frames_per_video"),
        ({"ingest__relevant_filenames_file": None}, "ingest.relevant_filenames_file"),
        ({"ingest__relevant_filenames_file": ""}, "ingest.relevant_filenames_file"),
    ],
)
def test_contradictions_and_wrong_types(tmp_path: Path, values: dict[str, object], words: str) -> None:
    with pytest.raises(ParamsError, match=words):
        load_params(_changed(tmp_path, **values))


def test_decoding_may_have_no_memory_limit(tmp_path: Path) -> None:
    assert load_params(_changed(tmp_path, clean__decode_memory_mb=None)).clean.decode_memory_mb is None


def test_a_window_of_values_is_named_or_two_numbers(tmp_path: Path) -> None:
    assert load_params(_changed(tmp_path, clean__value_window=[27315, 32315])).clean.value_window == (27_315, 32_315)
    assert load_params(_changed(tmp_path, clean__value_window="full")).clean.value_window == "full"


def test_exponents_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(SHIPPED.read_text().replace("learning_rate: 0.0003", "learning_rate: 1e-3"))
    assert load_params(path).train.learning_rate == pytest.approx(0.001)


@pytest.mark.parametrize("content", ["a: [1", "- 1", "", "\x00"])
def test_what_is_no_parameter_file_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(ParamsError):
        load_params(path)
    path.unlink()
    with pytest.raises(ParamsError, match="missing"):
        load_params(path)


def test_what_is_missing_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("train:\n  epochs: 7\n")
    params = load_params(path)
    assert params.train.epochs == 7
    assert params.train.model_copy(update={"epochs": 5}) == Params().train
    assert params.model_copy(update={"train": Params().train}) == load_params(SHIPPED) == Params()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("train:\n  epoch: 3\n", "train.epoch: unknown key; did you mean epochs?"),
        ("train:\n  n_samples: 3\n", "train.n_samples: unknown key; it belongs to section select"),
        ("train:\n  precision: 3\n  minimum: 1\n", "train.minimum: unknown key"),
        ("selection:\n  seed: 1\n", "selection: unknown key; did you mean select?"),
        ("own:\n  seed: 1\n", "own: unknown key; there are the sections ingest, base, clean, train, embed, "),
        ("train:\n  devices: 0\n", "train.devices: must be an integer, 1 or more, or auto (found 0)"),
        ("base:\n  datapool: 3\n", "base.datapool: must be one of auto, none, a datapool hash, a git revision, or a "),
        ("base:\n  datapool: [auto, 3]\n", "base.datapool: must be one of auto, none, "),
        (
            "clean:\n  value_window: [1]\n",
            "clean.value_window: must be one of auto, full, or a list of two numbers in asc",
        ),
        ("clean:\n  value_window: [2, 1]\n", "clean.value_window: the first of the two numbers has to be the smaller"),
        ("select:\n  n_samples: 0\n", "select.n_samples: input should be greater than or equal to 1 (found 0)"),
        (
            "select:\n  method: cores\n",
            "select.method: input should be 'active', 'coreset', 'coverage', 'diversity_typicality'",
        ),
        ("select:\n  strategies: [{input: 3}]\n", "select.strategies.0.input: "),
        ("select:\n  strategies: {input: 3}\n", "select.strategies: input should be a valid list"),
        (
            "select:\n  strategies: [{input: {type: EMBEDDINGS}, strategy: {type: SIMILARITY}}]\n",
            "select.strategies.0.strategy.SIMILARITY: SIMILARITY needs one of",
        ),
        ("train:\n", "train: input should be a valid dictionary or instance of TrainParams (found None)"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert f"  {line}" in caught.value.message
    assert caught.value.message.count(line.split(":")[0] + ":") == 1


def test_a_file_is_parsed_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = YAML.load, list[object]()

    def load(self: YAML, text: str) -> object:
        parsed.append(text)
        return parse(self, text)

    monkeypatch.setattr(YAML, "load", load)
    path = _changed(tmp_path, select__n_samples=31)
    before = len(parsed)
    content = read_yaml(path)
    assert load_params(path).select.n_samples == 31
    content["select"]["n_samples"] = 0
    assert read_yaml(path)["select"]["n_samples"] == 31
    assert len(parsed) == before + 1
    path.write_text(path.read_text().replace("n_samples: 31", "n_samples: 32"))
    assert load_params(path).select.n_samples == 32
