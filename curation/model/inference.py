"""A trained network made ready to embed as fast as its processor can, without a change of what it computes.

Batch norms are folded into the convolutions before them (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section
3.2), on the CPU convolutions are fused with what follows them (`curation.model.fusion`), images lie in memory as the
fastest convolutions want them, and with the precision `bf16` convolutions and matrix products are computed from numbers
of 16 bits. The projection to the embedding stays in 32 bits, because 16 bits would leave an embedding three decimals.

Nothing here depends on a compiler. `torch.compile` takes 3 to 30 seconds before the first image, and a machine without
a C++ compiler would give other last digits.
"""

import copy
from collections import Counter

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node, symbolic_trace
from torch.nn.utils.fusion import fuse_conv_bn_eval

from curation.model.fusion import fused


class InferenceNetwork:
    """Images in, one vector for each out; several threads may call it at once on the CPU."""

    def __init__(self, trunk: nn.Module, head: nn.Module, precision: str, device: torch.device) -> None:
        """Prepare a copy of a network.

        Args:
            trunk: from images to what `head` takes; it stays as it is.
            head: the last layers, always computed in fp32.
            precision: fp32 or bf16.
            device: where to compute.
        """
        self._bf16 = precision == "bf16"
        self._device = device
        self._trunk = folded(trunk).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._head = copy.deepcopy(head).eval().to(device)
        if device.type == "cpu" and isinstance(self._trunk, GraphModule):
            self._trunk = fused(self._trunk, torch.bfloat16 if self._bf16 else torch.float32)
        if self._bf16:
            for module in self._trunk.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    module.to(torch.bfloat16)  # once, where autocast would do it for every batch

    def __call__(self, images: Tensor) -> Tensor:
        """Compute the vectors of normalised images.

        Args:
            images: (n, 3, input_size, input_size) float32, best in the memory format `channels_last`.

        Returns:
            (n, d) float32 on the CPU.
        """
        with torch.inference_mode():
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                maps: Tensor = self._trunk(images.to(self._device))
            vectors: Tensor = self._head(maps.float())
            return vectors.cpu()


def folded(trunk: nn.Module) -> nn.Module:
    """Return a copy of a network, in the mode for inference, with its batch norms folded into its convolutions.

    A network whose code torch cannot trace is copied as it is: its results are the same, it is only slower.
    """
    plain = copy.deepcopy(trunk).eval()
    if not any(type(module) is nn.BatchNorm2d for module in plain.modules()):
        return plain
    try:
        traced = symbolic_trace(plain)
    except Exception:  # whatever foreign code raises when it is traced
        return plain
    _without_idle_layers(traced)
    modules = dict(traced.named_modules())
    calls = Counter(str(node.target) for node in traced.graph.nodes if node.op == "call_module")
    for node in list(traced.graph.nodes):
        source = node.args[0] if node.args else None
        if (
            node.op != "call_module"
            or type(modules[node.target]) is not nn.BatchNorm2d
            or not isinstance(source, Node)
            or source.op != "call_module"
            or type(modules[str(source.target)]) is not nn.Conv2d
            or len(source.users) > 1
            or calls[str(source.target)] > 1
        ):
            continue
        convolution = fuse_conv_bn_eval(modules[str(source.target)], modules[node.target])
        traced.set_submodule(str(source.target), convolution)
        node.replace_all_uses_with(source)
        traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _without_idle_layers(network: GraphModule) -> None:
    """Take out layers that do nothing in inference, which may stand between layers that can be folded or fused."""
    for node in list(network.graph.nodes):
        if node.op == "call_module" and type(network.get_submodule(str(node.target))) in (nn.Identity, nn.Dropout):
            node.replace_all_uses_with(node.args[0])
            network.graph.erase_node(node)
