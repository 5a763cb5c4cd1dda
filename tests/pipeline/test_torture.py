"""A part of `make torture` that needs a project: kills of whole runs, and changed bytes in its cache."""

import numpy as np
import pytest

from tests.pipeline.project import Project
from tests.torture.flips import flips_in
from tests.torture.kills import chain, moments, undisturbed
from tests.torture.tally import Tally

pytestmark = pytest.mark.slow


@pytest.mark.cold
@pytest.mark.long
def test_kills_at_random_moments_and_the_same_command_again(project: Project) -> None:
    project.add_images("b")
    calm = project.copy(project.folder.parent.parent / "undisturbed")
    expected, tally = undisturbed(calm), Tally()
    chain(project, expected, moments(np.random.default_rng(5), 2), tally, "chain")
    assert tally.tried >= 1
    assert not tally.wrong, tally.told


def test_changed_bytes_are_found_and_never_built_on(project: Project) -> None:
    for name, tally in flips_in(project, seed=0, part=25):
        assert tally.tried >= 4, name
        assert not tally.wrong, tally.told
