"""The machine in, what figures depend on out: facts for a JSON file, and one line for a page. Linux only."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def machine_facts() -> dict[str, Any]:
    """Tell what the numbers depend on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
    }


def describe_machine(facts: dict[str, Any]) -> str:
    """Tell the same as a line: ``2026-11-25, AMD EPYC, 2 cores, 23.5 GiB, Linux-…``."""
    day = facts["date"].partition("T")[0]
    return (
        f"{day}, {facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}"
    )


def portable_command(module: str) -> str:
    """Repeat the command that is running, absolute paths cut to their last part."""
    given = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", module, *given])
