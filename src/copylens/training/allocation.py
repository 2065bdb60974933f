"""A training on a CPU in; memory that is freed and wanted again at every step stays with the process, out."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Numbers of the parameters in glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Have glibc keep what PyTorch frees instead of handing it back to the system at once.

    Every step allocates the same large tensors anew; each time the system must find pages and fill them with zeros.
    docs/performance.md has what that costs.

    Returns:
        Whether this C library took both settings; others are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
