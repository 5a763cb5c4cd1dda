"""A small invented project on disk, whose record and cache are its own files: no DVC runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from ruamel.yaml import YAML

from curation.explore.build import Outputs
from curation.history.dvc_cache import Cache
from curation.inspection.revision import WORKSPACE, Revision
from curation.pipeline import paths
from curation.reporting.inputs import ReportInputs
from tests.report_example import Raw, example, write_workspace

HOSTILE = 'a"><img src=x onerror=alert(1)>.jpg'
RAWS = (Raw(HOSTILE), Raw("city/=1+2.jpg"), Raw("city/tram.jpg"))
PLOTS = paths.REPORTS / "plots"
OUTPUTS = Outputs(paths.CANDIDATES, paths.DROPPED, paths.SAMPLES, paths.PROXIES, PLOTS)
RECORDED = (
    paths.DATAPOOL, paths.SAMPLES, paths.PROXIES, paths.DROPPED, paths.FILES, paths.CANDIDATES, paths.SELECTION,
    paths.EMBEDDINGS, PLOTS,
)  # fmt: skip


class FolderCache:
    """A cache in which an object's hash is its path in the project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, object_hash: str) -> bool:
        """Return whether it is there."""
        return (self._folder / object_hash).exists()

    has_whole = has

    def path(self, object_hash: str) -> Path:
        """Return where it is."""
        return self._folder / object_hash

    file = path

    def listing(self, folder_hash: str) -> dict[str, str]:
        """Return the hashes of a folder's files."""
        folder = self._folder / folder_hash
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return {
            file.relative_to(folder).as_posix(): f"{folder_hash}/{file.relative_to(folder).as_posix()}"
            for file in files
        }


def record(folder: Path, outputs: Iterable[Path] = RECORDED) -> Revision:
    """Write the project's `dvc.lock`, as if stages had made what is there, and return the workspace's record.

    Revisions read `dvc.lock` in the current directory.
    """
    outs = [{"path": path.as_posix(), "md5": path.as_posix()} for path in outputs if (folder / path).exists()]
    with (folder / paths.DVC_LOCK).open("w") as file:
        YAML().dump({"stages": {"all": {"outs": outs}}}, file)
    return Revision(WORKSPACE, None, cast(Cache, FolderCache(folder)))


def three_samples(folder: Path, n_samples: int = 2) -> ReportInputs:
    """Write an iteration of three images, two of them selected."""
    inputs = example(RAWS, n_samples=n_samples, ignored=())
    write_workspace(folder, inputs)
    return inputs
