"""Lets torchvision be imported beside a build of torch that its compiled extension does not fit.

torchvision 0.28.0 from PyPI is compiled for a CUDA build of torch. Beside a CPU build its extension cannot be loaded,
and its import fails, because it describes two operators, `nms` and `qnms`, that the extension would have declared
(https://github.com/pytorch/vision/issues/9077). Declaring them first repairs the import. They stay without an
implementation: calling them is an error, as it is wherever the extension is missing. Nothing here calls them, and
neither do `lightly` and `timm`, which import torchvision for its transforms and models.

Importing `curation.model`, or anything in it, is enough: it has this module imported when torchvision is.
"""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import torch

SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def declare_missing_operators() -> list[str]:
    """Declare the operators that torchvision's import needs and its extension cannot provide.

    Returns:
        Names of the operators that were declared: none where the extension can be loaded or torchvision is imported.
    """
    if "torchvision" in sys.modules or _extension_loads():
        return []
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        torch.library.define(f"torchvision::{name}", SCHEMAS[name])
    return missing


def _extension_loads() -> bool:
    """Load torchvision's compiled extension as its import does; loading it twice has no further effect."""
    package = importlib.util.find_spec("torchvision")
    for folder in (package.submodule_search_locations or []) if package else []:
        loader = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
        extension = importlib.machinery.FileFinder(str(Path(folder)), loader).find_spec("_C")
        if extension is not None and extension.origin is not None:
            try:
                torch.ops.load_library(extension.origin)  # type: ignore[no-untyped-call]
            except (ImportError, OSError):
                return False
            return True
    return False


DECLARED = declare_missing_operators()
"""Names of the operators that importing this module declared."""
