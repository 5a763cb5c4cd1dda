"""Checkpoint files: equal weights give equal bytes, and no changed byte goes unnoticed."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from curation.core.errors import CheckpointError
from curation.model.architecture import Architecture
from curation.model.checkpoint import read_architecture, seal, unseal
from curation.model.weights import load_checkpoint, load_weights, save_checkpoint
from tests.model_data import ARCHITECTURE


def weights() -> dict[str, Tensor]:
    return {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.ones(2), "steps": torch.tensor(3)}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("checkpoint") / "a.ckpt"
    save_checkpoint(path, ARCHITECTURE, weights())
    return path.read_bytes()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    save_checkpoint(path, ARCHITECTURE, weights())
    architecture, loaded = load_checkpoint(path)
    assert architecture == ARCHITECTURE == read_architecture(path)
    assert loaded.keys() == weights().keys()
    assert all(loaded[name].equal(value) for name, value in weights().items())


def test_equal_weights_give_equal_bytes_whatever_the_name_and_layout(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.ckpt", ARCHITECTURE, {"w": torch.ones(2, 3, 4, 4)})
    laid_out = torch.ones(4, 3, 4, 4).contiguous(memory_format=torch.channels_last)[:2]
    save_checkpoint(tmp_path / "other name", ARCHITECTURE, {"w": laid_out})
    assert (tmp_path / "a.ckpt").read_bytes() == (tmp_path / "other name").read_bytes()


def test_other_tools_load_it_as_plain_values(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(content)
    plain = torch.load(path, weights_only=True)
    assert plain["architecture"]["embedding_dim"] == 8
    assert set(plain) == {"architecture", "format", "state_dict"}
    assert zipfile.ZipFile(path).testzip() is None


def test_every_flipped_byte_is_an_error(content: bytes) -> None:
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        with pytest.raises(CheckpointError):
            unseal(bytes(changed), Path("a.ckpt"))


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return other bytes: a bit flipped, or a part lost, doubled, zeroed, overwritten, exchanged, cut off or added."""
    first, second, third = sorted(int(place) for place in rng.integers(0, len(content), 3))
    third = min(third + 1, len(content))
    flipped = bytes([content[first] ^ 1 << int(rng.integers(8))])
    kinds = [
        content[:first] + flipped + content[first + 1 :],
        content[:first] + content[third:],
        content[:third] + content[first:third] + content[third:],
        content[:first] + bytes(third - first) + content[third:],
        content[:first] + rng.bytes(third - first) + content[third:],
        content[:first] + content[second:third] + content[first:second] + content[third:],
        content[:second],
        content + rng.bytes(int(rng.integers(1, 200))),
        content + content,
    ]
    return kinds[int(rng.integers(len(kinds)))]


def test_none_of_400_mutated_files_is_loaded(content: bytes, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(5), tmp_path / "a.ckpt"
    refused = 0
    while refused < 400:
        changed = mutated(content, rng)
        if changed != content:
            path.write_bytes(changed)
            with pytest.raises(CheckpointError, match=r"a\.ckpt is damaged"):
                load_checkpoint(path)
            refused += 1
    path.write_bytes(content)
    assert load_checkpoint(path)[1]["layer.bias"].equal(torch.ones(2))


@given(st.data())
def test_no_mutation_loads(content: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    changed = content[:start] + data.draw(st.binary(max_size=100)) + content[end:]
    if changed != content:
        with pytest.raises(CheckpointError):
            unseal(changed, Path("a.ckpt"))


def archive_of(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"no checkpoint",
        archive_of({"state_dict": weights()}),
        np.arange(1000).tobytes(),
    ],
    ids=["empty", "text", "of another program", "numbers"],
)
def test_a_foreign_file_is_refused_with_a_way_on(foreign: bytes, tmp_path: Path) -> None:
    path = tmp_path / "foreign.ckpt"
    path.write_bytes(foreign)
    with pytest.raises(CheckpointError, match=r"foreign\.ckpt is damaged, or was not written.*dvc checkout"):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.ckpt: there is no such"):
        read_architecture(tmp_path / "nowhere.ckpt")


def test_a_seal_around_another_architecture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    inner = {"architecture": ARCHITECTURE.to_plain(), "format": "", "state_dict": weights()}
    path.write_bytes(seal(archive_of(inner), Architecture.of("resnet-18", 8, 16, 32)))
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_an_archive_is_sealed_once(content: bytes) -> None:
    with pytest.raises(RuntimeError):
        seal(content, ARCHITECTURE)


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"layer\.bias are not finite"):
        save_checkpoint(tmp_path / "a.ckpt", ARCHITECTURE, weights() | {"layer.bias": torch.tensor([1.0, torch.nan])})
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        load_weights(torch.nn.Linear(3, 2), {"weight": torch.ones(2, 4), "bias": torch.ones(2)}, Path("a.ckpt"))


@pytest.mark.parametrize(
    "change", [{"input_size": "64"}, {"mean": [0.5]}, {"unknown": 1}, {"embedding_dim": True}, {"std": 1}]
)
def test_an_architecture_of_other_types_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Architecture.from_plain(ARCHITECTURE.to_plain() | change)
