"""Which imported labels there are: their hashes in the `.dvc` files that git holds."""

from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from curation.labels.given import LabelFileError

SUFFIX = ".json.dvc"
"""What follows the name of a task in the name of such a file."""


def label_hash(text: str) -> str:
    """Return DVC's hash of the labels that a `.dvc` file stands for.

    Raises:
        LabelFileError: its text says none.
    """
    try:
        (out,) = YAML(typ="safe", pure=True).load(text)["outs"]
        return str(out["md5"])
    except (KeyError, TypeError, ValueError, YAMLError) as error:
        raise LabelFileError(" ".join(str(error).split())) from None


def label_hashes(folder: Path) -> dict[str, str]:
    """Return DVC's hash of the labels of each task, sorted by task.

    A `.dvc` file that cannot be read is left out: `curate list --labels` tells of it.

    Args:
        folder: of the labels.
    """
    found: dict[str, str] = {}
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(OSError, ValueError):  # LabelFileError among these
            found[file.name.removesuffix(SUFFIX)] = label_hash(file.read_text(encoding="utf-8"))
    return {task: digest for task, digest in found.items() if digest}
