"""Training: resumed, accumulated, in 16 bits, on several devices."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from curation.core.errors import ParamsError
from curation.model.device import device_count
from curation.model.training import fit as training
from curation.model.training import resumption
from curation.model.training.augmentation import EpochBatches
from curation.model.training.callbacks import Limits, LossValue
from curation.model.training.fit import TrainingSettings, initial_model, loss_values, train_model
from curation.model.training.method import Method, Schedule
from curation.model.training.resumption import SealedCheckpoints, training_key
from tests.model_data import ARCHITECTURE, SETTINGS
from tests.model_source import SourceOfJpegs

pytestmark = pytest.mark.thorough

SOURCE = SourceOfJpegs(10)


def trained(settings: TrainingSettings, kept: Path | None = None) -> tuple[Mapping[str, Tensor], list[LossValue]]:
    model = initial_model(ARCHITECTURE, settings)
    losses = train_model(model, ARCHITECTURE, SOURCE, SOURCE.members, settings, kept)
    return model.state_dict(), losses


class Kill(Limits):
    """Interrupts a training at the last batch of its third epoch."""

    def on_train_batch_end(self, trainer: pl.Trainer, *arguments: Any) -> None:
        super().on_train_batch_end(trainer, *arguments)
        if trainer.current_epoch == 2 and trainer.is_last_batch:
            raise KeyboardInterrupt


def interrupt(settings: TrainingSettings, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumption, "SECONDS_TO_LOSE", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(training, "Limits", Kill)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            trained(settings, kept)


@pytest.mark.parametrize("changes", [{"workers": 1}, {"method": "moco", "accumulate_batches": 2, "max_steps": 4}])
def test_an_interrupted_training_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    settings, kept = replace(SETTINGS, epochs=4, **changes), tmp_path / "kept"
    interrupt(settings, kept, monkeypatch)
    epochs: list[int] = []
    set_epoch = EpochBatches.set_epoch

    def noted(batches: EpochBatches, epoch: int) -> None:
        epochs.append(epoch)
        set_epoch(batches, epoch)

    monkeypatch.setattr(EpochBatches, "set_epoch", noted)
    resumed, losses = trained(settings, kept)
    assert min(epochs) == 2
    whole, expected = trained(settings)
    assert losses == expected
    assert len(losses) == (4 if "max_steps" in changes else 8)
    assert all(resumed[name].equal(value) for name, value in whole.items())


def test_only_the_very_same_training_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, kept = replace(SETTINGS, epochs=4), tmp_path / "kept"
    interrupt(settings, kept, monkeypatch)

    def resumes(settings: TrainingSettings, source: SourceOfJpegs = SOURCE) -> bool:
        model = initial_model(ARCHITECTURE, settings)
        return SealedCheckpoints(training_key(model, ARCHITECTURE, settings, source, source.members)).can_resume(kept)

    assert resumes(settings)
    assert resumes(replace(settings, workers=3))
    assert not resumes(replace(settings, learning_rate=0.01))
    assert not resumes(replace(settings, seed=2))
    assert not resumes(settings, SourceOfJpegs(9))
    content = kept.read_bytes()
    kept.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert not resumes(settings)
    kept.unlink()
    assert not resumes(settings)


def test_accumulated_batches_make_one_step() -> None:
    settings = replace(SETTINGS, batch_size=2, epochs=2, accumulate_batches=2)
    weights, losses = trained(settings)
    assert [(value.step, value.epoch) for value in losses] == [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]
    single, all_losses = trained(replace(settings, accumulate_batches=1, max_steps=1))
    assert len(all_losses) == 1
    assert not weights["backbone.1.weight"].equal(single["backbone.1.weight"])


def test_the_loss_of_a_step_is_the_mean_of_its_batches() -> None:
    curve = np.array([[1, 2, 3], [4, 6, np.nan]], np.float32)
    assert [value.loss for value in loss_values(curve, Schedule(3, 2, 3, 1))] == [1.5, 3, 5]
    assert [value.loss for value in loss_values(curve, Schedule(3, 1, 5, 1))] == [1, 2, 3, 4, 6]


@pytest.mark.parametrize("method", ["simclr", "dino"])
def test_bf16_trains_alike(method: str) -> None:
    settings = replace(SETTINGS, method=method, epochs=1)
    exact, near = trained(settings), trained(replace(settings, precision="bf16"))
    assert near[1][0].loss == pytest.approx(exact[1][0].loss, rel=0.05)
    assert near[1][0].loss != exact[1][0].loss
    assert all(value.dtype == exact[0][name].dtype for name, value in near[0].items())


@pytest.mark.slow
def test_two_processes_share_each_batch() -> None:
    two, losses = trained(replace(SETTINGS, devices=2))
    _, expected = trained(SETTINGS)
    assert len(losses) == len(expected) == 4
    # The same images are compared; batch norms see half of them.
    assert losses[0].loss == pytest.approx(expected[0].loss, rel=0.05)
    assert all(torch.isfinite(value).all() for value in two.values())
    assert not two["backbone.1.weight"].equal(initial_model(ARCHITECTURE, SETTINGS).state_dict()["backbone.1.weight"])


def test_devices_share_the_batches_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(EpochBatches(10, 4, 1))
    monkeypatch.setattr("curation.model.training.augmentation.dist.world_size", lambda: 2)
    shares = []
    for rank in (0, 1):
        monkeypatch.setattr("curation.model.training.augmentation.dist.rank", lambda rank=rank: rank)
        shares.append(list(EpochBatches(10, 4, 1)))
    assert [first + second for first, second in zip(*shares, strict=True)] == whole


def test_devices_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_count("auto", "cpu") == 1
    assert device_count(2, "cpu") == 2
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_count("auto", "auto") == 2
    with pytest.raises(ParamsError, match=r"train\.devices: 3, but torch finds 2"):
        device_count(3, "gpu")


def test_the_number_of_threads_is_the_same_wherever_a_training_runs(
    monkeypatch: pytest.MonkeyPatch, training_threads: int
) -> None:
    before, during = torch.get_num_threads(), set[int]()
    step = Method.training_step

    def noted(*arguments: Any) -> Tensor:
        during.add(torch.get_num_threads())
        return step(*arguments)

    monkeypatch.setattr(Method, "training_step", noted)
    trained(replace(SETTINGS, max_steps=1))
    assert during == {training_threads}
    assert torch.get_num_threads() == before


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(ParamsError, match=r"train\.precision: fp16 needs a GPU"):
        trained(replace(SETTINGS, precision="fp16"))
