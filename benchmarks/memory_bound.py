"""Shows that a scan's memory stays bounded: photographs in, a table of images done and MiB out.

Crosses in: a folder of photographs, from which many small pictures and a few of 40 megapixels are made. Crosses
out: Markdown on stdout and, with --output, in a file. The scan runs in a process of its own, whose resident
memory is looked at 20 times a second. Then the unchanged folder is scanned again. It needs Linux and the `test` extra.

    python -m benchmarks.memory_bound examples/photos/originals --images 50000 --large 6 --output memory.md
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from benchmarks.machine import describe_machine, machine_facts, portable_command
from benchmarks.many_images import Made, make_images

ROOT = Path(__file__).resolve().parent.parent
INTERVAL = 0.05
MIB = 1 << 20
SHARES = (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of the images at which the table has a row."""
SETTLED = 0.2
"""Share of the images after which memory no longer grows for other reasons than their number."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the scan: how far it is, and its resident memory in bytes."""

    seconds: float
    stage: str
    done: int
    memory: int


@dataclass(slots=True)
class Watched:
    """One scan.

    Attributes:
        samples: in order of time.
        summary: of the result, as ``copylens scan --json`` writes it.
        seconds: from the start of the process to its end.
    """

    samples: list[Sample] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def peak(self) -> int:
        """The highest memory seen, in bytes."""
        return max(sample.memory for sample in self.samples)


def main() -> int:
    """Make the pictures, scan them twice, print the tables."""
    options = parse_arguments()
    facts = machine_facts()
    with tempfile.TemporaryDirectory(prefix="memory-bound-", dir=options.work) as scratch:
        folder = Path(scratch) / "images"
        try:
            made = make_images(options.photographs, folder, options.images, options.large, seed=options.seed)
        except ValueError as problem:
            print(f"memory_bound: {problem}", file=sys.stderr)
            return 2
        print(f"made {made.images} pictures, {made.size / MIB:.0f} MiB", file=sys.stderr, flush=True)
        scans = [watch(folder, Path(scratch) / "catalog.db", options.engine) for _ in range(2)]
    page = "\n".join(
        [
            f"`{portable_command('benchmarks.memory_bound')}`",
            f"({describe_machine(facts)})",
            "",
            *describe(made, *scans),
        ]
    )
    print(page)
    if options.output:
        options.output.write_text(page + "\n", encoding="utf-8")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="memory_bound", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photographs", type=Path, help="folder of photographs to make pictures from")
    parser.add_argument("--images", type=int, default=50_000, metavar="N", help="pictures to make")
    parser.add_argument(
        "--large", type=int, default=6, metavar="N", help="of 40 megapixels among them: JPEG, PNG"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the pictures")
    parser.add_argument("--engine", default="auto", help="of the scan, as copylens scan takes it")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="where the pictures are made for the time of the run"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="Markdown file to write")
    return parser.parse_args()


def watch(folder: Path, catalog: Path, engine: str) -> Watched:
    """Scan a folder in another process and look at its memory until it ends.

    Raises:
        RuntimeError: the scan failed.
    """
    watched = Watched()
    started = time.perf_counter()
    places = [str(path.resolve()) for path in (folder, catalog)]
    command = [sys.executable, "-m", "benchmarks.watched_scan", *places, engine]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        state = ["start", "0"]
        reader = threading.Thread(target=_read, args=(process.stdout, state, watched))
        reader.start()
        handle = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                memory = handle.memory_info().rss
            except psutil.NoSuchProcess:
                break
            if memory:
                now = time.perf_counter() - started
                watched.samples.append(Sample(now, state[0], int(state[1]), memory))
            time.sleep(INTERVAL)
        reader.join()
    watched.seconds = time.perf_counter() - started
    if process.returncode != 0 or not watched.summary:
        raise RuntimeError(f"the scan ended with status {process.returncode}")
    return watched


def _read(lines: Any, state: list[str], watched: Watched) -> None:
    """Keep the last progress in `state`, and the result."""
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "result":
            watched.summary = json.loads(rest)
        elif word == "progress":
            state[:] = rest.split()[:2]


def describe(made: Made, first: Watched, again: Watched) -> list[str]:
    """Write what was seen, in Markdown."""
    return [
        f"{made.images:,} different pictures, {made.large} of them of 40 megapixels, "
        f"{made.size / MIB:,.0f} MiB of files.",
        "",
        "| Stage | Images done | Seconds | MiB | Highest MiB since the row before |",
        "|---|---:|---:|---:|---:|",
        *table_rows(first.samples, made.images),
        "",
        "| Scan | Seconds | Described | Reused | Skipped | Matches | Peak MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(scan_row(name, scan) for name, scan in (("first", first), ("again, unchanged", again))),
        "",
        f"Bytes for each image: {growth(first.samples, 'find', made.images):,.0f} while finding files, "
        f"{slope(first.samples, made.images):,.0f} while describing (the middle slope from {SETTLED:.0%} on; of a few "
        "thousand images it is mostly noise).",
    ]


def table_rows(samples: Sequence[Sample], images: int) -> list[str]:
    """One row at the end of each stage, and at `SHARES` of the images while they are described."""
    marks = []
    for stage in dict.fromkeys(sample.stage for sample in samples):
        within = [place for place, sample in enumerate(samples) if sample.stage == stage]
        if stage == "describe":
            reached = [
                next((place for place in within if samples[place].done >= share * images), within[-1])
                for share in SHARES
            ]
            marks += sorted(set(reached))
        else:
            marks.append(within[-1])
    rows, before = [], 0
    for mark in marks:
        sample = samples[mark]
        highest = max(other.memory for other in samples[before : mark + 1])
        rows.append(
            f"| {sample.stage} | {sample.done:,} | {sample.seconds:.1f} | {sample.memory / MIB:.0f} "
            f"| {highest / MIB:.0f} |"
        )
        before = mark + 1
    return rows


def scan_row(name: str, scan: Watched) -> str:
    """One scan as a row."""
    counts = [f"{scan.summary[key]:,}" for key in ("described", "reused", "skipped", "matches")]
    return f"| {name} | {scan.seconds:.1f} | {' | '.join(counts)} | {scan.peak / MIB:.0f} |"


def growth(samples: Sequence[Sample], stage: str, images: int) -> float:
    """Bytes for each image by which memory grew over a stage, from the last sample before it."""
    places = [place for place, sample in enumerate(samples) if sample.stage == stage]
    if not places:
        return 0.0
    highest = max(samples[place].memory for place in places)
    return (highest - samples[max(places[0] - 1, 0)].memory) / images


def slope(samples: Sequence[Sample], images: int) -> float:
    """Bytes for each image while describing: the middle one of the slopes between early and late samples.

    Large pictures raise memory for a moment; a middle value does not see them, where a mean would.
    """
    settled = [
        (sample.done, sample.memory)
        for sample in samples
        if sample.stage == "describe" and sample.done >= SETTLED * images
    ]
    half = len(settled) // 2
    slopes = sorted(
        (late[1] - early[1]) / (late[0] - early[0])
        for early, late in zip(settled[:half], settled[-half:] if half else [], strict=True)
        if late[0] > early[0]
    )
    return slopes[len(slopes) // 2] if slopes else 0.0


if __name__ == "__main__":
    sys.exit(main())
