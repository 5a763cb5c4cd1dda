"""Stage `select` with images and texts as queries: on samples that the stages before it decoded and embedded."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from curation.cleaning.decode_file import Settings
from curation.core.errors import ParamsError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import write_empty_datapool
from curation.embeddings.shards import read_shards
from curation.image.proxies import ProxyReader
from curation.labels.given_files import given_files_hash
from curation.model.agreement import wanted_architecture
from curation.model.networks import clip
from curation.model.training.fit import initial_model
from curation.model.training.method import network_weights
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.load import load_params
from curation.params.schema import Params
from curation.pipeline import paths
from curation.selection.query_images import decode_query_images, embed_images
from curation.tables.files import read_csv
from curation.tables.selection import SELECTION
from stages import clean, embed, ingest, select, train
from tests.clip_models import random_model
from tests.conftest import REPOSITORY
from tests.media_files import picture
from tests.model_data import PARAMS, SETTINGS

TEXT = "a cyclist at night"
TARGET = "data/raw/night/07.png"
"""The image that the text is made to fit."""


def params(strategy: dict[str, Any] | None = None, **train_: Any) -> Params:
    content = load_params(REPOSITORY / paths.PARAMS).model_dump()
    content["clean"] |= {"proxy_size": 48, "workers": 1}
    content["embed"]["batch_size"] = 4
    content["train"] |= PARAMS | {"backbone": "open_clip/tiny", "pretrained": False, "enabled": False} | train_
    content["select"]["n_samples"] = 1
    if strategy is not None:
        item = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "SIMILARITY", **strategy}}
        content["select"]["strategies"] = [item]
    return Params.model_validate(content)


def write_raw() -> None:
    """Write 16 images: JPEG files, one of them to be turned upright, and PNG files, one of them with transparency."""
    folder = paths.RAW / "night"
    folder.mkdir(parents=True)
    for number in range(16):
        image = Image.fromarray(picture(number, 120, 80))
        if number % 2:
            image.putalpha(200 if number == 7 else 255)
            image.save(folder / f"{number:02d}.png")
        else:
            exif = Image.Exif()
            exif[0x0112] = 6 if number == 4 else 1
            image.save(folder / f"{number:02d}.jpg", exif=exif)
    Path("relevant_filenames.txt").write_text("")


def write_weights() -> str:
    """Write a file of both towers in which a text fits one image."""
    model = random_model("tiny")
    architecture = clip_architecture()
    torch.save(model.state_dict(), "both.pt")
    start = initial_model(architecture, replace(SETTINGS, weights="both.pt"))
    tower = clip.text_tower("open_clip/tiny").eval()
    tower.load_state_dict(start.text_tower)
    tower.text_projection = torch.nn.Parameter(torch.eye(32))
    features = features_of_raw(start.backbone.eval())
    difference = features[TARGET] - torch.stack(list(features.values())).mean(dim=0)
    with torch.inference_mode():
        vector = tower(clip.tokens_of("open_clip/tiny", TEXT))[0]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    weights["text_projection"] = torch.outer(vector, difference) / vector.dot(vector)
    torch.save(weights, "both.pt")
    return "both.pt"


def clip_architecture() -> Any:
    from curation.model.networks.foreign import with_own_normalisation

    return with_own_normalisation(wanted_architecture(params(weights="both.pt").train))


def features_of_raw(backbone: Any) -> dict[str, torch.Tensor]:
    """Return the features of every raw image, by path."""
    from curation.model.embedding import decoded, normalised

    samples = pd.read_parquet(paths.SAMPLES)
    with ProxyReader(paths.PROXIES) as reader, torch.inference_mode():
        return {
            f"data/raw/{row.raw_path}": backbone.features(
                normalised(
                    torch.from_numpy(decoded(reader.jpeg(str(row.shard), str(row.member)), 32)[None].copy()),
                    clip_architecture(),
                )
            )[0]
            for row in samples.itertuples()
        }


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything before the selection was done, with a model that has a text tower."""
    folder = tmp_path_factory.mktemp("embedded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_raw()
        write_empty_datapool(paths.BASE)
        ingest.run(params(pretrained=True))
        clean.run(params(pretrained=True))
        weights = write_weights()
        paths.GIVEN_WEIGHTS.write_text(sha256_of_file(Path(weights)))
        train.run(params(weights=weights))
        embed.run(params(weights=weights))
    return folder


@pytest.fixture(autouse=True)
def workspace(embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(embedded, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def given(strategy: dict[str, Any] | None = None) -> Params:
    return params(strategy, weights="both.pt")


def selected() -> list[str]:
    return list(read_csv(paths.SELECTION, SELECTION)["filename"])


# ---- images


@pytest.mark.thorough
@pytest.mark.parametrize("draft", [False, True])
def test_a_sample_as_query_is_at_no_distance_of_itself(draft: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    content = given().model_dump()
    content["clean"]["jpeg_draft"] = draft
    wanted = Params.model_validate(content)
    if draft:
        clean.run(wanted)
        embed.run(wanted)
    rows, embeddings = read_shards(paths.EMBEDDINGS)
    queries = [str(paths.RAW / path) for path in rows["raw_path"]]
    found = embed_images(queries, wanted, paths.CHECKPOINT, paths.SELECTION.parent)
    of_path = dict(zip(rows["raw_path"], embeddings, strict=True))
    np.testing.assert_array_equal(found, np.stack([of_path[path] for path in sorted(of_path)]))


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["04.jpg", "07.png", "12.jpg"])
def test_an_image_finds_its_like(name: str, tmp_path: Path) -> None:
    Path("queries").mkdir()
    shutil.copy(paths.RAW / "night" / name, f"queries/copy-{name}")
    for path in (f"queries/copy-{name}", str(Path("queries").resolve() / f"copy-{name}")):
        select.run(given({"images": [path]}))
        assert selected() == [f"night/{name}"]
    assert {file.name for file in paths.SELECTION.parent.iterdir()} == {
        "selection.csv", "candidates.parquet", "budget_curve.csv", "comparison.csv", "contributions.csv"
    }  # fmt: skip


@pytest.mark.thorough
def test_of_several_images_the_nearest_counts_and_their_order_does_not() -> None:
    names = ["02.jpg", "13.png", "08.jpg"]
    tables = []
    for order in (names, names[::-1], [*names, *names]):
        content = given({"images": [str(paths.RAW / "night" / name) for name in order]}).model_dump()
        content["select"]["n_samples"] = 3
        select.run(Params.model_validate(content))
        assert sorted(selected()) == sorted(f"night/{name}" for name in names)
        tables.append(paths.SELECTION.read_bytes())
    assert len(set(tables)) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"images: there is no file 'query\.png'; give a path from the repository's root"),
        (b"", r"images: 'query\.png' cannot be used \(the file is empty\)"),
        (b"GIF89a nonsense", r"images: 'query\.png' cannot be used \(.+\); give a sound image"),
    ],
)
def test_a_query_image_that_cannot_be_used(content: bytes | None, said: str) -> None:
    if content is not None:
        Path("query.png").write_bytes(content)
    with pytest.raises(ParamsError, match=said):
        select.run(given({"images": [TARGET, "query.png"]}))
    assert not paths.SELECTION.exists()
    assert not list(paths.SELECTION.parent.glob("*"))


