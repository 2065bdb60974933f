"""What one run of a command costs: a command in; wall time, processor time and peak memory out. Linux only.

Wall time is that of the whole process, from start to end. Memory is that of the whole process tree: the peak
of the only process as the kernel counted it or, while there are several, the sum of their proportional set
sizes (memory that processes share is counted once), looked at ten times a second.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.1
"""Seconds between two looks at the memory."""

KIB_PER_MIB = 1024
TAIL = 3
"""Lines of what a failed command said that are shown."""


class RunFailed(Exception):  # noqa: N818
    """The command failed or ran too long; the message tells which, with the end of what it said."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost.

    Attributes:
        wall: seconds from start to end.
        cpu: seconds of processor time, of all processes.
        peak: mebibytes.
    """

    wall: float
    cpu: float
    peak: float


def measure(command: list[str], log: Path, timeout: float) -> Cost:
    """Run a command and tell its cost; what it prints goes to the log.

    Raises:
        RunFailed: it ended with another status than 0, or was still running at the timeout.
    """
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        peak, finished = 0.0, False
        try:
            peak, finished = _watch(process.pid, started + timeout)
        finally:
            if not finished:
                os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    said = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-TAIL:])
    if not finished:
        raise RunFailed(f"still running after {timeout:.0f} s\n{said}")
    if process.returncode != 0:
        raise RunFailed(f"exit status {process.returncode}\n{said}")
    largest = usage.ru_maxrss / KIB_PER_MIB
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=max(peak, largest))


def _watch(pid: int, deadline: float) -> tuple[float, bool]:
    """Wait for a process; tell the peak of its tree while that had several, and whether it ended."""
    peak = 0.0
    handle = os.pidfd_open(pid)
    try:
        while time.perf_counter() < deadline:
            if select.select([handle], [], [], INTERVAL)[0]:
                return peak, True
            tree = _tree(pid)
            if len(tree) > 1:
                peak = max(peak, sum(_proportional(member) for member in tree))
    finally:
        os.close(handle)
    return peak, False


def _tree(pid: int) -> list[int]:
    """List a process and all that descend from it."""
    members = [pid]
    for member in members:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                members += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return members


def _proportional(pid: int) -> float:
    """Tell a process's proportional set size in mebibytes; 0 when it has just ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / KIB_PER_MIB
    except OSError:
        pass
    return 0.0
