"""A part of `make torture` that needs a project: kills of whole runs, and changed bytes in its cache."""

import re

import numpy as np
import pytest

from tests.pipeline.project import Project
from tests.torture.flips import flips_in
from tests.torture.kills import chain, make_good, moments, results, undisturbed
from tests.torture.tally import Tally

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_kills_at_random_moments_and_the_same_command_again(project: Project) -> None:
    project.add_images("b")
    calm = project.copy(project.folder.parent.parent / "undisturbed")
    expected, tally = undisturbed(calm), Tally()
    chain(project, expected, moments(np.random.default_rng(5), 2), tally, "chain")
    assert tally.tried >= 1
    assert not tally.wrong, tally.told


def test_files_of_dvc_that_a_kill_cut_off_are_repaired(selected: Project, second_iteration: Project) -> None:
    project = selected
    lock = project.lock()
    cut = re.compile("md5: [0-9a-f]{2}[a-f]").search(lock, len(lock) // 2)  # digits alone would be a number
    assert cut is not None
    (project.folder / "dvc.lock").write_text(lock[: cut.end()])
    (project.folder / "data/raw.dvc").write_text("outs:\n- md5: 3f")
    (project.folder / ".dvc/tmp/rwlock").write_text('{"wri')
    refused = project.repro(check=False)
    assert refused.code
    assert re.search(r"(dvc\.lock|raw\.dvc)' (is invalid|validation failed)", refused.output)  # which DVC reads first
    for command in ("verify", "list"):
        said = project.run("python", "-m", "curate", command, check=False)
        assert (said.code, "Traceback" in said.output) == (1, False)
        assert "Run `python -m curate repair`, then `dvc repro`" in said.output
    tally = Tally()
    make_good(project, tally, "now")
    assert (tally.repaired, tally.wrong) == (1, 0)
    assert all(name in tally.told[0] for name in ("dvc.lock", "data/raw.dvc", ".dvc/tmp/rwlock"))
    project.repro()
    assert results(project) == results(second_iteration)
    make_good(project, tally, "now")
    assert (tally.repaired, tally.wrong) == (1, 0)


def test_an_iteration_with_a_list_of_raw_files_that_is_empty_is_refused(project: Project) -> None:
    project.add_images("b")
    project.repro("ingest")
    (project.folder / "data/raw.dvc").write_text("")
    refused = project.repro(check=False)
    assert refused.code
    assert "data/raw.dvc: cut off" in refused.output


def test_changed_bytes_are_found_and_never_built_on(project: Project) -> None:
    for name, tally in flips_in(project, seed=0, part=25):
        assert tally.tried >= 4, name
        assert not tally.wrong, tally.told
