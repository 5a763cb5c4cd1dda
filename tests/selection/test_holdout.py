"""Held-out samples: reading them, and what is too near to them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.embeddings.by_name import NamedEmbeddings
from curation.selection.distance import euclidean, squared_distances
from curation.selection.holdout import Holdout, read_holdout, too_near
from tests.embedding_examples import embedding_sets

NAMES = ["a.png", "b.png", "c.png"]
EMBEDDINGS: NDArray[np.float32] = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)


def read(tmp_path: Path, text: str) -> Holdout:
    file = tmp_path / "held.txt"
    file.write_text(text, encoding="utf-8")
    return read_holdout(str(file), NamedEmbeddings(NAMES, EMBEDDINGS))


def test_names_one_a_line(tmp_path: Path) -> None:
    held = read(tmp_path, "c.png\n\n a.png \nc.png\n")
    assert held.names == ["a.png", "c.png"]
    np.testing.assert_array_equal(held.embeddings, EMBEDDINGS[[0, 2]])


def test_embeddings_as_lightly_writes_them(tmp_path: Path) -> None:
    held = read(tmp_path, '\ufefffilenames,embedding_0,embedding_1,labels\n"z,1.png",0,5,1\nb.png,3,4,0\n')
    assert held.names == ["b.png", "z,1.png"]
    np.testing.assert_allclose(held.embeddings, np.array([[0.6, 0.8], [0, 1]]))
    assert held.embeddings.dtype == np.float32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a.png\nx.png\n", r"line 2: 'x\.png' is not a sample"),
        ("filenames,embedding_0\na.png,1\n", "embeddings of 1 values, those of the datapool have 2"),
        ("filenames,embedding_0,embedding_1\na.png,1,0\nb.png,,0\n", r"line 3: the embedding of 'b\.png'"),
        ("filenames,embedding_0,embedding_1\na.png,0,0\n", "line 2: .* all are 0"),
        ("filenames,embedding_0,embedding_1\na.png,inf,0\n", "line 2"),
        ("filenames,embedding_0,embedding_1\na.png,1,0,1,2\n", "more values than its header"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        read(tmp_path, text)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ParamsError, match="there is no such file"):
        read_holdout("nowhere.txt", NamedEmbeddings(NAMES, EMBEDDINGS))


@given(embedding_sets(smallest=4), st.floats(0.01, 2))
def test_everything_nearer_and_nothing_else_is_too_near(embeddings: NDArray[np.float32], distance: float) -> None:
    names = [f"{row:03d}" for row in range(len(embeddings))]
    held = Holdout(names[:2], embeddings[:2])
    near = too_near(held, names, embeddings, distance)
    assert near[:2].all()
    for row in range(2, len(names)):
        away = min(float(euclidean(squared_distances(embeddings[[row]], other))[0]) for other in embeddings[:2])
        if abs(away - distance) > 1e-6:
            assert near[row] == (away < distance)
    assert too_near(held, names, embeddings, None).tolist() == [name in held.names for name in names]


def test_a_sample_at_exactly_the_distance_is_far_enough() -> None:
    held = Holdout(["a.png"], EMBEDDINGS[:1])
    assert too_near(held, NAMES, EMBEDDINGS, 2.0).tolist() == [True, True, False]
