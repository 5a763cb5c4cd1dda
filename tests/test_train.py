"""Stage `train`: what is passed through, what is refused, what is trained."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML
from torch import Tensor

from curation.core.atomic import write_bytes
from curation.core.errors import CheckpointError
from curation.datapool.store import write_empty_datapool, write_samples
from curation.image.proxies import ProxyReader
from curation.model.agreement import check_fit
from curation.model.architecture import Architecture
from curation.model.embedding import embed_proxies
from curation.model.training import resumption
from curation.model.training.augmentation import Views
from curation.model.training.callbacks import LossValue
from curation.model.training.fit import initial_model, train_model
from curation.model.training.follower import WithFollower
from curation.model.training.method import Method, learning_rate_factor, network_weights
from curation.model.training.methods.registry import METHODS
from curation.model.training.new_checkpoint import summary
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.schema import Params
from curation.params.train import TrainParams
from curation.pipeline import paths
from curation.tables.files import empty_frame, read_csv
from curation.tables.training import LOSS
from stages.train import run as train
from tests.model_data import ARCHITECTURE, PARAMS, REPOSITORY, SETTINGS, write_clean


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with 6 samples and an empty base."""
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 6)
    write_empty_datapool(paths.BASE)
    return tmp_path


def params(**changes: Any) -> Params:
    content = YAML(typ="safe", pure=True).load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    content["train"].update(PARAMS | changes)
    return Params.model_validate(content)


def checkpoint(path: Path, architecture: Architecture = ARCHITECTURE) -> Path:
    save_checkpoint(path, architecture, network_weights(initial_model(architecture, SETTINGS)))
    return path


def test_trains_on_an_empty_base(workspace: Path) -> None:
    line = train(params())
    losses = read_csv(paths.LOSS, LOSS)
    assert line.startswith("trained resnet-9x0.25 by simclr on 6 samples: 2 steps, loss ")
    assert losses[["step", "epoch"]].to_numpy().tolist() == [[1, 1], [2, 2]]
    assert load_checkpoint(paths.CHECKPOINT)[0] == ARCHITECTURE
    assert {file.name for file in paths.CHECKPOINT.parent.iterdir()} == {"checkpoint.ckpt", "loss.csv"}
    assert {entry.name for entry in workspace.iterdir()} == {"data"}


@pytest.mark.thorough
@pytest.mark.usefixtures("training_threads")
def test_the_same_inputs_give_the_same_bytes(workspace: Path) -> None:
    train(params(workers=0))
    first = paths.CHECKPOINT.read_bytes(), paths.LOSS.read_bytes()
    train(params(workers=2))
    assert (paths.CHECKPOINT.read_bytes(), paths.LOSS.read_bytes()) == first
    train(params(seed=2))
    assert paths.CHECKPOINT.read_bytes() != first[0]


