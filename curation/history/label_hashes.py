"""Which imported labels there are: their hashes in the `.dvc` files that git holds."""

from pathlib import Path

SUFFIX = ".json.dvc"
"""What follows the name of a task in the name of such a file."""


def label_hashes(folder: Path) -> dict[str, str]:
    """Return DVC's hash of the labels of each task, sorted by task; a `.dvc` file that cannot be read is left out.

    Args:
        folder: of the labels.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"))
    found = {file.name.removesuffix(SUFFIX): _hash_in(file) for file in files}
    return {task: digest for task, digest in found.items() if digest}


def _hash_in(file: Path) -> str:
    """Return the hash in a `.dvc` file; nothing where it is damaged, which `curate list --labels` tells."""
    from ruamel.yaml import YAML  # here, since most projects have no labels, and this runs at every `dvc repro`
    from ruamel.yaml.error import YAMLError

    try:
        (out,) = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))["outs"]
        return str(out["md5"])
    except (OSError, ValueError, KeyError, TypeError, YAMLError):
        return ""
