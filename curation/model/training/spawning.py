"""Training on several devices: one process each, which Lightning starts."""

import logging
import warnings
from typing import Any

from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.strategies.launchers.multiprocessing import _MultiProcessingLauncher

from curation.model.architecture import Architecture


class _Launcher(_MultiProcessingLauncher):
    """Lightning's own launcher, from this module: a new process imports it, and what it imports first, before all."""

    def _wrapping_function(self, *arguments: Any) -> None:
        for name in ("pytorch_lightning", "lightning_fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.simplefilter("ignore")  # the first process has shown them, or left them out
        super()._wrapping_function(*arguments)


class SpawnedDevices(DDPStrategy):
    """Lightning's strategy of data in parallel: every device has the whole model and a share of each batch."""

    def __init__(self, architecture: Architecture) -> None:
        # Networks of other libraries may have weights that the loss does not depend on.
        super().__init__(start_method="spawn", find_unused_parameters=architecture.is_foreign)

    def _configure_launcher(self) -> None:
        self._launcher = _Launcher(self, start_method="spawn")
