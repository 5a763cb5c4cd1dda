"""Training images: the same whoever prepares them."""

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from curation.model.training.augmentation import AugmentedProxies, EpochBatches, derived_seed, seeded
from curation.model.training.fit import initial_model, train_model
from tests.model_data import ARCHITECTURE, SETTINGS
from tests.model_source import SourceOfJpegs


def test_seeded_restores_all_random_states() -> None:
    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), float(np.random.rand()), random.random()

    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    expected = [draw(), draw()]
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    first = draw()
    with seeded(2**64 - 1):
        inside = draw()
    assert [first, draw()] == expected
    with seeded(2**64 - 1):
        assert draw() == inside


def test_views_depend_on_seed_epoch_and_sample_alone() -> None:
    source = SourceOfJpegs(3)
    views = AugmentedProxies(source, source.members, ARCHITECTURE, seed=1)
    first, second = views[2, 1]
    assert first.shape == second.shape == (3, 32, 32)
    assert not first.equal(second)
    views[0, 0]
    assert views[2, 1][0].equal(first)
    for other in (views[3, 1], views[2, 2], AugmentedProxies(source, source.members, ARCHITECTURE, seed=2)[2, 1]):
        assert not other[0].equal(first)


def test_an_epoch_takes_every_sample_once_and_leaves_the_rest_out() -> None:
    batches = EpochBatches(samples=11, batch_size=4, seed=1)
    epochs = []
    for epoch in range(2):
        batches.set_epoch(epoch)
        epochs.append(list(batches))
    assert [len(batch) for batch in epochs[0]] == [4, 4]
    indices = [index for batch in epochs[0] for _, index in batch]
    assert len(set(indices)) == 8
    assert set(indices) <= set(range(11))
    assert {epoch for batch in epochs[1] for epoch, _ in batch} == {1}
    assert [index for batch in epochs[1] for _, index in batch] != indices
    batches.set_epoch(0)
    assert list(batches) == epochs[0]


def test_derived_seeds_differ() -> None:
    parts = [(seed, "views", epoch, index) for seed in (1, 11) for epoch in (1, 11) for index in (1, 11, 111)]
    assert len({derived_seed(*part) for part in parts}) == len(parts)


@pytest.mark.thorough
@pytest.mark.parametrize("workers", [0, 1])
def test_every_epoch_has_an_order_and_views_of_its_own(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    drawn: list[tuple[int, int]] = []
    draw = EpochBatches.__iter__

    def noted(batches: EpochBatches) -> Iterator[list[tuple[int, int]]]:
        for batch in draw(batches):
            drawn.extend(batch)
            yield batch

    monkeypatch.setattr(EpochBatches, "__iter__", noted)
    source = SourceOfJpegs(10)
    model = initial_model(ARCHITECTURE, SETTINGS)
    settings = replace(SETTINGS, epochs=3, workers=workers)
    train_model(model, ARCHITECTURE, source, source.members, settings)
    assert [epoch for epoch, _ in drawn] == [0] * 8 + [1] * 8 + [2] * 8
    assert len({tuple(index for _, index in drawn[start : start + 8]) for start in (0, 8, 16)}) == 3
