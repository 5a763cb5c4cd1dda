"""The number of cores: never more than a container may use."""

import math
from pathlib import Path

import pytest

from curation.core import cores


def _container(folder: Path, *limits: str, own: str = "0::/a/b\n") -> float:
    """Return the quota where the groups `/`, `/a` and `/a/b` have these limits."""
    for place, limit in zip(("", "a", "a/b"), limits, strict=False):
        (folder / "groups" / place).mkdir(parents=True, exist_ok=True)
        if limit:
            (folder / "groups" / place / "cpu.max").write_text(limit)
    (folder / "own").write_text(own)
    return cores.container_quota(folder / "groups", folder / "own")


@pytest.mark.parametrize(
    ("limits", "quota"),
    [
        (("", "max 100000\n", "150000 100000\n"), 1.5),
        (("", "200000 100000\n", "max 100000\n"), 2),
        (("400000 100000\n", "800000 100000\n"), 4),
        (("", "", ""), math.inf),
        (("", "nonsense"), math.inf),
    ],
)
def test_the_smallest_quota_around_a_process_holds(tmp_path: Path, limits: tuple[str, ...], quota: float) -> None:
    assert _container(tmp_path, *limits) == quota


def test_systems_without_control_groups_have_no_quota(tmp_path: Path) -> None:
    assert cores.container_quota(tmp_path, tmp_path / "absent") == math.inf
    assert _container(tmp_path, "100000 100000", own="4:cpu:/docker\n0::/\n") == 1
    assert _container(tmp_path, "", own="4:cpu:/docker\n") == 1


def test_a_part_of_a_core_is_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for quota, number in ((0.3, 1), (1.5, min(2, cores.available_cores())), (math.inf, cores.available_cores())):
        monkeypatch.setattr(cores, "container_quota", lambda quota=quota: quota)
        assert cores.available_cores() == number
