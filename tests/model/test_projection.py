"""The projection to the embedding: principal components, the same on every machine."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.model.architecture import Architecture
from curation.model.embedding import unit_length
from curation.model.projection import effective_rank, evenly_spaced, principal_components
from curation.model.training.fit import fit_projection, initial_model
from curation.reporting.compute.distances import effective_rank as rank_in_report
from tests.model_data import ARCHITECTURE, SETTINGS
from tests.model_source import SourceOfJpegs


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 60), st.integers(4, 12), st.integers(1, 4), st.integers(0, 2**16))
def test_components_are_those_of_a_singular_value_decomposition(n: int, width: int, dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(n, width)) * np.arange(1, width + 1) + 5).astype(np.float32)
    found = principal_components(features, dim)
    assert found is not None
    embeddings = features @ found.weight.T + found.bias
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    singular = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(embeddings.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(found.weight @ found.weight.T, np.eye(dim), atol=1e-5)
    np.testing.assert_allclose((embeddings.astype(np.float64) ** 2).sum(axis=0), singular[:dim] ** 2, rtol=1e-3)
    assert all(row[np.abs(row).argmax()] > 0 for row in found.weight)


def test_the_number_of_threads_changes_no_bit() -> None:
    features = np.random.default_rng(0).normal(size=(700, 96)).astype(np.float32)
    threads = torch.get_num_threads()
    bits = set()
    try:
        for number in (1, 2, 5):
            torch.set_num_threads(number)
            found = principal_components(features, 16)
            assert found is not None
            assert torch.get_num_threads() == number
            bits.add(found.weight.tobytes() + found.bias.tobytes())
    finally:
        torch.set_num_threads(threads)
    assert len(bits) == 1


@pytest.mark.parametrize(("n", "width", "dim"), [(0, 20, 8), (50, 7, 8)])
def test_no_samples_or_too_few_features_have_none(n: int, width: int, dim: int) -> None:
    assert principal_components(np.random.default_rng(0).normal(size=(n, width)).astype(np.float32), dim) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(12, 40), st.integers(0, 2**16))
def test_the_components_of_few_samples_come_first_and_others_complete_them(n: int, width: int, seed: int) -> None:
    dim = 12
    features = (np.random.default_rng(seed).normal(size=(n, width)) + 5).astype(np.float32)
    found = principal_components(features, dim)
    again = principal_components(features.copy(), dim)
    assert found is not None
    assert again is not None
    assert found.weight.tobytes() + found.bias.tobytes() == again.weight.tobytes() + again.bias.tobytes()
    assert found.effective_rank is None
    np.testing.assert_allclose(found.weight @ found.weight.T, np.eye(dim), atol=1e-5)
    assert all(row[np.abs(row).argmax()] > 0 for row in found.weight)
    embeddings = features @ found.weight.T + found.bias
    if n == 1:
        assert np.linalg.norm(embeddings) > 0.1, "a lone sample has no direction"
        return
    np.testing.assert_allclose(embeddings.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(embeddings[:, n - 1 :], 0, atol=1e-4)
    apart = np.linalg.norm(features[:, None] - features, axis=2)
    np.testing.assert_allclose(np.linalg.norm(embeddings[:, None] - embeddings, axis=2), apart, atol=1e-3)


def test_equal_samples_are_told_from_later_ones() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(1, 200)).astype(np.float32)
    found = principal_components(np.repeat(one, 50, axis=0), 64)
    assert found is not None
    later = rng.normal(size=(300, 200)).astype(np.float32) @ found.weight.T + found.bias
    assert np.linalg.matrix_rank(later - later.mean(axis=0)) == 64


def test_components_that_samples_lack_are_completed_though_there_are_many_samples() -> None:
    rng = np.random.default_rng(0)
    flat = (rng.normal(size=(100, 3)) @ rng.normal(size=(3, 30))).astype(np.float32)
    found = principal_components(flat, 8)
    assert found is not None
    np.testing.assert_allclose(found.weight @ found.weight.T, np.eye(8), atol=1e-5)
    assert found.effective_rank is not None
    assert 2 < found.effective_rank < 3.01


def test_the_effective_rank_is_that_of_the_embeddings_as_the_report_sees_them() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(300, 30)) ** 3).astype(np.float32)
    found = principal_components(features, 8)
    assert found is not None
    embeddings = unit_length(features @ found.weight.T + found.bias)
    assert found.effective_rank == pytest.approx(rank_in_report(embeddings), rel=1e-4)


def test_values_that_are_not_finite_have_none() -> None:
    features = np.ones((20, 9), np.float32)
    features[3, 3] = np.nan
    assert principal_components(features, 2) is None


def test_effective_rank_of_known_spectra() -> None:
    assert effective_rank(np.array([4.0, 0.0, 0.0])) == pytest.approx(1)
    assert effective_rank(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_rank(np.zeros(3)) == pytest.approx(1)
    assert 1 < effective_rank(np.array([9.0, 1.0])) < 2


def test_samples_are_evenly_spaced_and_all_where_they_are_few() -> None:
    assert evenly_spaced(5, most=10) == [0, 1, 2, 3, 4]
    assert evenly_spaced(10, most=4) == [0, 2, 5, 7]
    assert evenly_spaced(0) == []


def test_the_fitted_model_gives_centred_embeddings_and_says_their_rank() -> None:
    source = SourceOfJpegs(20)
    model = initial_model(ARCHITECTURE, SETTINGS)
    before = model.backbone.projection.weight.clone()
    rank = fit_projection(model, ARCHITECTURE, source, source.members)
    assert rank is not None
    assert 1 < rank <= ARCHITECTURE.embedding_dim
    assert not model.backbone.projection.weight.equal(before)
    again = initial_model(ARCHITECTURE, SETTINGS)
    fit_projection(again, ARCHITECTURE, source, source.members)
    assert all(value.equal(again.state_dict()[name]) for name, value in model.state_dict().items())


def test_few_samples_set_the_projection_and_none_leaves_it() -> None:
    source = SourceOfJpegs(ARCHITECTURE.embedding_dim)
    model = initial_model(ARCHITECTURE, SETTINGS)
    before = model.backbone.projection.weight.clone()
    assert fit_projection(model, ARCHITECTURE, source, []) is None
    assert model.backbone.projection.weight.equal(before)
    assert fit_projection(model, ARCHITECTURE, source, source.members) is None
    assert not model.backbone.projection.weight.equal(before)


def test_an_embedding_is_the_projection_of_the_features() -> None:
    model = initial_model(Architecture.of("resnet-9", 8, 16, 48), SETTINGS).eval()
    images = torch.randn(3, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    weight, bias = model.backbone.projection.weight[:, :, 0, 0], model.backbone.projection.bias
    assert bias is not None
    with torch.inference_mode():
        features = model.backbone.features(images)
        torch.testing.assert_close(model.backbone(images), features @ weight.T + bias, rtol=1e-4, atol=1e-5)
        assert features.shape == (3, model.backbone.feature_dim)
