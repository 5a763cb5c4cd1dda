"""Uniting the labels that two branches imported for one task, while git merges them."""

from hashlib import md5

from ruamel.yaml import YAML

from curation.core.atomic import write_bytes
from curation.core.errors import BaseError
from curation.history.dvc_cache import Cache
from curation.labels.given import LabelFileError
from curation.labels.stored import Labelled, as_coco, from_coco, united


def united_labels(ours: Labelled, theirs: Labelled) -> tuple[Labelled, list[str]]:
    """Return the labels of both sides, and the samples that both have labelled, but differently: ours count there."""
    different = [name for name, found in theirs.samples.items() if ours.samples.get(name, found) != found]
    return united(ours, theirs.without(ours.samples)), different


def merged_label_file(ours: str, theirs: str, name: str, cache: Cache) -> tuple[str, list[str]]:
    """Unite the labels that two versions of a `.dvc` file stand for, and put the outcome into DVC's cache.

    Args:
        ours: text of HEAD's version.
        theirs: text of the other side's.
        name: of the file that it tracks, such as `cars.json`.
        cache: holds both, or fetches them.

    Returns:
        The text of the merged `.dvc` file, and the samples that both sides have labelled differently.

    Raises:
        BaseError: they are no labels, or cannot be fetched.
    """
    both, different = united_labels(_labels(ours, name, cache), _labels(theirs, name, cache))
    content = as_coco(both).encode()
    digest = md5(content, usedforsecurity=False).hexdigest()
    target = cache.path(digest)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)
        target.chmod(0o444)
    return f"outs:\n- md5: {digest}\n  size: {len(content)}\n  hash: md5\n  path: {name}\n", different


def _labels(text: str, name: str, cache: Cache) -> Labelled:
    try:
        (out,) = YAML(typ="safe", pure=True).load(text)["outs"]
        return from_coco(cache.file(str(out["md5"])).read_text(encoding="utf-8"))
    except (LabelFileError, KeyError, TypeError, ValueError) as error:
        raise BaseError(f"the labels in {name} cannot be united ({error}): take one side's .dvc file") from None
