"""What training tells on the way, and when it ends."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.warnings import PossibleUserWarning
from tqdm import tqdm

from curation.model.training.method import Method


@dataclass(frozen=True)
class LossValue:
    """The loss of one optimiser step; steps and epochs count from 1."""

    step: int
    epoch: int
    loss: float


class ProgressBar(pl.Callback):
    """Shows step and loss on a terminal; quiet elsewhere."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar, in the process of the first device."""
        disable = None if trainer.is_global_zero else True
        self._bar = tqdm(total=self._steps, initial=trainer.global_step, desc="train", unit="step", disable=disable)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Advance to the present step."""
        if isinstance(pl_module, Method) and not self._bar.disable:
            self._bar.set_postfix(loss=f"{pl_module.recent[-1].item():.3f}", refresh=False)
        self._bar.update(trainer.global_step - self._bar.n)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the finished bar on the terminal."""
        self._bar.close()


class Limits(pl.Callback):
    """Sets the number of threads in processes that Lightning has started, and ends the training after `steps`."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the number of threads."""
        fix_threads()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """End the training after its last step, which may lie within an epoch."""
        trainer.should_stop = trainer.should_stop or trainer.global_step >= self._steps


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning from announcing devices, tips, and advice about loaders and logging."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PossibleUserWarning)
            # Lightning 2.6 calls what torch 2.13 deprecates.
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)


THREADS = 8
"""Threads of an operation on the CPU, whatever the machine has.

The gradient of a convolution's weights is summed in one part a thread, so another number of threads gives other last
digits, and after some steps visibly other weights. With a fixed number they do not depend on the number of cores
(tried with 1 and 2). On 2 cores, a step took about a tenth more time with 8 threads than with 4.
"""


def fix_threads() -> None:
    """Have operations on the CPU done by `THREADS` threads."""
    torch.set_num_threads(THREADS)
