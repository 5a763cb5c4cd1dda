"""The self-supervised model: training, checkpoints, embedding.

Importing this package costs nothing, and sees to it that torchvision can be imported, whoever imports it: see
`curation.model.torchvision_operators`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType


class _TorchvisionFinder(MetaPathFinder):
    """Has torchvision's missing operators declared when it is imported, be it by timm or lightly."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _TorchvisionLoader(fullname, spec.loader.path)
        return spec


class _TorchvisionLoader(SourceFileLoader):
    """Loads torchvision after its operators were declared."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        # By name: what needs no torch, such as `curation.model.architecture`, must not depend on it for this.
        import_module(f"{__name__}.torchvision_operators")
        return super().create_module(spec)


sys.meta_path.insert(0, _TorchvisionFinder())
