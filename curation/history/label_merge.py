"""Uniting the labels that two branches imported for one task, while git merges them."""

from collections.abc import Mapping
from pathlib import Path

from curation.core.errors import BaseError
from curation.history.cached_file import add_file
from curation.history.dvc_cache import Cache
from curation.history.dvc_files import Sides
from curation.history.label_hashes import label_hash
from curation.labels.stored import Annotation, Labelled, as_coco, from_coco

Found = tuple[Annotation, ...] | None


def united_labels(base: Labelled, ours: Labelled, theirs: Labelled) -> tuple[Labelled, list[str]]:
    """Return the labels of both sides, sample by sample: what one side has changed, or else what they have alike.

    Args:
        base: the labels that both began with.
        ours: of one side, whose classes keep their numbers.
        theirs: of the other.

    Returns:
        The labels, and the samples that both sides have changed in another way: ours stay there, where there are any.
    """
    samples: dict[str, tuple[Annotation, ...]] = {}
    different: list[str] = []
    for name in sorted({*base.samples, *ours.samples, *theirs.samples}):
        former, mine, other = (side.samples.get(name) for side in (base, ours, theirs))
        if mine not in (other, former) and other != former:
            different.append(name)
        found = other if mine in (other, former) else mine
        if found is None and name in different:
            found = other
        if found is not None:
            samples[name] = found
    sizes: Mapping[str, tuple[int, int]] = {**theirs.sizes, **ours.sizes}
    classes = tuple(dict.fromkeys([*ours.classes, *theirs.classes]))
    return Labelled(samples, {name: sizes[name] for name in samples if name in sizes}, classes), different


def merged_label_file(path: Path, texts: Sides, cache: Cache) -> tuple[str, list[str]]:
    """Unite the labels that the versions of a `.dvc` file stand for, and put the outcome into DVC's cache.

    Args:
        path: of the file, for messages.
        texts: of the file; both sides have one.
        cache: holds the labels, or fetches them.

    Returns:
        The text of the merged file, and the samples that both sides have labelled differently.

    Raises:
        BaseError: they are no labels, or cannot be fetched.
    """
    base, ours, theirs = (_labels(path, text, cache) for text in texts)
    both, different = united_labels(base, ours, theirs)
    content = as_coco(both).encode()
    digest = add_file(cache, content)
    return f"outs:\n- md5: {digest}\n  size: {len(content)}\n  hash: md5\n  path: {path.stem}\n", different


def _labels(path: Path, text: str | None, cache: Cache) -> Labelled:
    if text is None:
        return Labelled()
    try:
        return from_coco(cache.file(label_hash(text)).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BaseError(
            f"the labels of {path} cannot be united ({error}): take one side (`git checkout --ours {path}`, or "
            f"--theirs), `git add {path}`, and run `python -m curate merge` again"
        ) from None