def test_limits_of_stage_clean_hold() -> None:
    settings = Settings(100, proxy_size=48, corruption_threshold=0, decode_timeout_s=60, decode_memory_mb=None)
    Path("proxies").mkdir()
    with pytest.raises(ParamsError, match=r"07\.png' cannot be used \(.*max_pixels"):
        decode_query_images([TARGET], Path("proxies"), settings, 1)


def test_another_content_of_a_query_image_is_another_input() -> None:
    shutil.copy(TARGET, "query.png")
    wanted = given({"images": ["query.png", TARGET]})
    assert wanted.select.given_files == ["query.png", TARGET]
    before = given_files_hash(wanted.select.given_files)
    shutil.copy(paths.RAW / "night/05.png", "query.png")
    assert given_files_hash(wanted.select.given_files) != before


# ---- texts


def test_a_text_finds_what_it_says() -> None:
    line = select.run(given({"text": TEXT}))
    assert line.startswith("1 of 16 candidates selected")
    assert selected() == ["night/07.png"]
    first = paths.CANDIDATES.read_bytes()
    select.run(given({"text": TEXT}))
    assert paths.CANDIDATES.read_bytes() == first


def test_a_text_without_text_tower_is_refused() -> None:
    architecture, weights = load_checkpoint(paths.CHECKPOINT)
    images = {name: value for name, value in weights.items() if not name.startswith(clip.TEXT_TOWER)}
    save_checkpoint(paths.CHECKPOINT, architecture, images)
    embed.run(given())
    with pytest.raises(ParamsError, match=r"text needs a text tower, and data/train/checkpoint\.ckpt \(open_clip/tiny"):
        select.run(given({"text": TEXT}))


# ---- what params.yaml may say


def test_queries_that_the_model_cannot_embed_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="resnet-9 has none: give images in place of text"):
        params({"text": TEXT}, backbone="resnet-9", enabled=True)
    for strategy in ({"text": TEXT}, {"images": [TARGET]}):
        content = given(strategy).model_dump()
        content["embed"]["embeddings_file"], content["train"]["weights"] = "embeddings.csv", None
        content["train"]["enabled"] = True
        with pytest.raises(ValueError, match="images and text need a model to embed them"):
            Params.model_validate(content)


def test_other_selections_load_neither_torch_nor_decoders() -> None:
    code = "import sys, stages.select; print({'torch', 'open_clip', 'av'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_network_weights_hold_the_text_tower_of_the_file() -> None:
    start = initial_model(clip_architecture(), replace(SETTINGS, weights="both.pt"))
    kept = {name for name in network_weights(start) if name.startswith(clip.TEXT_TOWER)}
    assert kept == {name for name in load_checkpoint(paths.CHECKPOINT)[1] if name.startswith(clip.TEXT_TOWER)}
