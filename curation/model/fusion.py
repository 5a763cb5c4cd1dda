"""A traced network's convolutions, computed by oneDNN together with the addition and the activation that follow them.

A map of features is then written to memory once, where convolution, addition and ReLU one by one write it three times;
and weights are brought into the order that the processor wants once, not for every batch. PyTorch's convolutions are
oneDNN's anyway, and these operators are those that `torch.compile` puts in their place; they need no compiler.

In 16 bits two more operations change, which PyTorch computes slowly there: the maximum over 3 x 3 positions, with the
same result, and the batch norm of the colours, which is rounded once. The first depthwise convolution and those before
it stay in 32 bits, since a sum of nine numbers evens out few of their rounding errors, and so do the first two
convolutions without an activation: all later layers inherit their errors. Of EfficientNet-Lite0's embeddings of 341
photographs, the least cosine to those of 32 bits is 0.999 so, and 0.994 without; it costs a twelfth of the time.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node
from torch.nn import functional

_ADDITIONS = (operator.add, operator.iadd, torch.add)


@dataclass(frozen=True)
class Activation:
    """A function of each value that oneDNN computes as it writes a convolution's result.

    Attributes:
        name: what PyTorch's operators call it.
        scalars: its numbers there.
        plain: the function itself.
    """

    name: str
    scalars: tuple[float, ...]
    plain: Callable[[Tensor], Tensor]


RELU = Activation("relu", (), functional.relu)
RELU6 = Activation("hardtanh", (0.0, 6.0), functional.relu6)
_ACTIVATIONS: dict[object, Activation] = {
    **dict.fromkeys((nn.ReLU, functional.relu, torch.relu), RELU),
    **dict.fromkeys((nn.ReLU6, functional.relu6), RELU6),
}
"""By the layer or the function that a network computes it with."""

_NARROW = 8
"""Columns: the matrix unit takes 16 positions of a row at once, and leaves half of it empty below this width."""
_SIDE_BY_SIDE = 4
"""Images that share a row then."""
_PART = 4
"""Images at once where maps are so large that more of them leave the processor's caches."""
_LARGE = 8
"""Maps whose sides are at least an eighth of the image's are so large."""


def fused(network: GraphModule, dtype: torch.dtype) -> GraphModule:
    """Fuse what can be fused, in place, and return the network. Where oneDNN lacks the operators it stays as it is.

    Args:
        network: in the mode for inference, on the CPU.
        dtype: what convolutions compute from and return: float32 or bfloat16.
    """
    if not _available(dtype):
        return network
    sixteen_bits = dtype == torch.bfloat16
    delicate = _delicate(network) if sixteen_bits else set[Node]()
    for node in list(network.graph.nodes):
        module = _module_of(network, node)
        if type(module) is nn.Conv2d and isinstance(module.padding, tuple) and module.padding_mode == "zeros":
            _fuse(network, node, module, torch.float32 if node in delicate else dtype)
        elif sixteen_bits and type(module) is nn.MaxPool2d and MaximumOf3x3.is_the_same_as(module):
            _put(network, MaximumOf3x3(), node.args, [node])
        elif sixteen_bits and type(module) is nn.BatchNorm2d and node.args[0].op == "placeholder":
            _put(network, ColourNorm(module), node.args, [node])
    for node in list(network.graph.nodes):
        if isinstance(_module_of(network, node), MaximumOf3x3):
            _put_in_parts(network, node)
    for node in network.graph.nodes:
        module = _module_of(network, node)
        if isinstance(module, FusedConvolution) and len(node.args) > 1:
            module.overwrites = _may_be_overwritten(network, node.args[1], node)
    if any(isinstance(module, FusedConvolution) and module.is_depthwise for module in network.modules()):
        _put_large_maps_in_parts(network)
    network.delete_all_unused_submodules()
    network.recompile()
    return network


