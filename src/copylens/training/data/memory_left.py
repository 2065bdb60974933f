"""Nothing in, the bytes of memory that this process may still take out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def memory_left(meminfo: Path = _MEMINFO, group: Path = _GROUP) -> int | None:
    """Say how much memory is free: the system's, or less where a container has a limit; None when unknown."""
    known = [left for left in (_system(meminfo), _container(group)) if left is not None]
    return min(known, default=None)


def _system(meminfo: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    # Elsewhere only the whole is known without another package: better than no bound.
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _container(group: Path) -> int | None:
    with suppress(OSError, ValueError):
        limit = _number(group / "memory.max")
        used = _number(group / "memory.current")
        # Pages of files count as used, and are given back when they are needed.
        cached = _values((group / "memory.stat").read_text(encoding="ascii").splitlines()).get("file", 0)
        return max(0, limit - used + cached)
    return None


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _values(lines: Iterable[str]) -> dict[str, int]:
    return {name: int(value) for name, _, value in (line.partition(" ") for line in lines)}
