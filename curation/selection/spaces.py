"""The embeddings of objects as distances between units are measured by them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.selection.objectives import Space
from curation.selection.objects import ObjectEmbeddings
from curation.tables.membership import is_among


def space_of(
    task: str,
    objects: Mapping[str, ObjectEmbeddings],
    names: Sequence[str],
    members: NDArray[np.int64],
    base_names: Sequence[str],
) -> Space:
    """Return the objects of units and base that a task predicts.

    Args:
        task: its name.
        objects: of all samples, by task.
        names: n filenames of candidates, sorted.
        members: (u, length) int64 candidates of each unit; a unit has the objects of all of them.
        base_names: m filenames of the base.

    Raises:
        ParamsError: no candidate has an object.
    """
    found = objects[task]
    unit_of = np.full(len(names) + 1, -1, dtype=np.int64)  # the last is for samples that are no candidates
    unit_of[members.ravel()] = np.repeat(np.arange(len(members)), members.shape[1])
    of_objects = pd.Index(found.filenames)
    owners = unit_of[pd.Index(names).get_indexer(of_objects)]
    inside = np.flatnonzero(owners >= 0)
    if len(members) and not len(inside):
        raise ParamsError(
            f"select.strategies: the task {task} predicts no object in a candidate: name predictions with boxes of "
            "these samples, or leave out its strategies"
        )
    inside = inside[np.argsort(owners[inside], kind="stable")]
    in_base = is_among(of_objects, set(base_names))
    return Space(found.vectors[inside], owners[inside], found.vectors[in_base])


def best_of_units(values: NDArray[np.float64], owners: NDArray[np.int64], units: int) -> NDArray[np.float64]:
    """Return the largest value of each unit's objects, (u,); 0 for units without any.

    Args:
        values: (r,) from 0.
        owners: (r,) int64 unit of each.
        units: how many there are.
    """
    best = np.zeros(units)
    np.maximum.at(best, owners, values)
    return best
