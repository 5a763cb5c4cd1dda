"""Fused convolutions: what they compute is what the plain operators compute, for each image by itself."""

import copy
import operator
from collections import Counter

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, symbolic_trace
from torch.nn import functional

from curation.model.architecture import Architecture
from curation.model.fused_layers import FusedConvolution, InParts, MaximumOf3x3, apart_again, in_one_row
from curation.model.fusion import fused
from curation.model.inference import InferenceNetwork, folded
from curation.model.networks.backbone import Backbone

NETWORKS = [
    ("resnet-9", 32),
    ("resnet-18", 64),
    ("resnet-18", 224),
    ("resnet-50", 64),
    ("resnet-18", 8),
    ("torchvision/resnet18", 64),
    ("torchvision/mobilenet_v2", 64),
    ("efficientnet-lite0", 64),
    ("timm/tf_mobilenetv3_small_minimal_100", 64),
]
CPU = torch.device("cpu")
NEEDS_BF16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    reason="oneDNN computes in bf16 from AVX-512 on, which this processor lacks or is told not to use",
)
PRECISIONS = ["fp32", pytest.param("bf16", marks=NEEDS_BF16)]
"""In which networks are fused, where the processor can."""


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Return random numbers in the memory format of images."""
    numbers = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return numbers.contiguous(memory_format=torch.channels_last)


def backbone_of(name: str, side: int) -> Backbone:
    """Return a network of random weights whose batch norms have seen some data."""
    torch.manual_seed(0)
    network = Backbone(Architecture.of(name, embedding_dim=8, projection_dim=8, input_size=side))
    with torch.no_grad():
        network(drawn(4, 3, side, side, seed=1))
    return network.eval()


def plain_and_fused(network: nn.Module, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, GraphModule]:
    network = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, fused(symbolic_trace(copy.deepcopy(network)), dtype)


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "side"), NETWORKS)
def test_fused_networks_give_the_same_embeddings(name: str, side: int) -> None:
    backbone, images = backbone_of(name, side), drawn(4, 3, side, side)
    with torch.inference_mode():
        expected = backbone(images)
    for precision, least in (("fp32", 0.999999), ("bf16", 0.999)):
        network = InferenceNetwork(backbone.trunk_for_inference(), backbone.head(), precision, CPU)
        assert functional.cosine_similarity(network(images), expected).min() > least
        assert network(images).equal(network(images))


@pytest.mark.thorough
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("name", "side"), NETWORKS)
def test_neither_neighbours_nor_the_place_in_a_batch_change_a_bit(name: str, side: int, precision: str) -> None:
    backbone, images = backbone_of(name, side), drawn(8, 3, side, side)
    network = InferenceNetwork(backbone.trunk_for_inference(), backbone.head(), precision, CPU)
    everything = network(images)
    order = torch.tensor([5, 2, 7, 0, 1, 6, 3, 4])
    assert network(images[order]).equal(everything[order])
    for place in (0, 3, 4, 7):
        alone = torch.zeros_like(images)
        alone[place] = images[2]
        assert network(alone)[place].equal(everything[2])
        alone[alone == 0] = 1e4
        assert network(alone)[place].equal(everything[2])


def layers_of(network: GraphModule) -> set[str]:
    """Return the kinds of layers that a network calls, and make sure that it does nothing else."""
    assert {node.op for node in network.graph.nodes} == {"placeholder", "call_module", "output"}
    called = [network.get_submodule(str(node.target)) for node in network.graph.nodes if node.op == "call_module"]
    return {type(module).__name__ for module in called}


def sums_of(network: GraphModule) -> list[FusedConvolution]:
    """Return the layers that add other maps."""
    nodes = [node for node in network.graph.nodes if node.op == "call_module" and len(node.args) == 2]
    modules = [network.get_submodule(str(node.target)) for node in nodes]
    return [module for module in modules if isinstance(module, FusedConvolution)]


@NEEDS_BF16
def test_all_convolutions_of_a_resnet_are_fused_with_what_follows_in_16_bits() -> None:
    traced = folded(backbone_of("resnet-18", 64).trunk())
    assert isinstance(traced, GraphModule)
    network = fused(traced, torch.bfloat16)
    assert layers_of(network) == {"InParts", "FusedConvolution"}
    first = next(module for module in network.modules() if isinstance(module, InParts))
    layers = [type(layer).__name__ for layer in first.layers.children()]
    assert layers == ["ColourNorm", "FusedConvolution", "MaximumOf3x3"]
    assert [module.overwrites for module in sums_of(network)] == [True] * 8


def test_all_convolutions_of_a_resnet_are_fused_with_what_follows_in_32_bits() -> None:
    traced = folded(backbone_of("resnet-18", 64).trunk())
    assert isinstance(traced, GraphModule)
    network = fused(traced, torch.float32)
    assert layers_of(network) == {"BatchNorm2d", "FusedConvolution", "MaxPool2d"}
    assert [module.overwrites for module in sums_of(network)] == [False] + [True] * 7


def test_where_onednn_lacks_16_bits_a_network_in_32_bits_is_fused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.model.fusion._available", lambda dtype: dtype == torch.float32)
    backbone, images = backbone_of("resnet-18", 64), drawn(4, 3, 64, 64)
    fused_convolutions, vectors = {}, {}
    for precision in ("fp32", "bf16"):
        network = InferenceNetwork(backbone.trunk(), backbone.head(), precision, CPU)
        modules = network._trunk.modules()
        fused_convolutions[precision] = sum(isinstance(module, FusedConvolution) for module in modules)
        vectors[precision] = network(images)
        assert network(images).equal(vectors[precision])
    assert fused_convolutions == {"fp32": 20, "bf16": 0}
    assert functional.cosine_similarity(vectors["fp32"], vectors["bf16"]).min() > 0.999


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_large_maps_of_depthwise_convolutions_are_computed_for_few_images_at_a_time(dtype: torch.dtype) -> None:
    traced = folded(backbone_of("efficientnet-lite0", 64).trunk_for_inference())
    assert isinstance(traced, GraphModule)
    network = fused(traced, dtype)
    parts = [module for module in network.modules() if isinstance(module, InParts)]
    images = drawn(8, 3, 64, 64)
    seen: list[torch.Size] = []
    with torch.inference_mode():
        whole = network(images)
        for part in parts:
            part.layers.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape))
        assert network(images).equal(whole)
    if parts or dtype == torch.float32:
        assert seen == [torch.Size([4, 240, 8, 8])] * 2
        assert not any(node.target in (operator.add, torch.add) for node in network.graph.nodes)


class UsedAgain(nn.Module):
    """Maps that are needed after they were added, twice the same input, and an addition with broadcasting."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.small = nn.Conv2d(4, 4, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.first(images)
        later = self.second(maps) + maps
        own = self.act(self.third(maps) + later)
        small = self.small(functional.adaptive_avg_pool2d(own, 1)) + own
        total: Tensor = torch.relu(small + maps) + self.first(own)
        return total