class FusedConvolution(nn.Module):
    """A convolution, then perhaps the addition of other maps, then perhaps an activation."""

    def __init__(self, plain: nn.Conv2d, dtype: torch.dtype, activation: Activation | None) -> None:
        super().__init__()
        self.overwrites = False  # whether the sum takes the place of the other maps in memory, which saves time
        self._weight = plain.weight.detach().to(dtype)
        self._bias = None if plain.bias is None else plain.bias.detach().to(dtype)
        self._geometry = (plain.padding, plain.stride, plain.dilation, plain.groups)
        self._activation = activation
        same_size = (*self._weight.shape[2:], *self._geometry) == (3, 3, (1, 1), (1, 1), (1, 1), 1)
        self._may_share_rows = same_size and dtype == torch.bfloat16
        self._prepared: dict[torch.Size, tuple[Tensor, torch.Size]] = {}
        self._is_new = True

    @property
    def is_depthwise(self) -> bool:
        """Whether it computes little for each value that it reads: caches decide then how long it takes."""
        return self._geometry[3] == len(self._weight) > 1

    @property
    def reduction(self) -> int:
        """The number of positions of a side that become one."""
        return int(max(self._geometry[1]))

    def forward(self, maps: Tensor, other: Tensor | None = None) -> Tensor:
        """Return maps of the type of the weights, in the memory format `channels_last`.

        Args:
            maps: (n, channels, height, width).
            other: what is added, broadcast where its shape is not that of the convolution's result.
        """
        maps = maps.to(self._weight.dtype).contiguous(memory_format=torch.channels_last)
        # oneDNN's ReLUs make 0 of what is not a number, so broken weights would pass unseen: the first image tells.
        is_new, self._is_new = self._is_new, False
        broken = is_new and not self._is_finite(maps[:1], other)
        result = self._sum(maps, other)
        return torch.full_like(result, torch.nan) if broken else result

    def _is_finite(self, maps: Tensor, other: Tensor | None) -> bool:
        """Tell whether all values before the activation are finite, by the plain operators."""
        padding, stride, dilation, groups = self._geometry
        result = functional.conv2d(maps, self._weight, self._bias, stride, padding, dilation, groups)
        return bool(result.isfinite().all()) and (other is None or bool(other[:1].isfinite().all()))

    def _sum(self, maps: Tensor, other: Tensor | None) -> Tensor:
        if other is not None and not (
            other.dtype == maps.dtype
            and other.shape == self._prepared_for(maps.shape)[1]
            and other.is_contiguous(memory_format=torch.channels_last)
        ):
            total = self._computed(maps, None, None, overwrites=False) + other
            return total if self._activation is None else self._activation.plain(total)
        if self._may_share_rows and maps.shape[3] <= _NARROW and maps.shape[0] % _SIDE_BY_SIDE == 0:
            others = None if other is None else in_one_row(other)
            return apart_again(self._computed(in_one_row(maps), others, self._activation, overwrites=True))
        return self._computed(maps, other, self._activation, overwrites=self.overwrites)

    def _computed(
        self, maps: Tensor, other: Tensor | None, activation: Activation | None, *, overwrites: bool
    ) -> Tensor:
        operands = (self._prepared_for(maps.shape)[0], self._bias, *self._geometry)
        operators, last = torch.ops.mkldnn, None if activation is None else activation.name
        scalars = [] if activation is None else list(activation.scalars)
        result: Tensor
        if other is None:
            result = operators._convolution_pointwise(maps, *operands, last or "none", scalars, "")
        elif overwrites:
            result = operators._convolution_pointwise_.binary(other, maps, *operands, "add", 1.0, last, scalars, None)
        else:
            result = operators._convolution_pointwise.binary(maps, other, *operands, "add", 1.0, last, scalars, None)
        return result

    def _prepared_for(self, shape: torch.Size) -> tuple[Tensor, torch.Size]:
        """Return the weights in the order that is best for maps of a shape, and the shape of the result.

        Threads that miss them at the same time all make them, and they make the same.
        """
        if shape not in self._prepared:
            padding, stride, dilation, groups = self._geometry
            packed = torch.ops.mkldnn._reorder_convolution_weight(self._weight, *self._geometry, shape)
            without_data = torch.empty(shape, dtype=self._weight.dtype, device="meta")
            result = functional.conv2d(without_data, self._weight.to("meta"), None, stride, padding, dilation, groups)
            self._prepared[shape] = packed, result.shape
        return self._prepared[shape]


