"""What one run of a command costs: a command in; wall time, processor time and peak memory out. Linux only.

Wall time is that of the whole process, from start to end. Memory is that of the whole process tree: the peak
of the only process as the kernel counted it or, while there are several, the sum of their proportional set
sizes (memory that processes share is counted once), looked at ten times a second. What other programs took of
the processor meanwhile is told too: a figure measured beside them is worth little.
"""

from __future__ import annotations

import os
import resource
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
        others: seconds of processor time that other programs used in that time.
    """

    wall: float
    cpu: float
    peak: float
    others: float


def measure(command: list[str], log: Path, timeout: float) -> Cost:
    """Run a command and tell its cost; what it prints goes to the log.

    Raises:
        RunFailed: it ended with another status than 0, or was still running at the timeout.
    """
    with log.open("wb") as output:
        # Until the command is loaded, the kernel counts this process's memory as the command's.
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB
        busy, started = _busy_seconds(), time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        seen, finished = 0.0, False
        try:
            seen, finished = _watch(process.pid, started + timeout)
        finally:
            if not finished:
                os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        wall, busy = time.perf_counter() - started, _busy_seconds() - busy
    process.returncode = os.waitstatus_to_exitcode(status)
    said = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-TAIL:])
    if not finished:
        raise RunFailed(f"still running after {timeout:.0f} s\n{said}")
    if process.returncode != 0:
        raise RunFailed(f"exit status {process.returncode}\n{said}")
    cpu, counted = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / KIB_PER_MIB
    peak = max(seen, counted) if counted > floor else seen
    return Cost(wall=wall, cpu=cpu, peak=peak, others=max(0.0, busy - cpu))


def _watch(pid: int, deadline: float) -> tuple[float, bool]:
    """Wait for a process; tell the peak that was seen of its tree, and whether it ended."""
    peak = 0.0
    handle = os.pidfd_open(pid)
    try:
        while time.perf_counter() < deadline:
            tree = _tree(pid)
            if len(tree) > 1:
                peak = max(peak, sum(_kib(member, "smaps_rollup", "Pss:") for member in tree) / KIB_PER_MIB)
            else:
                peak = max(peak, _kib(pid, "status", "VmHWM:") / KIB_PER_MIB)
            if select.select([handle], [], [], INTERVAL)[0]:
                return peak, True
    finally:
        os.close(handle)
    return peak, False


def _busy_seconds() -> float:
    """Tell the processor time that all programs have used since the machine started."""
    fields = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _, _, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


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


def _kib(pid: int, file: str, key: str) -> int:
    """Read a size of a process; 0 when it has just ended."""
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