def test_maps_that_are_used_later_are_not_overwritten() -> None:
    images = drawn(2, 4, 6, 6)
    plain, fast = plain_and_fused(UsedAgain())
    before = images.clone()
    with torch.inference_mode():
        torch.testing.assert_close(fast(images), plain(images), rtol=1e-5, atol=1e-5)
    assert images.equal(before)
    assert sum(isinstance(module, FusedConvolution) for module in fast.modules()) == 5


class InGroups(nn.Module):
    """Additions that oneDNN does not fuse: convolutions in groups, and maps of one position or another layout."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.first(images) + images)
        maps = torch.relu(self.second(maps) + torch.relu(maps).contiguous())
        mean = functional.adaptive_avg_pool2d(maps, 1)
        return torch.relu(self.second(mean) + mean)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_additions_that_onednn_does_not_fuse(dtype: torch.dtype) -> None:
    plain, fast = plain_and_fused(InGroups(), dtype)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        found, expected = fast(drawn(4, 4, 6, 6)), plain(drawn(4, 4, 6, 6))
    tolerance = 1e-5 if dtype == torch.float32 else 3e-2
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.thorough
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("broken", [torch.nan, torch.inf, -torch.inf, 3e38])
def test_values_that_are_not_finite_reach_the_end(broken: float, precision: str) -> None:
    for name in ("3.0.conv1", "4.0.shortcut.0", "5.1.conv2"):
        backbone = backbone_of("resnet-18", 32)
        convolution = backbone.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        convolution.weight.data[0] = broken
        network = InferenceNetwork(backbone.trunk(), backbone.head(), precision, CPU)
        assert not network(drawn(4, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_the_first_batch_is_computed_by_the_plain_operators_too(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    backbone, plain, calls = backbone_of("resnet-18", 32), FusedConvolution._is_finite, Counter[int]()

    def counting(self: FusedConvolution, maps: Tensor, other: Tensor | None) -> bool:
        calls[id(self)] += 1
        return plain(self, maps, other)

    monkeypatch.setattr(FusedConvolution, "_is_finite", counting)
    network = InferenceNetwork(backbone.trunk(), backbone.head(), precision, CPU)
    for _ in range(3):
        network(drawn(4, 3, 32, 32))
    assert list(calls.values()) == [1] * 20


def test_convolutions_that_onednn_does_not_pad_stay_plain() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"))
    plain, fast = plain_and_fused(network)
    assert not any(isinstance(module, FusedConvolution) for module in fast.modules())
    assert fast(drawn(1, 3, 8, 8)).equal(plain(drawn(1, 3, 8, 8)))


def test_without_the_operators_a_network_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.model.fusion._available", lambda dtype: False)
    traced = symbolic_trace(nn.Sequential(nn.Conv2d(3, 4, 3)))
    assert not any(isinstance(module, FusedConvolution) for module in fused(traced, torch.bfloat16).modules())


@pytest.mark.parametrize("side", [2, 3, 7, 12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_maximum_is_that_of_torch(side: int, dtype: torch.dtype) -> None:
    layer, maps = nn.MaxPool2d(3, stride=2, padding=1), drawn(3, 5, side, side).to(dtype)
    assert MaximumOf3x3.is_the_same_as(layer)
    assert MaximumOf3x3()(maps).equal(layer(maps))
    assert MaximumOf3x3()(-maps.abs()).equal(layer(-maps.abs()))
    for other in (nn.MaxPool2d(3), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.MaxPool2d(2, 2), nn.MaxPool2d(3, 1, 1)):
        assert not MaximumOf3x3.is_the_same_as(other)


@pytest.mark.parametrize("size", [(4, 2, 5, 5), (8, 3, 1, 4)])
def test_images_side_by_side_do_not_touch(size: tuple[int, int, int, int]) -> None:
    maps, weight = drawn(*size), drawn(6, size[1], 3, 3)
    assert apart_again(in_one_row(maps)).equal(maps)
    together = apart_again(functional.conv2d(in_one_row(maps), weight, padding=1))
    torch.testing.assert_close(together, functional.conv2d(maps, weight, padding=1))