def in_one_row(maps: Tensor) -> Tensor:
    """Lay each four images in a row, with a column of zeros after each, so that a 3 x 3 convolution stays the same.

    Args:
        maps: (n, channels, height, width).

    Returns:
        (n / 4, channels, height, 4 * (width + 1)).
    """
    n, channels, height, width = maps.shape
    groups = n // _SIDE_BY_SIDE
    rows = maps.new_zeros(groups, height, _SIDE_BY_SIDE, width + 1, channels)
    split = maps.permute(0, 2, 3, 1).reshape(groups, _SIDE_BY_SIDE, height, width, channels)
    rows[:, :, :, :width] = split.transpose(1, 2)
    return rows.flatten(2, 3).permute(0, 3, 1, 2)


def apart_again(rows: Tensor) -> Tensor:
    """Undo `in_one_row`."""
    groups, channels, height, width = rows.shape
    maps = rows.permute(0, 2, 3, 1).reshape(groups, height, _SIDE_BY_SIDE, width // _SIDE_BY_SIDE, channels)
    each = maps[:, :, :, :-1].transpose(1, 2).flatten(0, 1).permute(0, 3, 1, 2)
    return each.contiguous(memory_format=torch.channels_last)


class MaximumOf3x3(nn.Module):
    """The maximum over 3 x 3 positions with stride 2: first over rows, then over columns, without positions."""

    @staticmethod
    def is_the_same_as(pool: nn.MaxPool2d) -> bool:
        """Tell whether it computes what a layer does."""
        geometry = [
            value if isinstance(value, tuple) else (value, value)
            for value in (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        ]
        plain = not (pool.ceil_mode or pool.return_indices)
        return plain and geometry == [(3, 3), (2, 2), (1, 1), (1, 1)]

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of half the height and width."""
        height, width = maps.shape[2:]
        if height % 2 or width % 2:
            return functional.max_pool2d(maps, 3, stride=2, padding=1)
        rows = maps[:, :, 0::2].maximum(maps[:, :, 1::2])
        torch.maximum(rows[:, :, 1:], maps[:, :, 1:-1:2], out=rows[:, :, 1:])
        both = rows[..., 0::2].maximum(rows[..., 1::2])
        torch.maximum(both[..., 1:], rows[..., 1:-1:2], out=both[..., 1:])
        return both


class ColourNorm(nn.Module):
    """A batch norm of the three colours; images lie in the memory format `channels_last`, so a row is one run."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = torch.rsqrt(norm.running_var + norm.eps)
        self._scale = scale if norm.weight is None else scale * norm.weight.detach()
        self._shift = -norm.running_mean * self._scale + (0 if norm.bias is None else norm.bias.detach())

    def forward(self, images: Tensor) -> Tensor:
        """Return images in 32 bits."""
        width = images.shape[3]
        rows = images.permute(0, 2, 3, 1).flatten(2)
        scaled = torch.addcmul(self._shift.repeat(width), rows, self._scale.repeat(width))
        return scaled.reshape(len(images), -1, width, images.shape[1]).permute(0, 3, 1, 2)


class InParts(nn.Module):
    """Layers that take few images at a time, one part of the batch after the other."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        """Return the layers' results for all images."""
        parts = [images] if len(images) % _PART else torch.split(images, _PART)
        return torch.cat([self.layers(part) for part in parts])


_KEEPING_SIZE = (FusedConvolution, ColourNorm, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish)
"""Layers that leave a map's size, apart from a convolution's stride."""


def _available(dtype: torch.dtype) -> bool:
    operators = torch.ops.mkldnn
    names = ("_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight")
    if not all(hasattr(operators, name) for name in names):
        return False
    return dtype == torch.float32 or bool(operators._is_mkldnn_bf16_supported())


def _module_of(network: GraphModule, node: Node) -> nn.Module | None:
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None


def _fuse(network: GraphModule, node: Node, plain: nn.Conv2d, dtype: torch.dtype) -> None:
    """Fuse a convolution with the addition that alone takes its result, and the activation that alone takes the sum."""
    nodes, inputs = [node], list(node.args)
    addition = _only_user(node)
    adds = addition is not None and addition.target in _ADDITIONS and len(addition.args) == 2 and not addition.kwargs
    if addition is not None and adds and plain.groups == 1:  # oneDNN adds nothing to convolutions in groups
        others = [other for other in addition.args if other is not node]
        if len(others) == 1 and isinstance(others[0], Node) and not _is_convolution_after(network, others[0], node):
            nodes.append(addition)
            inputs.append(others[0])
    last = _only_user(nodes[-1])
    activation = _activation_of(network, last) if last is not None else None
    if last is not None and activation is not None:
        nodes.append(last)
    _put(network, FusedConvolution(plain, dtype, activation), tuple(inputs), nodes)


def _activation_of(network: GraphModule, node: Node) -> Activation | None:
    return _ACTIVATIONS.get(type(_module_of(network, node)) if node.op == "call_module" else node.target)


def _only_user(node: Node) -> Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _is_convolution_after(network: GraphModule, node: Node, former: Node) -> bool:
    """Tell whether a node is a convolution whose turn comes later: then that one takes the addition over."""
    return type(_module_of(network, node)) is nn.Conv2d and former < node


def _put(network: GraphModule, module: nn.Module, inputs: tuple[Any, ...], nodes: list[Node]) -> None:
    """Put a module in the place of nodes that follow each other, the first of which is a module."""
    name = f"fused_{nodes[0].name}"
    network.add_submodule(name, module)
    with network.graph.inserting_before(nodes[-1]):
        nodes[-1].replace_all_uses_with(network.graph.call_module(name, inputs))
    for node in reversed(nodes):
        network.graph.erase_node(node)


def _put_in_parts(network: GraphModule, node: Node) -> None:
    """Let a layer, and those before it that give their results to nothing else, work on parts of the batch."""
    nodes = [node]
    while isinstance(before := nodes[0].args[0], Node) and len(before.users) == len(before.args) == 1:
        if not isinstance(_module_of(network, before), FusedConvolution | ColourNorm):
            break
        nodes.insert(0, before)
    modules = [network.get_submodule(str(each.target)) for each in nodes]
    _put(network, InParts(nn.Sequential(*modules)), nodes[0].args, nodes)


def _delicate(network: GraphModule) -> set[Node]:
    """Return the convolutions up to the first depthwise one, and the first two without an activation behind them.

    None where there is no depthwise one.
    """
    layers = [(node, _module_of(network, node)) for node in network.graph.nodes]
    convolutions = [(node, layer) for node, layer in layers if isinstance(layer, nn.Conv2d)]
    depthwise = (place for place, (_, layer) in enumerate(convolutions) if layer.groups == layer.out_channels > 1)
    first = next(depthwise, None)
    if first is None:
        return set()
    users = [(node, _only_user(node)) for node, _ in convolutions]
    linear = [node for node, user in users if user is None or _activation_of(network, user) is None]
    return {node for node, _ in convolutions[: first + 1]} | set(linear[:2])


def _put_large_maps_in_parts(network: GraphModule) -> None:
    """Let the layers up to the last large map work on parts of the batch.

    They must give their results to nothing behind it, and be convolutions, or operations that leave a map's size.
    """
    (images, *nodes) = network.graph.nodes
    reduction, ends = {images: 1}, list[int]()
    for place, node in enumerate(nodes):
        module = _module_of(network, node)
        if not isinstance(module, _KEEPING_SIZE) and node.target not in (*_ADDITIONS, *_ACTIVATIONS, "flip"):
            break
        sources = [argument for argument in node.args if isinstance(argument, Node)]
        reduction[node] = max(map(reduction.__getitem__, sources)) * getattr(module, "reduction", 1)
        if reduction[node] > _LARGE:
            break
        before = {images, *nodes[: place + 1]}
        if all(user in before for earlier in before - {node} for user in earlier.users):
            ends.append(place)
    if not ends:
        return
    part = nodes[: ends[-1] + 1]
    graph = Graph()
    copies = {images: graph.placeholder("images")}
    for node in part:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[part[-1]])
    _put(network, InParts(GraphModule(network, graph)), (images,), part)


def _may_be_overwritten(network: GraphModule, maps: Node, last: Node) -> bool:
    """Tell whether maps are in memory for themselves, and convolutions alone have used them before a node."""
    own = isinstance(_module_of(network, maps), FusedConvolution | InParts)
    others = [user for user in maps.users if user is not last]
    used = all(isinstance(_module_of(network, user), FusedConvolution) and user < last for user in others)
    return own and used and last.args[0] is not maps
