"""Stage `embed`: which samples are embedded, and that an embedding depends on its sample alone."""

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from ruamel.yaml import YAML
from torchvision import transforms

from curation.core.errors import CheckpointError, ParamsError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import write_empty_datapool
from curation.embeddings.cache import read_cache, write_cache
from curation.embeddings.shards import (
    read_shards,
    shard_checkpoint,
    shard_files,
    shard_precision,
    shard_rows,
    write_shards,
)
from curation.embeddings.wanted import samples_to_embed
from curation.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture
from curation.model.embedding import decoded, embed_proxies, load_backbone, normalised, unit_length
from curation.model.inference import folded
from curation.model.networks.backbone import Backbone
from curation.model.training.fit import initial_model
from curation.model.training.method import network_weights
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.schema import Params
from curation.pipeline import paths
from curation.tables.files import read_parquet, write_parquet
from curation.tables.objects import OBJECT_METADATA, OBJECTS
from curation.tables.samples import SAMPLES
from stages.embed import run as embed
from tests.datapools import objects_of
from tests.model_data import ARCHITECTURE, PARAMS, REPOSITORY, SETTINGS, jpeg, write_clean
from tests.model_source import SourceOfJpegs

SOURCE = SourceOfJpegs(13)


def save_random(path: Path, batches: int = 2) -> None:
    """Write a checkpoint of random weights whose batch norms have seen some data."""
    model = initial_model(ARCHITECTURE, SETTINGS)
    for _ in range(batches):
        model.backbone(torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    save_checkpoint(path, ARCHITECTURE, network_weights(model))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "random.ckpt"
    save_random(path)
    return path


@pytest.fixture(scope="module")
def all_at_once(checkpoint: Path) -> NDArray[np.float32]:
    return embed_proxies(SOURCE, SOURCE.members, checkpoint, batch_size=4, accelerator="cpu", threads=1)


@pytest.mark.thorough
@settings(max_examples=15, deadline=None)
@given(st.permutations(range(13)), st.integers(0, 13), st.integers(1, 3))
def test_an_embedding_depends_on_its_sample_alone(
    checkpoint: Path, all_at_once: NDArray[np.float32], order: list[int], cut: int, threads: int
) -> None:
    for part in (order[:cut], order[cut:]):
        members = [SOURCE.members[index] for index in part]
        embeddings = embed_proxies(SOURCE, members, checkpoint, batch_size=4, accelerator="cpu", threads=threads)
        assert embeddings.tobytes() == all_at_once[part].tobytes()


def test_embeddings_have_unit_length_and_differ(all_at_once: NDArray[np.float32]) -> None:
    assert all_at_once.shape == (13, 8)
    assert all_at_once.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(all_at_once.astype(np.float64), axis=1), 1, atol=1e-6)
    assert len(np.unique(all_at_once, axis=0)) == 13


