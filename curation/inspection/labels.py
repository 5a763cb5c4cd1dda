"""Labels that were imported, as a revision has them: by the `.dvc` files in git, from the DVC cache."""

from curation.core.errors import LabelsError
from curation.history import git
from curation.history.label_hashes import SUFFIX, label_hash
from curation.inspection.revision import Revision
from curation.labels.stored import Labelled, from_coco
from curation.pipeline import paths


def tasks_of(start: Revision) -> list[str]:
    """Return the names of the tasks that have labels, sorted."""
    if start.commit is None:
        names = [path.name for path in paths.LABELS.glob(f"*{SUFFIX}")]
    else:
        listing = git.git("ls-tree", "--name-only", "-z", start.commit, f"./{paths.LABELS}/") or ""
        names = [path.rpartition("/")[2] for path in listing.split("\0")]
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def labels_of(start: Revision, task: str) -> Labelled:
    """Return the labels of a task.

    Raises:
        LabelsError: there are none, or they are damaged.
    """
    tracked = paths.LABELS / f"{task}{SUFFIX}"
    text = start.text(tracked)
    if text is None:
        there = ", ".join(tasks_of(start)) or "none"
        raise LabelsError(f"{start.name} has no labels of a task {task!r} (there: {there})")
    try:
        return from_coco(start.cache.file(label_hash(text)).read_text(encoding="utf-8"))
    except ValueError as error:
        raise LabelsError(f"{start.name}: {tracked} is damaged ({error}): `git checkout {tracked}`") from None


def labelled_samples(start: Revision, task: str | None = None) -> frozenset[str]:
    """Return the names of the samples that have labels of a task; None: of any."""
    wanted = tasks_of(start) if task is None else [task]
    return frozenset(name for each in wanted for name in labels_of(start, each).samples)
