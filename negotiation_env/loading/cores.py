"""The cores that models in this process use, and how threads that share a piece of work wait for one another.

OpenMP's threads spin while they wait. On cores that others use too, the one that all wait for is often the one that
does not run, and the others spin its time away. So they sleep here (`measurements/thread_waits.py`). There are as many
as there are cores, or as the process may use of them.

Their number does not follow the load: the last digits of log-probabilities hang on it, and a run that is resumed has to
go on as it began. `OMP_NUM_THREADS` and `OMP_WAIT_POLICY`, where they are set, say otherwise.
"""

import os
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Final

__all__ = ["share_cores"]

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use of the machine: microseconds of processor in a period, or "max", and the period."""


def share_cores(quota: Path = _QUOTA) -> None:
    """Set up threads for sharing; has to come before torch is imported, which reads this once."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    granted = _granted(quota)
    if granted < (os.cpu_count() or 1):
        os.environ.setdefault("OMP_NUM_THREADS", str(granted))


def _granted(quota: Path) -> float:
    """The cores that a container's quota comes to, at least 1; infinity where there is none."""
    with suppress(OSError, ValueError):
        used, period = map(int, quota.read_text(encoding="ascii").split())
        return max(1, ceil(used / period))
    return float("inf")
