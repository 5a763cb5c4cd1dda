"""timm's layers of several parts, put into layers of torch, so that a network can be traced, folded and fused.

Two kinds matter. A batch norm with its activation becomes the two of them. A convolution with TensorFlow's padding
`SAME`, which timm computes from the size of every input, gets a fixed padding, since images always have the same size.

With a stride of 2 and an even size, that padding has one row and one column more at the end than at the beginning.
oneDNN's convolutions pad both ends alike, and a layer that only pads writes the largest maps of the network once more.
So where nothing in a network tells left from right besides its convolutions, the whole network is mirrored: it takes
mirrored images, has mirrored kernels, and pads both ends as much as the larger one; its stride never reaches the row
too many. Its maps are those of the network, mirrored, and have the same average.
"""

import copy
from typing import NamedTuple

import torch
from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

_BLIND = (nn.Identity, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.BatchNorm2d, SelectAdaptivePool2d)
"""Layers that treat every position alike, or take the mean of all."""


class Padding(NamedTuple):
    """Rows or columns of zeros before and after a map."""

    before: int
    after: int


class Mirror(nn.Module):
    """Images upside down and left to right."""

    def forward(self, images: Tensor) -> Tensor:
        """Return them in the memory format that they have."""
        return images.flip((2, 3))


def in_plain_layers(network: nn.Module, side: int) -> nn.Module:
    """Return a network that computes the same in inference, up to the mirroring of a map of features.

    It is a copy, or the network itself where that has no such layers: large ones are not held twice.

    Args:
        network: takes (n, 3, side, side).
        side: pixels.
    """
    if not any(type(module) in (BatchNormAct2d, Conv2dSame) for module in network.modules()):
        return network
    plain = copy.deepcopy(network).eval()
    paddings = _paddings(plain, side)
    for name, module in list(plain.named_modules()):
        if type(module) is BatchNormAct2d:
            plain.set_submodule(name, nn.Sequential(_plain_norm(module), module.drop, module.act))
    mirrored = bool(paddings) and _may_be_mirrored(plain, paddings)
    for name, padding in paddings.items():
        convolution = plain.get_submodule(name)
        assert isinstance(convolution, Conv2dSame)
        plain.set_submodule(name, _padded(convolution, padding, mirrored=mirrored))
    if not mirrored:
        return plain
    for module in plain.modules():
        if isinstance(module, nn.Conv2d):
            module.weight = nn.Parameter(module.weight.detach().flip((2, 3)).contiguous(), requires_grad=False)
    return nn.Sequential(Mirror(), plain)


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> Padding:
    """Return TensorFlow's padding `SAME` of one direction: `ceil(size / stride)` positions, the odd zero at the end."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return Padding(total // 2, total - total // 2)


def _paddings(network: nn.Module, side: int) -> dict[str, tuple[Padding, Padding]]:
    """Return the padding of rows and of columns of each convolution that has `SAME`, by its name."""
    found: dict[str, tuple[Padding, Padding]] = {}
    hooks = []
    for name, module in network.named_modules():
        if type(module) is Conv2dSame:

            def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
                assert isinstance(layer, Conv2dSame)
                geometry = zip(inputs[0].shape[2:], layer.kernel_size, layer.stride, layer.dilation, strict=True)
                rows, columns = (same_padding(*each) for each in geometry)
                found[name] = rows, columns

            hooks.append(module.register_forward_hook(note))
    if hooks:
        with torch.no_grad():
            network(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return found


def _may_be_mirrored(network: nn.Module, paddings: dict[str, tuple[Padding, Padding]]) -> bool:
    """Tell whether mirrored kernels with the larger padding at both ends compute the mirrored maps."""
    pools = tuple(f"{name}." for name, module in network.named_modules() if isinstance(module, SelectAdaptivePool2d))
    for name, module in network.named_modules():
        if name.startswith(pools):
            continue
        if name in paddings:
            ends = zip(paddings[name], getattr(module, "stride"), strict=True)  # noqa: B009
            if any(after - before not in (0, 1) or after - before >= stride for (before, after), stride in ends):
                return False
        elif type(module) is nn.Conv2d:
            same = [padding == (kernel - 1) * dilation / 2 for padding, kernel, dilation in _geometry(module)]
            if module.stride != (1, 1) or not all(same):
                return False
        elif not list(module.children()) and not isinstance(module, _BLIND):
            return False
    return True


def _geometry(layer: nn.Conv2d) -> list[tuple[int | str, int, int]]:
    padding = layer.padding if isinstance(layer.padding, tuple) else (layer.padding, layer.padding)
    return list(zip(padding, layer.kernel_size, layer.dilation, strict=True))


def _padded(same: Conv2dSame, padding: tuple[Padding, Padding], *, mirrored: bool) -> nn.Module:
    """Return a convolution with a fixed padding, in a layer before it where its two ends are not alike."""
    rows, columns = padding
    alike = mirrored or all(before == after for before, after in padding)
    convolution = nn.Conv2d(
        same.in_channels,
        same.out_channels,
        (same.kernel_size[0], same.kernel_size[1]),
        (same.stride[0], same.stride[1]),
        (rows.after, columns.after) if alike else 0,
        (same.dilation[0], same.dilation[1]),
        same.groups,
        bias=same.bias is not None,
    )
    convolution.load_state_dict(same.state_dict())
    return convolution.eval() if alike else nn.Sequential(nn.ZeroPad2d((*columns, *rows)), convolution).eval()


def _plain_norm(norm: BatchNormAct2d) -> nn.BatchNorm2d:
    plain = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    plain.load_state_dict(norm.state_dict())
    return plain.eval()
