"""Objects of units and base, and what of them counts."""

import numpy as np

from curation.selection.objects import ObjectEmbeddings
from curation.selection.spaces import best_of_units, space_of


def test_a_sequence_has_the_objects_of_all_its_frames() -> None:
    filenames = np.array(["a", "b", "b", "base", "c", "d", "left over"], dtype=object)
    vectors = np.arange(7, dtype=np.float32)[:, None]
    objects = {"cars": ObjectEmbeddings(filenames, vectors)}
    members = np.array([[0, 3], [1, 2]])  # a and d, b and c
    found = space_of("cars", objects, ["a", "b", "c", "d", "e"], members, ["base"])
    assert found.items.ravel().tolist() == [0, 5, 1, 2, 4]
    assert found.owners.tolist() == [0, 0, 1, 1, 1]
    assert found.base.ravel().tolist() == [3]
    best = best_of_units(np.array([0.1, 0.5, 0.3, 0.2, 0.1]), found.owners, 3)
    assert best.tolist() == [0.5, 0.3, 0]
