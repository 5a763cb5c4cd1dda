"""The device that a model runs on, and the number of its threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from curation.core.errors import ParamsError


def cuda_wanted(accelerator: str) -> bool:
    """Return whether to run on a GPU.

    Args:
        accelerator: auto, cpu or gpu.

    Raises:
        ParamsError: a GPU is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if accelerator == "gpu" and not available:
        raise ParamsError(
            "train.accelerator: gpu, but torch finds no CUDA device. Set it to auto or cpu, or install a CUDA build of "
            "torch"
        )
    return available and accelerator != "cpu"


def device_count(devices: int | str, accelerator: str) -> int:
    """Return how many devices to train on.

    Args:
        devices: a number, or auto: all GPUs, or one processor.
        accelerator: auto, cpu or gpu.

    Raises:
        ParamsError: there are not so many GPUs, or none though one is asked for.
    """
    if not cuda_wanted(accelerator):
        return 1 if devices == "auto" else int(devices)
    found = torch.cuda.device_count()
    if devices == "auto":
        return found
    if int(devices) > found:
        raise ParamsError(
            f"train.devices: {devices}, but torch finds {found} CUDA device(s): set it to {found} or auto"
        )
    return int(devices)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: sums, and so the last digits, don't depend on the machine's number of cores then."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
