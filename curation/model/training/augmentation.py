"""Training images: augmented views of proxies, the same whatever process prepares them.

Which random numbers a view uses depends on the seed, the epoch and the sample alone, never on the worker process or on
what it prepared before. So the number of workers has no influence on the weights.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import numpy as np
import torch
from lightly.transforms.simclr_transform import SimCLRViewTransform
from lightly.utils import dist
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from curation.model.architecture import Architecture
from curation.model.proxy_source import ProxySource

COLOUR_STRENGTH = 0.5
GAUSSIAN_BLUR = 0.0
SMALLEST_CROP = 0.2
"""Weaker than lightly's defaults, which are made for 224 pixels and hundreds of epochs.

The first two are what the SimCLR paper (appendix B.9) takes for images of 32 pixels. Tried on 341 photographs with 50
steps at 64 pixels, one run each, all three together: loss 3.25 instead of 3.85, effective rank of the embedding 4.3
instead of 2.7, accuracy of a linear probe for ten classes 0.28 instead of 0.20.
"""

Views = tuple[Tensor, Tensor]
Draw = tuple[int, int]
"""Epoch and index of a sample."""


def derived_seed(*parts: int | str) -> int:
    """Return a 64-bit seed that depends on all parts and on nothing else."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the random numbers of torch (CPU), numpy and Python inside the block; restore their states after it.

    Args:
        seed: 0 to 2**64 - 1.
    """
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # lightly's blur draws from numpy's global generator
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


class AugmentedProxies(Dataset[Views]):
    """Two augmented views of a sample (SimCLR, https://arxiv.org/abs/2002.05709), by epoch and index."""

    def __init__(
        self, source: ProxySource, members: Sequence[tuple[str, str]], architecture: Architecture, seed: int
    ) -> None:
        """Keep what is needed to prepare any view.

        Args:
            source: where the proxies are.
            members: shard and member of each sample, in the order of the samples' names.
            architecture: gives input size and normalisation.
            seed: `train.seed`.
        """
        self._source = source
        self._members = members
        self._seed = seed
        self._transform = SimCLRViewTransform(
            input_size=architecture.input_size,
            cj_strength=COLOUR_STRENGTH,
            gaussian_blur=GAUSSIAN_BLUR,
            min_scale=SMALLEST_CROP,
            normalize={"mean": list(architecture.mean), "std": list(architecture.std)},
        )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._members)

    def __getitem__(self, draw: Draw) -> Views:
        """Return two views, each (3, input_size, input_size) float32."""
        epoch, index = draw
        image = self._source.image(*self._members[index])
        with seeded(derived_seed(self._seed, "views", epoch, index)):
            return self._transform(image), self._transform(image)


class EpochBatches(Sampler[list[Draw]]):
    """Batches of an epoch: all samples in an order that depends on the seed and the epoch; the rest is left out.

    Where several devices train together, each gets its share of every batch.
    """

    def __init__(self, samples: int, batch_size: int, seed: int) -> None:
        """Take the number of samples, at least `batch_size`; that, a multiple of the devices; and `train.seed`."""
        self._samples = samples
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    @property
    def sampler(self) -> Self:
        """The place where Lightning looks for a `set_epoch`; it does not call that of a batch sampler itself."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration gives; Lightning calls this."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._samples // self._batch_size

    def __iter__(self) -> Iterator[list[Draw]]:
        """Yield the draws of each batch, or this device's share of them."""
        share = self._batch_size // dist.world_size()
        generator = torch.Generator().manual_seed(derived_seed(self._seed, "order", self._epoch))
        order = torch.randperm(self._samples, generator=generator).tolist()
        for start in range(dist.rank() * share, len(self) * self._batch_size, self._batch_size):
            yield [(self._epoch, index) for index in order[start : start + share]]