def test_they_are_what_a_plain_loop_gives(checkpoint: Path, all_at_once: NDArray[np.float32]) -> None:
    _, backbone = load_backbone(checkpoint)
    steps = [transforms.Resize((32, 32)), transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    transform = transforms.Compose(steps)
    images = torch.stack([transform(SOURCE.image(*member)) for member in SOURCE.members])
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(backbone(images)).numpy()
    np.testing.assert_allclose(all_at_once, expected, atol=1e-5)


@pytest.mark.parametrize("order", [range(13), [12, 3, 4, 0, 1, 2], [5]])
def test_a_bf16_embedding_depends_on_its_sample_alone_and_is_near_the_fp32_one(
    checkpoint: Path, all_at_once: NDArray[np.float32], order: Sequence[int]
) -> None:
    def embedded(indices: Sequence[int], threads: int) -> NDArray[np.float32]:
        members = [SOURCE.members[index] for index in indices]
        return embed_proxies(SOURCE, members, checkpoint, 4, "cpu", precision="bf16", threads=threads)

    everything = embedded(range(13), threads=1)
    assert embedded(order, threads=2).tobytes() == everything[list(order)].tobytes()
    assert not np.array_equal(everything, all_at_once)
    assert (everything * all_at_once).sum(axis=1).min() > 0.999


@pytest.mark.parametrize(("backbone", "side"), [("resnet-9", 32), ("resnet-18", 64), ("resnet-50", 64)])
def test_folding_batch_norms_changes_no_result(backbone: str, side: int) -> None:
    network = Backbone(Architecture.of(backbone, embedding_dim=8, projection_dim=8, input_size=side))
    images = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(0))
    network(images)  # lets the batch norms see some data
    trunk = network.eval().trunk()
    faster = folded(trunk)
    with torch.inference_mode():
        expected, found = trunk(images), faster(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    norms = [module for module in faster.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [3], "the first one has no convolution before it"


def test_a_network_that_cannot_be_traced_is_left_as_it_is() -> None:
    class Untraceable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = torch.nn.BatchNorm2d(3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.norm(images) if images.sum() > 0 else images

    images = torch.ones(1, 3, 2, 2)
    assert folded(Untraceable())(images).equal(Untraceable().eval()(images))


def test_pixels_are_prepared_as_lightly_does() -> None:
    content = jpeg(1, width=70, height=50)
    steps = [transforms.Resize((32, 32)), transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    expected = transforms.Compose(steps)(Image.open(io.BytesIO(content)))
    prepared = normalised(torch.from_numpy(decoded(content, 32)[None].copy()), ARCHITECTURE)
    assert prepared[0].equal(expected)
    assert prepared.is_contiguous(memory_format=torch.channels_last)


def test_the_number_of_threads_of_torch_has_no_influence(checkpoint: Path, all_at_once: NDArray[np.float32]) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        again = embed_proxies(SOURCE, SOURCE.members, checkpoint, batch_size=4, accelerator="cpu")
    finally:
        torch.set_num_threads(threads)
    assert again.tobytes() == all_at_once.tobytes()


def test_zero_stays_zero_and_lengths_do_not_depend_on_other_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 33)).astype(np.float32)
    rows[3] = 0
    scaled = unit_length(rows)
    assert not scaled[3].any()
    assert all(unit_length(rows[index : index + 1]).tobytes() == scaled[index].tobytes() for index in range(50))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_values_that_are_not_finite_are_refused(checkpoint: Path, tmp_path: Path, precision: str) -> None:
    architecture, weights = load_checkpoint(checkpoint)
    weights = {name: value * 1e30 if value.is_floating_point() else value for name, value in weights.items()}
    save_checkpoint(tmp_path / "huge.ckpt", architecture, weights)
    with pytest.raises(CheckpointError, match=r"huge\.ckpt gives embeddings that are not finite \(2 of 2 samples\)"):
        embed_proxies(SOURCE, SOURCE.members[:2], tmp_path / "huge.ckpt", 4, "cpu", precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(checkpoint: Path) -> None:
    with pytest.raises(ParamsError, match=r"train\.accelerator: gpu"):
        embed_proxies(SOURCE, [], checkpoint, batch_size=4, accelerator="gpu")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> Path:
    """A workspace with 6 new samples, a checkpoint and an empty base."""
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 6)
    write_empty_datapool(paths.BASE)
    paths.CHECKPOINT.parent.mkdir(parents=True)
    paths.CHECKPOINT.write_bytes(checkpoint.read_bytes())
    return tmp_path


def params(**changes: Any) -> Params:
    content = YAML(typ="safe", pure=True).load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    content["train"].update(PARAMS)
    content["embed"].update({"batch_size": 4} | changes)
    return Params.model_validate(content)


def base_of_the_same_checkpoint() -> None:
    """Give the base the checkpoint, and three samples that it made embeddings for."""
    (paths.BASE / "checkpoint_latest.ckpt").write_bytes(paths.CHECKPOINT.read_bytes())
    earlier = read_parquet(paths.SAMPLES).iloc[:3].assign(filename=["a.png", "b.png", "c.png"])
    vectors = np.eye(3, 8, dtype=np.float32)
    write_shards(paths.BASE / "embeddings", earlier, vectors, sha256_of_file(paths.CHECKPOINT))


def test_all_samples_of_a_first_iteration_are_embedded(workspace: Path) -> None:
    assert embed(params()) == "6 samples embedded (8 values each), 0 reused from the base"
    metadata, embeddings = read_shards(paths.EMBEDDINGS)
    assert metadata["filename"].tolist() == read_parquet(paths.SAMPLES)["filename"].tolist()
    assert embeddings.shape == (6, 8)
    assert [shard_checkpoint(file) for file in shard_files(paths.EMBEDDINGS)] == [sha256_of_file(paths.CHECKPOINT)]
    before = {file.name: file.read_bytes() for file in paths.EMBEDDINGS.iterdir()}
    embed(params())
    assert {file.name: file.read_bytes() for file in paths.EMBEDDINGS.iterdir()} == before


def test_the_embeddings_of_the_base_are_reused(workspace: Path) -> None:
    base_of_the_same_checkpoint()
    assert embed(params()) == "6 samples embedded (8 values each), 3 reused from the base"


def test_with_the_same_checkpoint_new_samples_only_are_embedded(workspace: Path) -> None:
    base_of_the_same_checkpoint()
    samples = read_parquet(paths.SAMPLES)
    write_parquet(samples.assign(is_new=[True, False] * 3), SAMPLES, paths.SAMPLES)
    assert embed(params()).startswith("3 samples embedded")
    assert read_shards(paths.EMBEDDINGS)[0]["filename"].tolist() == samples["filename"].tolist()[::2]


def test_running_again_after_adding_samples_embeds_these_only(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in paths.EMBEDDINGS.iterdir()}

    embed(params())
    write_clean(workspace, 9)
    computed: list[int] = []

    def counting(source: object, members: Sequence[object], *rest: Any) -> Any:
        computed.append(len(members))
        return embed_proxies(source, members, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("curation.model.spread_embedding.embed_proxies", counting)
    assert embed(params()).startswith("9 samples embedded (6 of them in an earlier run) (8 values each)")
    with_cache = files()
    paths.EMBEDDING_CACHE.unlink()
    assert embed(params()).startswith("9 samples embedded (8 values")
    assert files() == with_cache
    embed(params(precision="bf16"))
    save_random(paths.CHECKPOINT, batches=0)
    embed(params(precision="bf16"))
    assert computed == [3, 9, 9, 9]


def test_a_damaged_cache_counts_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "cache.bin"
    keys = [bytes([0]) * 32, bytes(31) + bytes([10]), bytes(31) + bytes([7])]
    embeddings = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    write_cache(path, "a", keys, embeddings)
    found = read_cache(path, "a")
    assert list(found) == keys
    assert all(found[key].tobytes() == row.tobytes() for key, row in zip(keys, embeddings, strict=True))
    assert read_cache(path, "b") == read_cache(tmp_path / "nowhere", "a") == {}
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert read_cache(path, "a") == {}
    for length in (0, 1, 31, 32, len(content) - 1):
        path.write_bytes(content[:length])
        assert read_cache(path, "a") == {}
    write_cache(path, "a", [], embeddings[:0])
    assert read_cache(path, "a") == {}


def test_the_precision_of_a_datapool_stays(workspace: Path) -> None:
    base_of_the_same_checkpoint()
    with pytest.raises(ParamsError, match=r"embed\.precision: bf16, but .* were computed in fp32: set that, or train"):
        embed(params(precision="bf16"))
    save_random(paths.CHECKPOINT, batches=0)
    write_parquet(read_parquet(paths.SAMPLES).assign(is_new=False), SAMPLES, paths.SAMPLES)
    embed(params(precision="bf16"))
    assert [shard_precision(file) for file in shard_files(paths.EMBEDDINGS)] == ["bf16"]


def test_nothing_new_gives_one_empty_shard(workspace: Path) -> None:
    write_clean(workspace, 0)
    assert embed(params()).startswith("0 samples embedded (8 values each)")
    assert [read_parquet(file).shape[0] for file in shard_files(paths.EMBEDDINGS)] == [0]


def test_another_checkpoint_embeds_everything_again(workspace: Path) -> None:
    base_of_the_same_checkpoint()
    save_random(paths.CHECKPOINT, batches=0)
    samples = read_parquet(paths.SAMPLES)
    write_parquet(samples.assign(is_new=False), SAMPLES, paths.SAMPLES)
    assert embed(params()) == "6 samples embedded (8 values each), 0 reused from the base"


def test_another_checkpoint_without_the_samples_of_the_datapool_is_refused() -> None:
    samples = pd.DataFrame({"filename": ["b"], "is_new": [True]})
    assert samples_to_embed(samples, pd.Series(["a"]), same_checkpoint=True)["filename"].tolist() == ["b"]
    with pytest.raises(CheckpointError, match=r"1 samples of the datapool .* 'a' for one"):
        samples_to_embed(samples, pd.Series(["a", "b"]), same_checkpoint=False)


def test_objects_are_embedded_by_the_same_model_as_pictures(workspace: Path) -> None:
    """A crop that has the bytes of a sample's proxy has its embedding, too."""
    samples = read_parquet(paths.SAMPLES)
    table = objects_of([*samples["filename"][[0, 0, 4]]]).assign(
        shard=samples["shard"][[3, 0, 4]].to_numpy(), member=samples["member"][[3, 0, 4]].to_numpy()
    )
    shutil.copytree(paths.PROXIES, paths.OBJECTS)
    write_parquet(table, OBJECTS, paths.OBJECTS_TABLE)
    assert embed(params()).endswith("; 3 objects embedded")
    _, embeddings = read_shards(paths.EMBEDDINGS)
    rows, objects = read_shards(paths.OBJECT_EMBEDDINGS, OBJECT_METADATA)
    assert rows["filename"].tolist() == table["filename"].tolist()
    assert objects.tobytes() == embeddings[[3, 0, 4]].tobytes()
    assert embed(params()).endswith("; 3 objects embedded (3 of them in an earlier run)")
    write_parquet(table[:0], OBJECTS, paths.OBJECTS_TABLE)
    assert embed(params()) == "6 samples embedded (6 of them in an earlier run) (8 values each), 0 reused from the base"
    (shard,) = shard_files(paths.OBJECT_EMBEDDINGS)
    assert shard_rows(shard) == 0
