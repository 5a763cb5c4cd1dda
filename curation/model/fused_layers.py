"""Layers that do in one pass what a network does in several."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


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


_PART = 4
"""Images at once where maps are so large that more of them leave the processor's caches."""

_NARROW = 8
"""Columns: the matrix unit takes 16 positions of a row at once, and leaves half of it empty below this width."""

_SIDE_BY_SIDE = 4
"""Images that share a row then."""


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


RELU6 = Activation("hardtanh", (0.0, 6.0), functional.relu6)