@pytest.mark.thorough
def test_an_interrupted_stage_goes_on_where_it_was(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(params(epochs=3))
    undisturbed = paths.CHECKPOINT.read_bytes(), paths.LOSS.read_bytes()
    for output in (paths.CHECKPOINT, paths.LOSS):
        output.unlink()  # as DVC does before it runs a stage
    monkeypatch.setattr(resumption, "SECONDS_TO_LOSE", 0.0)
    epochs: list[int] = []
    step = Method.training_step

    def fails_in_the_third_epoch(model: Method, views: Views, batch_index: int) -> Tensor:
        epochs.append(model.current_epoch)
        if epochs == [0, 1, 2]:
            raise OSError("out of power")
        return step(model, views, batch_index)

    monkeypatch.setattr(Method, "training_step", fails_in_the_third_epoch)
    with pytest.raises(OSError, match="out of power"):
        train(params(epochs=3))
    assert paths.TRAINING_STATE.exists()
    assert "3 steps" in train(params(epochs=3))
    assert epochs == [0, 1, 2, 2]
    assert (paths.CHECKPOINT.read_bytes(), paths.LOSS.read_bytes()) == undisturbed
    assert not paths.TRAINING_STATE.exists()


@pytest.mark.parametrize("samples", [0, 1])
def test_too_few_samples_keep_the_initial_weights(workspace: Path, samples: int) -> None:
    write_clean(workspace, samples)
    assert train(params()).startswith(f"no training, since {samples} of at least 2 samples are there")
    begun = network_weights(initial_model(ARCHITECTURE, SETTINGS))
    changed = {name for name, value in load_checkpoint(paths.CHECKPOINT)[1].items() if not value.equal(begun[name])}
    assert len(changed) == 2 * samples  # weight and bias of the projection, which is fitted to a single sample
    assert paths.LOSS.read_text() == "step,epoch,loss\n"


def put_a_sample_into_the_base() -> None:
    row = {name: [None] for name in empty_frame_columns()} | {"filename": ["a.png"]}
    numbers = {"frame": [0], "iteration": [1], "rank": [0], "label": [0]}
    write_samples(paths.BASE, pd.DataFrame(row | numbers))


def test_the_checkpoint_of_the_base_is_passed_through_without_torch(workspace: Path) -> None:
    base = checkpoint(paths.BASE / "checkpoint_latest.ckpt")
    put_a_sample_into_the_base()
    YAML().dump(params().model_dump(mode="json"), Path("params.yaml"))
    code = (
        "import sys; from stages.train import main; main(standalone_mode=False); "
        "assert not {'torch', 'lightly', 'pytorch_lightning'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.stderr) == ("train: checkpoint of the base reused\n", "")
    assert paths.CHECKPOINT.read_bytes() == base.read_bytes()
    assert paths.LOSS.read_text() == "step,epoch,loss\n"


def test_a_given_checkpoint_comes_in_an_empty_base(workspace: Path) -> None:
    given = checkpoint(paths.BASE / "checkpoint_latest.ckpt")
    assert train(params(checkpoint="given.ckpt")) == "checkpoint given.ckpt used"
    assert paths.CHECKPOINT.read_bytes() == given.read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"embedding_dim": 16}, "train.embedding_dim 16 against 8"),
        ({"input_size": 48}, "train.input_size 48 against 32"),
        ({"backbone": "resnet-18"}, "train.backbone resnet-18 against resnet-9x0.25"),
    ],
)
def test_params_that_do_not_fit_the_base_are_refused(workspace: Path, change: dict[str, Any], said: str) -> None:
    checkpoint(paths.BASE / "checkpoint_latest.ckpt")
    with pytest.raises(CheckpointError, match=r"train\.retrain: true") as error:
        train(params(**change))
    assert said in error.value.message


def test_the_projection_may_differ_from_the_base() -> None:
    other = Architecture.of("resnet-9x0.25", 8, 99, 32)
    check_fit(other, params().train, Path("some.ckpt"))


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1], lambda content: b"no checkpoint", lambda content: b""]
)
def test_a_damaged_checkpoint_is_refused(workspace: Path, damage: Callable[[bytes], bytes]) -> None:
    base = checkpoint(paths.BASE / "checkpoint_latest.ckpt")
    write_bytes(base, damage(base.read_bytes()))
    with pytest.raises(CheckpointError, match=r"data/base/checkpoint_latest\.ckpt is damaged"):
        train(params())


@pytest.mark.thorough
def test_retrain_starts_from_the_base(workspace: Path) -> None:
    base = checkpoint(paths.BASE / "checkpoint_latest.ckpt")
    train(params(seed=7))
    assert "trained resnet-9x0.25 by simclr from the weights of the base on 6 samples: 1 step," in train(
        params(retrain=True, seed=7, max_steps=1)
    )
    from_base = load_checkpoint(paths.CHECKPOINT)[1]
    base.unlink()
    train(params(retrain=True, seed=7, max_steps=1))
    anew = load_checkpoint(paths.CHECKPOINT)[1]
    assert any(not from_base[name].equal(anew[name]) for name in anew)


def test_retrain_with_another_dimension_starts_from_new_weights(workspace: Path) -> None:
    checkpoint(paths.BASE / "checkpoint_latest.ckpt")
    line = train(params(retrain=True, embedding_dim=16))
    assert "from new weights (embedding_dim 16 against 8 in the base)" in line
    assert load_checkpoint(paths.CHECKPOINT)[0].embedding_dim == 16


def test_a_base_with_samples_and_no_checkpoint_is_refused(workspace: Path) -> None:
    put_a_sample_into_the_base()
    with pytest.raises(CheckpointError, match="holds samples but no checkpoint_latest"):
        train(params())
    assert "trained" in train(params(retrain=True))


