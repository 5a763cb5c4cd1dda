"""Networks of plain layers compute what timm's do."""

import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from curation.model.inference import InferenceNetwork
from curation.model.networks.plain_layers import Mirror, Padding, in_plain_layers, same_padding

CPU = torch.device("cpu")


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def with_seen_data(network: nn.Module, side: int) -> nn.Module:
    """Return a network whose batch norms have seen some data, ready for inference."""
    with torch.no_grad():
        network.train()(drawn(4, 3, side, side))
    return network.eval()


def is_mirrored(network: nn.Module) -> bool:
    return any(isinstance(module, Mirror) for module in network.modules())


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "padding"),
    [(224, 3, 2, 1, (0, 1)), (112, 5, 2, 1, (1, 2)), (7, 5, 1, 1, (2, 2)), (7, 3, 2, 1, (1, 1)), (8, 3, 1, 2, (2, 2))],
)
def test_the_padding_is_that_of_tensorflow(
    size: int, kernel: int, stride: int, dilation: int, padding: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride, dilation) == Padding(*padding)
    plain = nn.functional.conv2d(
        nn.functional.pad(torch.ones(1, 1, 1, size), (*padding, 0, 0)),
        torch.ones(1, 1, 1, kernel),
        stride=(1, stride),
        dilation=(1, dilation),
    )
    assert plain.shape[3] == -(-size // stride)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "side", "mirrored"),
    [
        ("tf_efficientnet_lite0", 64, True),
        ("tf_efficientnet_lite0", 96, True),
        ("tf_efficientnet_lite0", 65, True),
        ("tf_efficientnet_lite0", 100, True),
        ("tf_efficientnet_b0", 64, True),
        ("tf_mobilenetv3_small_minimal_100", 64, False),
        ("mobilenetv3_small_050", 64, False),
        ("resnet10t", 64, False),
    ],
)
def test_features_stay_the_same(name: str, side: int, mirrored: bool) -> None:
    torch.manual_seed(0)
    network = with_seen_data(timm.create_model(name, num_classes=0), side)
    plain = in_plain_layers(network, side)
    assert is_mirrored(plain) is mirrored
    assert not any(isinstance(module, Conv2dSame) for module in plain.modules())
    images = drawn(4, 3, side, side)
    with torch.inference_mode():
        expected = network(images)
        torch.testing.assert_close(plain(images), expected, rtol=1e-4, atol=1e-5)
        fast = InferenceNetwork(plain, nn.Identity(), "fp32", CPU)
        torch.testing.assert_close(fast(images), expected, rtol=1e-4, atol=1e-5)
        assert network(images).equal(expected), "the network itself has changed"


class Lopsided(nn.Module):
    """A network that tells left from right in another way than by its padding `SAME`."""

    def __init__(self, other: nn.Module) -> None:
        super().__init__()
        self.first, self.other = Conv2dSame(3, 4, 3, stride=2), other

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.other(self.first(images))
        return maps


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(4, 4, 3, stride=2, padding=1),
        nn.Conv2d(4, 4, 2),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.MaxPool2d(3, 2, 1),
        nn.Flatten(),
        Conv2dSame(4, 4, 4, stride=1),
    ],
)
def test_nothing_is_mirrored_where_more_than_kernels_would_have_to_be(other: nn.Module) -> None:
    network = Lopsided(other).eval()
    plain = in_plain_layers(network, 16)
    assert not is_mirrored(plain)
    images = drawn(2, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(plain(images), network(images), rtol=1e-5, atol=1e-6)


def test_kernels_of_two_sizes_and_dilation() -> None:
    network = nn.Sequential(Conv2dSame(3, 4, (5, 3), stride=(2, 1)), Conv2dSame(4, 4, 3, stride=2, dilation=2)).eval()
    plain = in_plain_layers(network, 16)
    images = drawn(2, 3, 16, 16)
    with torch.inference_mode():
        expected = network(images)
        found = plain(images)
    found = found.flip((2, 3)) if is_mirrored(plain) else found
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
