"""Classes of exported lists: from weak labels, with numbers that are the same in every export.

A class is a weak label, the top-level folder of an image. Its number is its place in one list, which only ever grows
at its end: the classes of the first iteration in alphabetical order, then those that the second added, and so on. The
list is made from the ledger of the datapool, whatever part of the samples is exported, so an earlier revision has the
beginning of a later one's, and a sample that is taken out for good moves nothing.

A user's own list of classes stands above it: then those are the classes, in the order of the list, and no others.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from curation.core.errors import OutputError
from curation.raw.naming import label_name
from curation.tables.given_lists import NotTextError, names_in, read_text
from curation.tables.samples import IMAGE, KEPT

CLASS_NAME, CLASS_ID = "class_name", "class_id"


def datapool_classes(ledger: pd.DataFrame, samples: pd.DataFrame, *, of_videos: bool) -> tuple[str, ...]:
    """Return the classes of a datapool, in the order of their numbers.

    Args:
        ledger: of the datapool: `path`, `media`, `iteration` and `kept`.
        samples: of the datapool: `filename`, `raw_path`, `iteration` and `label_name`; those with a picture.
        of_videos: whether the folder of a video is a class as well.

    Returns:
        Weak labels by the first iteration with a sample of theirs, those of one iteration in alphabetical order: as
        the datapool numbers them.
    """
    kept = ledger[ledger[KEPT] > 0]
    kept = kept if of_videos else kept[kept["media"] == IMAGE]
    selected = samples if of_videos else samples[~is_frame(samples)]
    pairs = zip(map(label_name, kept["path"]), kept["iteration"], strict=True)
    first: dict[str, int] = {}
    for name, iteration in (*pairs, *zip(selected["label_name"], selected["iteration"], strict=True)):
        first[name] = min(int(iteration), first.get(name, int(iteration)))
    ordered = sorted((name for name in first if name), key=lambda name: (first[name], name))
    return tuple(map(class_of, ordered))


def class_of(label: str) -> str:
    """Return the class of a weak label: the folder's own name (`curation.raw.listing.safe_path`)."""
    return label.removeprefix("./")


def is_frame(samples: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which samples are frames of videos: an image has the name of its raw file.

    Args:
        samples: `filename` and `raw_path`.
    """
    return samples["filename"] != samples["raw_path"]


def read_class_list(path: Path) -> tuple[str, ...] | None:
    """Read a user's list of classes, one name a line; empty lines don't count, nor comments, which begin with `# `.

    Returns:
        The names in their order; None where there is no such file.

    Raises:
        OutputError: it cannot be read, names a class twice, or none at all.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return None
    except (OSError, NotTextError) as error:
        raise OutputError(f"{path} cannot be read ({error}): write one class a line, in UTF-8") from None
    names = [line.strip() for _, line in names_in(text)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OutputError(f"{path} names {twice[0]!r} twice: every class has one number")
    odd = [name for name in names if not name.isprintable()]
    if odd:
        raise OutputError(f"{path}: {odd[0]!r} has a character that no class can have")
    if not names:
        raise OutputError(f"{path} names no class: write one a line, or delete the file")
    return tuple(names)


def with_classes(samples: pd.DataFrame, classes: Sequence[str], *, of_videos: bool) -> pd.DataFrame:
    """Add `class_name`, empty where a sample has none, and its number `class_id` from 0, missing likewise.

    Args:
        samples: `filename`, `raw_path` and `label_name`.
        classes: in the order of their numbers.
        of_videos: whether the folder of a video is a class.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    names = samples["label_name"].map(class_of).astype(object)
    names = names.where(names.isin(numbers) & (of_videos | ~is_frame(samples)), "")
    return samples.assign(**{CLASS_NAME: names, CLASS_ID: names.map(numbers).astype("Int64")})


def unlisted(samples: pd.DataFrame, classes: Sequence[str], *, of_videos: bool) -> dict[str, int]:
    """Return the weak labels that a user's list of classes does not name, and how many samples have each.

    Args:
        samples: `filename`, `raw_path` and `label_name`.
        classes: of the list.
        of_videos: whether the folder of a video is a class.
    """
    labels = samples["label_name"] if of_videos else samples.loc[~is_frame(samples), "label_name"]
    names = labels[labels != ""].map(class_of)
    counts = Counter(map(str, names[~names.isin(classes)]))
    return dict(sorted(counts.items()))
