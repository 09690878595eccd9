"""Memory that a model in this process gives back and needs again at once: it is kept.

A forward pass over many tokens makes and drops tensors of tens of megabytes, layer by layer. glibc hands such blocks to
the system as soon as they are free, and the system clears every page anew when it is touched again, until glibc has
learnt better: a seventh of what a process's first long prompts take (`measurements/freed_memory.py`). So up to a
gigabyte stays with the process.
"""

import ctypes
import platform
from typing import Final

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD: Final = -1  # of glibc's mallopt: how much that is free stays with the process
_MMAP_THRESHOLD: Final = -3  # and from which size on a block goes back to the system when it is freed
_KEPT: Final = 2**30


def keep_freed_memory() -> bool:
    """Keep up to a gigabyte of freed memory for later, in the whole process.

    Returns:
        Whether that could be asked for: only glibc knows it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(setting, _KEPT) == 1 for setting in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
