"""The number of cores there are to work with."""

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """Return the number of cores that this process may use: those it may run on, or fewer if its container has fewer.

    A container's share of the processors is a quota of time, which the number of cores does not show.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, container_quota())))


def container_quota(cgroups: Path = _CGROUPS, own_cgroup: Path = _OWN_CGROUP) -> float:
    """Return how many processors' time the container may use, infinity if it is not limited (Linux, cgroup version 2).

    Args:
        cgroups: where the kernel shows control groups; the limits of all groups around a process hold for it.
        own_cgroup: names the group of this process.
    """
    try:
        lines = own_cgroup.read_text().splitlines()
    except OSError:
        return math.inf
    group = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    folder = cgroups / group
    return min(_quota(each / "cpu.max") for each in (folder, *folder.parents) if each.is_relative_to(cgroups))


def _quota(path: Path) -> float:
    """Read a quota in microseconds of processor time and the period of time that it is for."""
    try:
        quota, period = path.read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # the root has no such file, and no limit reads `max`
        return math.inf
