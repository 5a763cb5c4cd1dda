"""Texts as queries: where they lie in the space of embeddings, and models that have none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from curation.core.errors import ParamsError
from curation.image.proxies import ProxyReader
from curation.model.architecture import Architecture
from curation.model.embedding import embed_proxies
from curation.model.networks import clip
from curation.model.training.fit import fit_projection, initial_model, train_model
from curation.model.training.method import network_weights
from curation.model.weights import save_checkpoint
from curation.pipeline import paths
from curation.selection.query_text import embed_text
from tests.clip_models import random_model
from tests.model_data import SETTINGS, write_clean

TINY = Architecture.of("open_clip/tiny", 8, 16, 32)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.thorough
def test_a_text_finds_the_image_that_its_tower_says(workspace: Path) -> None:
    """Texts are made to say in which direction three images differ from the mean, and to lie in another cone."""
    members, source = write_clean(workspace, 12), ProxyReader(paths.PROXIES)
    texts = ["a cyclist at night", "snow", "an empty street"]
    torch.save(random_model("tiny").state_dict(), "both.pt")
    start = initial_model(TINY, replace(SETTINGS, weights="both.pt"))
    assert fit_projection(start, TINY, source, members) is not None
    save_checkpoint(Path("a.ckpt"), TINY, network_weights(start))
    embeddings = embed_proxies(source, members, Path("a.ckpt"), 4, "cpu")
    weight = start.backbone.projection.weight.detach().flatten(1)
    gap = torch.linalg.svd(weight).Vh[-1]  # no principal component has a part in it
    torch.testing.assert_close(weight @ gap, torch.zeros(8), rtol=0, atol=1e-5)
    wanted = torch.from_numpy(embeddings[[4, 7, 2]]) @ weight + 3 * gap
    tower = clip.text_tower("open_clip/tiny")
    tower.load_state_dict(start.text_tower)
    tower.text_projection = torch.nn.Parameter(torch.eye(32))
    tokens = torch.cat([clip.tokens_of("open_clip/tiny", text) for text in texts])
    with torch.inference_mode():
        projection = torch.linalg.pinv(tower.eval()(tokens)) @ wanted
    start.text_tower = {**start.text_tower, "text_projection": projection}
    save_checkpoint(Path("a.ckpt"), TINY, network_weights(start))
    queries = np.concatenate([embed_text(text, Path("a.ckpt")) for text in texts])
    assert queries.dtype == np.float32
    np.testing.assert_allclose(queries, embeddings[[4, 7, 2]], atol=1e-3)
    assert (queries @ embeddings.T).argmax(axis=1).tolist() == [4, 7, 2]
    threads = torch.get_num_threads()
    np.testing.assert_array_equal(queries[:1], embed_text(texts[0], Path("a.ckpt")))
    assert torch.get_num_threads() == threads
    assert embed_text("word " * 100, Path("a.ckpt")).shape == (1, 8)


def test_other_models_have_no_text_tower(workspace: Path) -> None:
    architecture = Architecture.of("resnet-9", 8, 16, 32)
    save_checkpoint(Path("a.ckpt"), architecture, network_weights(initial_model(architecture, SETTINGS)))
    with pytest.raises(ParamsError, match=r"resnet-9 has none\. Give images .* open_clip/ViT-B-32"):
        embed_text("a cat", Path("a.ckpt"))


def test_a_model_that_was_trained_further_has_none_left(workspace: Path) -> None:
    members, source = write_clean(workspace, 6), ProxyReader(paths.PROXIES)
    torch.save(random_model("tiny").state_dict(), "both.pt")
    model = initial_model(TINY, replace(SETTINGS, weights="both.pt"))
    assert train_model(model, TINY, source, members, replace(SETTINGS, max_steps=1))
    save_checkpoint(Path("a.ckpt"), TINY, network_weights(model))
    with pytest.raises(ParamsError, match=r"image tower was trained further \(train.enabled: true\)"):
        embed_text("a cat", Path("a.ckpt"))
