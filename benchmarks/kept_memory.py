"""Measures what it costs a training on a CPU to hand memory back to the system at every step.

Two children make the same passes of a network, one with `keep_freed_memory`; printed are their processor time and the
pages they had to ask for.

    python -m benchmarks.kept_memory
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

import torch

from copylens.networks.sscd import SSCDNetwork
from copylens.training.allocation import keep_freed_memory

BACKBONE, SIZE, ROWS = "tf_efficientnet_lite0", 128, 96


def passes(count: int) -> str:
    """Forward and backward passes in bfloat16; a row of the table."""
    torch.set_num_threads(1)
    network = SSCDNetwork(BACKBONE, 256).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.randn(ROWS, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    before = resource.getrusage(resource.RUSAGE_SELF)
    for step in range(count + 1):
        if step == 1:
            before = resource.getrusage(resource.RUSAGE_SELF)
        with torch.autocast("cpu", torch.bfloat16):
            descriptors = network(pixels)
        descriptors.square().sum().backward()
    after = resource.getrusage(resource.RUSAGE_SELF)
    user, system = (after.ru_utime - before.ru_utime) / count, (after.ru_stime - before.ru_stime) / count
    pages = (after.ru_minflt - before.ru_minflt) / count
    return f"{user:.2f} | {system:.2f} | {pages:,.0f} | {after.ru_maxrss / 1024:,.0f} |"


def main() -> None:
    """Run both children and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passes", type=int, default=6)
    parser.add_argument("--child", choices=("kept", "handed back"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child is not None:
        if chosen.child == "kept" and not keep_freed_memory():
            raise SystemExit("This C library takes no such settings.")
        print(passes(chosen.passes))
        return
    print("| freed memory is | user s a pass | system s a pass | pages asked for a pass | MiB at most |")
    print("|---|---:|---:|---:|---:|")
    for child in ("handed back", "kept"):
        command = [
            sys.executable,
            "-m",
            "benchmarks.kept_memory",
            "--passes",
            str(chosen.passes),
            "--child",
            child,
        ]
        print(f"| {child} | {subprocess.check_output(command, text=True).strip()}", flush=True)


if __name__ == "__main__":
    main()
