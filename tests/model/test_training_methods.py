"""Every method of training: that it says what it is, and its loss."""

import pytest
import torch

from curation.model.architecture import Architecture
from curation.model.training.methods.registry import METHODS
from curation.params.train import TrainParams

ARCHITECTURE = Architecture.of("resnet-9", embedding_dim=8, projection_dim=16, input_size=32)
"""Of the network with which the methods' files state their losses."""


@pytest.mark.parametrize("name", METHODS)
def test_the_method_has_the_losses_that_it_states(name: str) -> None:
    torch.manual_seed(0)
    model = METHODS[name].model(ARCHITECTURE, learning_rate=1e-3, temperature=0.5)
    views, others = torch.rand(2, 8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    losses = [model.compare(views, second).item() for second in (views, others)]
    assert losses == pytest.approx(METHODS[name].example, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("name", METHODS)
def test_the_method_says_what_it_is(name: str) -> None:
    method = METHODS[name]
    assert set(method.parameters) <= set(TrainParams.model_fields)
    assert method.sentence[0].islower()
    assert not method.sentence.endswith(".")
    assert "https://" in method.source


@pytest.mark.thorough
def test_the_temperature_is_of_those_methods_that_name_it() -> None:
    for name, method in METHODS.items():
        losses = set[float]()
        for temperature in (0.5, 0.1):
            torch.manual_seed(0)
            model = method.model(ARCHITECTURE, learning_rate=1e-3, temperature=temperature)
            views = torch.rand(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
            losses.add(model.compare(*views).item())
        assert len(losses) == 1 + ("temperature" in method.parameters), name
