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
from typing import Any

import torch
from torch import nn
from torch.fx import Graph, GraphModule, Node
from torch.nn import functional

from curation.model.fused_layers import RELU, RELU6, Activation, ColourNorm, FusedConvolution, InParts, MaximumOf3x3

_ADDITIONS = (operator.add, operator.iadd, torch.add)


_ACTIVATIONS: dict[object, Activation] = {
    **dict.fromkeys((nn.ReLU, functional.relu, torch.relu), RELU),
    **dict.fromkeys((nn.ReLU6, functional.relu6), RELU6),
}
"""By the layer or the function that a network computes it with."""

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