def empty_frame_columns() -> list[str]:
    from curation.tables.datapool import SAMPLES

    return list(empty_frame(SAMPLES).columns)


@pytest.mark.thorough
def test_divergence_is_told(workspace: Path) -> None:
    settings = params(epochs=4)
    beyond_the_range = settings.train.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(CheckpointError, match=r"training diverged.*train\.learning_rate"):
        train(settings.model_copy(update={"train": beyond_the_range}))
    assert not paths.CHECKPOINT.exists()


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    for steps in (1, 2, 7, 40):
        rates = [learning_rate_factor(step, steps) for step in range(steps)]
        peak = rates.index(1)
        assert peak == math.ceil(steps / 10) - 1
        assert rates[: peak + 1] == sorted(rates[: peak + 1])
        assert rates[peak:] == sorted(rates[peak:], reverse=True)
        assert min(rates) > 0
        assert len(set(rates)) == steps
    assert rates[0] == 0.25
    assert rates[-1] < 0.01


def test_a_collapsed_embedding_is_told() -> None:
    losses = [LossValue(1, 1, 3.0)]
    assert summary(params().train, 9, losses, "", 6.25).endswith("3.00, effective rank 6.2 of 8")
    assert "has collapsed: lower train.learning_rate" in summary(params().train, 9, losses, "", 1.2)
    assert "rank" not in summary(params().train, 9, losses, "", None)


def test_params_section_is_what_settings_take() -> None:
    assert set(SETTINGS.__dataclass_fields__) <= set(TrainParams.model_fields)


@pytest.mark.thorough
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_the_backbone_alike(workspace: Path, method: str) -> None:
    assert f"trained resnet-9x0.25 by {method} on 6 samples" in train(params(method=method, epochs=4))
    first = paths.CHECKPOINT.read_bytes()
    losses = read_csv(paths.LOSS, LOSS)["loss"]
    assert len(losses) == 4
    architecture, weights = load_checkpoint(paths.CHECKPOINT)
    assert architecture == ARCHITECTURE
    begun = network_weights(initial_model(ARCHITECTURE, replace(SETTINGS, method=method)))
    assert set(weights) == set(begun)
    convolutions = [name for name in begun if name.startswith("backbone.") and begun[name].dim() == 4]
    changed = [name for name in convolutions if not weights[name].equal(begun[name])]
    assert len(changed) == len(convolutions) > 6  # the projection to the embedding among them, which is fitted
    assert len(embed_proxies(ProxyReader(paths.PROXIES), [], paths.CHECKPOINT, batch_size=4)) == 0
    train(params(method=method, epochs=4))
    assert paths.CHECKPOINT.read_bytes() == first


@pytest.mark.thorough
@pytest.mark.parametrize("method", METHODS)
def test_retraining_by_another_method_starts_from_the_backbone(workspace: Path, method: str) -> None:
    base = checkpoint(paths.BASE / "checkpoint_latest.ckpt")  # by simclr
    former = load_checkpoint(base)[1]
    model = initial_model(ARCHITECTURE, replace(SETTINGS, method=method, seed=5))
    model.start_from(former, base)
    own = model.state_dict()
    assert all(own[name].equal(value) for name, value in former.items() if name.startswith("backbone."))
    if isinstance(model, WithFollower):
        follower = model.follower_backbone.state_dict()
        assert all(value.equal(own[f"backbone.{name}"]) for name, value in follower.items())
        assert not any(value.requires_grad for value in model.follower_backbone.parameters())
    assert f"by {method} from the weights of the base" in train(params(retrain=True, method=method, max_steps=1))


@pytest.mark.thorough
def test_the_follower_follows(workspace: Path) -> None:
    model = initial_model(ARCHITECTURE, replace(SETTINGS, method="byol"))
    assert isinstance(model, WithFollower)
    begun = {name: value.clone() for name, value in model.follower_head.state_dict().items()}
    members = write_clean(workspace, 6)
    train_model(model, ARCHITECTURE, ProxyReader(paths.PROXIES), members, replace(SETTINGS, method="byol", epochs=6))
    for name, value in model.follower_head.named_parameters():
        now = dict(model.projection_head.named_parameters())[name]
        assert not value.equal(begun[name])
        assert (value - begun[name]).norm() < (now - begun[name]).norm()
