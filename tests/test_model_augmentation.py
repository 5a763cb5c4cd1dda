"""Training images: the same whoever prepares them."""

import random

import numpy as np
import torch

from stages.model.augmentation import AugmentedProxies, EpochBatches, derived_seed, seeded
from tests.model_data import ARCHITECTURE
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
