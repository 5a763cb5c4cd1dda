"""Which device a model runs on."""

import torch

from stages.errors import ParamsError


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
