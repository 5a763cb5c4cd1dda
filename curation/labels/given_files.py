"""Files that the parameters of the selection name: one hash of them, and which of them have objects to embed.

Stage `base` writes a text about the latter, so that `clean` runs again where they are others.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from curation.core.errors import ParamsError
from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.labels.source import files_in


def given_files_hash(given: Sequence[str]) -> str | None:
    """Return one hash of the files that the parameters of the selection name; None without any.

    Of a folder, the files count that hold labels.

    Raises:
        ParamsError: a file is not there.
    """
    if not given:
        return None
    for path in given:
        if not Path(path).exists():
            raise ParamsError(
                f"params.yaml, section select: there is no file {path!r}; give a path from the repository's root, and "
                "commit the file, so that every checkout has it"
            )
    files = [file for path in sorted(set(given)) for file in ([path] if Path(path).is_file() else files_in(path))]
    hashes = [f"{file} {sha256_of_file(Path(file))}" for file in files]
    return sha256_of_bytes("\n".join(hashes).encode())


def object_tasks_text(tasks: Mapping[str, str], digest: str | None) -> str:
    """Say whose objects are embedded: the hash of the predictions, then a line for each task; or an empty line.

    Args:
        tasks: the path of each task's predictions.
        digest: `given_files_hash` of these.
    """
    # DVC warns of files without a byte.
    lines = [digest, *(f"{task} {path}" for task, path in tasks.items())] if tasks else [""]
    return "".join(f"{line}\n" for line in lines)


def read_object_tasks(text: str) -> dict[str, str]:
    """Return the path of the predictions of each task whose objects are embedded, as `object_tasks_text` wrote them.

    Raises:
        ParamsError: the predictions are gone, or have changed since.
    """
    if not text.strip():
        return {}
    digest, *lines = text.removesuffix("\n").split("\n")
    tasks = {task: path for task, _, path in (line.partition(" ") for line in lines)}
    if given_files_hash(list(tasks.values())) != digest:
        raise ParamsError(
            f"select.predictions: {', '.join(tasks.values())} changed since this run began: run `dvc repro` again"
        )
    return tasks
