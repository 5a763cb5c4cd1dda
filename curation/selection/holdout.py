"""A frozen set of samples, such as a test set, that the selection keeps away from.

What is trained on must not be near what is tested on: frames of one scene in both make every score too good.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.embeddings.by_name import NamedEmbeddings
from curation.embeddings.given import NAMES, read_given
from curation.selection.distance import euclidean
from curation.selection.nearest import nearest_rows
from curation.selection.stopping import squared_threshold
from curation.tables.given_lists import as_known, names_in, read_text

KEY = "select.holdout_file"


class Holdout(NamedTuple):
    """The held-out samples.

    Attributes:
        names: h names, sorted; they need not be samples of this project where the file holds their embeddings.
        embeddings: (h, d) float32 of unit length.
    """

    names: list[str]
    embeddings: NDArray[np.float32]


def read_holdout(path: str, known: NamedEmbeddings) -> Holdout:
    """Read the held-out samples: a CSV file of embeddings as `lightly` writes it, or one filename a line.

    Args:
        path: the file. A first line that begins with `filenames,` makes it a file of embeddings, whose other columns
            are `embedding_0` to `embedding_{d-1}`; `labels` may follow.
        known: all processed samples.

    Raises:
        ParamsError: the file cannot be read, is empty, names a sample that there is not, or holds embeddings that
            cannot be compared.
    """
    try:
        text = read_text(Path(path))
    except (OSError, ValueError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise ParamsError(f"{KEY}: {path} cannot be read ({what})") from None
    if re.match(rf'"?{NAMES}"?[ \t]*[,;\t]|sep=', text):
        return _given_embeddings(path, known.embeddings.shape[1])
    given = names_in(text, known.row_of)
    if not given:
        raise ParamsError(f"{KEY}: {path} is empty: write one filename a line, or set it to null")
    meant = as_known((line for _, line in given), known.row_of)
    # A name may begin with spaces; where it does not, they are the list's own.
    line_of = {meant[line] if meant[line] in known.row_of else line.strip(): number for number, line in reversed(given)}
    unknown = [name for name in line_of if name not in known.row_of]
    if unknown:
        first = min(unknown, key=line_of.__getitem__)
        raise ParamsError(
            f"{KEY}: {path}, line {line_of[first]}: {first!r} is not a sample of this or an earlier iteration. Add the "
            "held-out files to data/raw, or give their embeddings instead (a CSV file with the columns filenames, "
            "embedding_0, ...)"
        )
    names = sorted(line_of)
    return Holdout(names, known.embeddings[known.rows(names)])


def _given_embeddings(path: str, dimension: int) -> Holdout:
    """Read a CSV file of embeddings, sorted by filename."""
    given = read_given(path, KEY, ".csv")
    if given.embeddings.shape[1] != dimension:
        raise ParamsError(
            f"{KEY}: {path} holds embeddings of {given.embeddings.shape[1]} values, those of the datapool have "
            f"{dimension}: embed the held-out samples with the datapool's checkpoint"
        )
    order = sorted(range(len(given.names)), key=given.names.__getitem__)
    return Holdout([given.names[row] for row in order], given.embeddings[order])


def too_near(
    holdout: Holdout, names: Sequence[str], embeddings: NDArray[np.float32], distance: float | None
) -> NDArray[np.bool_]:
    """Return which samples are held out themselves, or nearer to a held-out one than `distance`.

    Args:
        holdout: the held-out samples.
        names: n names of samples.
        embeddings: (n, d) float32 of them.
        distance: Euclidean; a sample at exactly this distance is far enough. None = only the held-out ones themselves.

    Returns:
        (n,) bool.
    """
    held = set(holdout.names)
    itself = np.array([name in held for name in names], dtype=bool)
    if distance is None or not len(names):
        return itself
    _, squared = nearest_rows(embeddings, holdout.embeddings)
    near: NDArray[np.bool_] = itself | (squared < squared_threshold(distance))
    return near


def refuse_leaks(
    holdout: Holdout, names: Sequence[str], embeddings: NDArray[np.float32], distance: float | None
) -> None:
    """Make sure that the datapool keeps the distance, too.

    Args:
        holdout: the held-out samples.
        names: m names of the datapool's samples.
        embeddings: (m, d) float32 of them.
        distance: see `too_near`.

    Raises:
        ParamsError: it does not; names the samples that leak.
    """
    leaking = np.flatnonzero(too_near(holdout, names, embeddings, distance))
    if not len(leaking):
        return
    place, squared = nearest_rows(embeddings[leaking], holdout.embeddings)
    shown = [
        f"{names[int(row)]!r} (at {away:.4f} from {holdout.names[int(nearest)]!r})"
        for row, nearest, away in list(zip(leaking, place, euclidean(squared), strict=True))[:10]
    ]
    raise ParamsError(
        f"{KEY}: {len(leaking)} samples of the datapool leak into the held-out set: {', '.join(shown)}"
        f"{', ...' if len(leaking) > 10 else ''}. Hold other samples out, lower select.holdout_distance, or start "
        "afresh with base.datapool: none"
    )
