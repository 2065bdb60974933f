"""A device in, what it is in words, for the card of a model that was trained on it, out."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from copylens.training.processes import Processes

PROCESSORS = Path("/proc/cpuinfo")


def hardware_of(processes: Processes) -> str:
    """Say on what a training runs, e.g. ``"AMD EPYC, 2 threads"`` or ``"2 x NVIDIA H100"``."""
    if processes.device.type == "cuda":
        one = torch.cuda.get_device_name(processes.device)
    else:
        threads = torch.get_num_threads()
        one = f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}"
    return one if processes.world == 1 else f"{processes.world} x {one}"


def _processor() -> str:
    if PROCESSORS.is_file():
        for line in PROCESSORS.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
