"""The template as it comes needs no network: nothing of it opens a connection."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipeline.project import SMALL, Project, new_project

pytestmark = pytest.mark.slow

DEFAULTS = {
    "train.backbone": "efficientnet-lite0",
    "train.pretrained": True,
    "train.enabled": False,
    "train.input_size": 64,
}
"""The parameters that decide where weights come from are the template's; small images keep it quick."""

GUARD = """
import socket, sys

def refuse(self, address, *rest):
    if self.family != socket.AF_UNIX:  # processes of one machine talk through these
        with open({told!r}, "a") as file:
            file.write(f"{{sys.argv}} {{address}}\\n")
        raise OSError(f"no network here: {{address}}")

def refuse_name(host, *rest, **options):
    with open({told!r}, "a") as file:
        file.write(f"{{sys.argv}} {{host}}\\n")
    raise socket.gaierror(f"no network here: {{host}}")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse_name
"""
"""The module that every Python imports at its start, DVC's own too. Connections that are refused are written down."""


@dataclass(frozen=True)
class Guarded(Project):
    """A project whose commands may open no connection.

    Attributes:
        guard: folder of what every Python imports at its start.
    """

    guard: Path

    def environment(self) -> dict[str, str]:
        """Return the variables for commands, with the guard before all that Python imports."""
        return super().environment() | {"PYTHONPATH": str(self.guard)}


@pytest.mark.cold
@pytest.mark.long
def test_a_first_iteration_opens_no_connection(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    assert set(DEFAULTS) <= set(SMALL)
    project.set_dotted(dict(DEFAULTS))
    names = project.add_images("a")
    told, guard = tmp_path / "told.txt", tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD.format(told=str(told)))
    guarded = Guarded(project.folder, guard)
    with pytest.raises(AssertionError, match="no network here"):
        guarded.run("python", "-c", "import urllib.request; urllib.request.urlopen('http://192.0.2.1/')")
    told.unlink()
    output = guarded.dvc("repro").output
    assert not told.exists(), told.read_text()
    assert (
        f"efficientnet-lite0 from pretrained weights taken without training, fitted to {len(names)} samples" in output
    )
    assert (project.folder / "reports/report.pdf").exists()
