r"""Compares CopyLens with other tools that find copies of images: speed, memory, precision, recall.

Crosses in: a folder of images, the truth about it, the Pythons that the tools are installed in. Crosses out:
a Markdown table on stdout and, with --output, a JSON file with every run. The tools run one after the other,
in turns, each in its own process, over the same files, which have been read once before. benchmarks/README.md
tells how to install them.

    python -m benchmarks.scan_peers FOLDER --truth truth.csv --tools copylens,immaculate-pdq \
        --python-immaculate PYTHON --output peers.json
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.machine import machine_facts, portable_command
from benchmarks.peers.measuring import Cost, RunFailed, measure
from benchmarks.peers.truth import Pair, Score, Truth, TruthError, judge, ordered, read_truth, recall_by_edit

ADAPTERS = Path(__file__).parent / "peers"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".jp2", ".heic"}
TOOLS = {"copylens": "default", "immaculate": "pdq", "imagededup": "phash"}
"""The tools, each with the method that its bare name means."""
NUMBERS = 13
"""Columns of the table that hold numbers."""


@dataclass(slots=True)
class Tool:
    """A tool with a method, and what its runs gave.

    Attributes:
        name: as on the command line, such as ``immaculate-pdq``.
        command: the adapter up to its last argument, the file it writes.
        options: what comes after that file.
        costs: of each run.
        failure: why a run failed; the tool is not run again.
        found: what its last run wrote.
    """

    name: str
    command: list[str]
    options: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    failure: str = ""
    found: Findings | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a tool reports.

    Attributes:
        version: of the tool.
        threshold: its own default, in words.
        pairs: the pairs it reports; for a tool that reports only sets, the pairs of each set.
        grouped: the pairs of each set it reports; none for a tool that reports only pairs.
        judged: whether the pairs tell anything.
        skipped: files that it could not read; None for a tool that does not tell.
    """

    version: str
    threshold: str
    pairs: set[Pair]
    grouped: set[Pair] | None
    judged: bool
    skipped: int | None


def main() -> int:
    """Measure the tools in turns, print the table, write the JSON."""
    options = parse_arguments()
    folder = options.folder.resolve()
    try:
        truth = read_truth(options.truth, folder)
        tools = [make_tool(name, options) for name in options.tools.split(",")]
    except (OSError, TruthError, ValueError) as problem:
        print(f"scan_peers: {problem}", file=sys.stderr)
        return 2
    images = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    for path in images:
        path.read_bytes()
    facts = machine_facts()
    for turn in range(options.repeats):
        for tool in [tool for tool in tools if not tool.failure]:
            run(tool, folder, options.timeout)
            print(f"turn {turn + 1}: {tool.name} {describe_last(tool)}", file=sys.stderr, flush=True)
    rows = [summarise(tool, truth, len(images), with_originals=options.pairs == "original") for tool in tools]
    print(table(rows, len(images), options))
    if options.output:
        command = portable_command("benchmarks.scan_peers")
        document = {"machine": facts, "command": command, "images": len(images), "tools": rows}
        options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if any(tool.failure for tool in tools) else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scan_peers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of images, searched with its subfolders")
    parser.add_argument(
        "--truth", type=Path, required=True, help="CSV file; see peers/truth.py for its layouts"
    )
    parser.add_argument(
        "--tools",
        default="copylens,immaculate-pdq",
        help="TOOL or TOOL-METHOD, separated by commas; copylens-MODEL:ENGINE:VIEWS too, or a part of it",
    )
    for tool in TOOLS:
        parser.add_argument(
            f"--python-{tool}", default=sys.executable, metavar="PATH", help=f"Python with {tool}"
        )
    parser.add_argument(
        "--copylens-options", default="", metavar="TEXT", help="more options for copylens scan"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, metavar="N", help="runs of each tool; the median is shown"
    )
    parser.add_argument("--timeout", type=float, default=3600, metavar="SECONDS", help="of one run")
    parser.add_argument(
        "--pairs",
        choices=("all", "original"),
        default="all",
        help="judge all pairs, or those with an original",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON file to write")
    return parser.parse_args()


def make_tool(name: str, options: argparse.Namespace) -> Tool:
    """Make the tool of that name, with its adapter's command.

    Raises:
        ValueError: there is no such tool, or an engine is named for another tool than CopyLens.
    """
    chosen, _, given = name.partition(":")
    engine, _, views = given.partition(":")
    tool, _, method = chosen.partition("-")
    if tool not in TOOLS:
        raise ValueError(f"there is no tool {tool}; there are {', '.join(TOOLS)}.")
    if given and tool != "copylens":
        raise ValueError(f"{name}: only copylens takes an engine.")
    python = getattr(options, f"python_{tool}")
    command = [python, str(ADAPTERS / f"run_{tool}.py"), str(options.folder.resolve()), method or TOOLS[tool]]
    if tool != "copylens":
        return Tool(name, command)
    own = [*(["--engine", engine] if engine else []), *(["--views", views] if views else [])]
    return Tool(name, command, [*own, *shlex.split(options.copylens_options)])


def run(tool: Tool, folder: Path, timeout: float) -> None:
    """Run a tool once, from nothing, and keep what it cost and found."""
    with tempfile.TemporaryDirectory(prefix="scan-peers-") as scratch:
        out = Path(scratch) / "found.json"
        try:
            cost = measure([*tool.command, str(out), *tool.options], Path(scratch) / "log.txt", timeout)
            tool.found = read_findings(json.loads(out.read_text(encoding="utf-8")), folder)
        except (RunFailed, OSError, ValueError, KeyError) as problem:
            tool.failure = str(problem)
            return
        tool.costs.append(cost)


def read_findings(document: dict[str, Any], folder: Path) -> Findings:
    """Read what a tool wrote: an adapter's JSON object, or the one of ``copylens scan --json``."""
    groups: list[list[str]] | None
    skipped: int | None
    if "matches" in document:
        pairs = [(match["query"], match["reference"]) for match in document["matches"]]
        groups = [
            [group["keeper"], *(member["path"] for member in group["members"])]
            for group in document["groups"]
        ]
        version = f"copylens {document['copylens']}, {document['model']['name']}"
        skipped = len(document["skipped"])
    else:
        pairs, groups, version = document["pairs"], document.get("groups"), document["version"]
        skipped = document.get("skipped")
    return Findings(
        version=version,
        threshold=str(document["threshold"]),
        pairs={relative_pair(one, other, folder) for one, other in pairs},
        grouped=None if groups is None else pairs_within(groups, folder),
        judged=document.get("judged", True),
        skipped=skipped,
    )


def pairs_within(groups: list[list[str]], folder: Path) -> set[Pair]:
    """Pair every two members of a group."""
    return {relative_pair(*pair, folder) for group in groups for pair in combinations(sorted(set(group)), 2)}


def relative_pair(one: str, other: str, folder: Path) -> Pair:
    """Two paths, as a tool wrote them, relative to the folder."""
    return ordered(*((folder / path).relative_to(folder).as_posix() for path in (one, other)))


def describe_last(tool: Tool) -> str:
    if tool.failure:
        return f"failed: {tool.failure}"
    cost = tool.costs[-1]
    return f"{cost.wall:.2f} s, {cost.cpu:.2f} s of processor time, {cost.peak:.0f} MiB"


def summarise(tool: Tool, truth: Truth, images: int, *, with_originals: bool) -> dict[str, Any]:
    """One tool's row, as it is written to the JSON file."""
    row: dict[str, Any] = {
        "tool": tool.name,
        "options": tool.options,
        "runs": [asdict(cost) for cost in tool.costs],
    }
    if tool.failure or tool.found is None:
        return row | {"failed": tool.failure.splitlines()[0]}
    wall = statistics.median(cost.wall for cost in tool.costs)
    row |= {
        "version": tool.found.version,
        "threshold": tool.found.threshold,
        "skipped": tool.found.skipped,
        "wall": wall,
        "images_per_second": images / wall,
        "cpu": statistics.median(cost.cpu for cost in tool.costs),
        "peak": max(cost.peak for cost in tool.costs),
    }
    if not tool.found.judged:
        return row
    row["pairs"] = score_values(judge(tool.found.pairs, truth, with_originals=with_originals))
    row["recall_by_edit"] = recall_by_edit(tool.found.pairs, truth)
    if tool.found.grouped is not None:
        row["groups"] = score_values(judge(tool.found.grouped, truth, with_originals=with_originals))
    return row


def score_values(score: Score) -> dict[str, Any]:
    return asdict(score) | {"precision": score.precision, "recall": score.recall}


def table(rows: list[dict[str, Any]], images: int, options: argparse.Namespace) -> str:
    """Write the rows in Markdown; time and memory also as multiples of those of the first CopyLens."""
    base = next((row for row in rows if row["tool"].startswith("copylens") and "wall" in row), None)
    which = (
        "with an original on at least one side" if options.pairs == "original" else "of files of one original"
    )
    lines = [
        f"{images} images; median wall time of {options.repeats} runs in turns; pairs {which}; "
        f"other programs used {percent(share_of_others(rows))} of the processor.",
        "",
        "| Tool | Its own threshold | Wall s | Images/s | CPU s | Peak MiB | Time × | CPU × | Memory × "
        "| Skipped | Pairs found | Precision | Recall | Grouped P | Grouped R |",
        "|---|---|" + "---:|" * NUMBERS,
    ]
    lines += ["| " + " | ".join(table_cells(row, base)) + " |" for row in rows]
    return "\n".join(lines)


def share_of_others(rows: list[dict[str, Any]]) -> float | None:
    """Tell which share of the processor other programs used while the tools ran."""
    runs = [run for row in rows for run in row["runs"]]
    if not runs:
        return None
    cores = len(os.sched_getaffinity(0))
    share: float = sum(run["others"] for run in runs) / (cores * sum(run["wall"] for run in runs))
    return share


def table_cells(row: dict[str, Any], base: dict[str, Any] | None) -> list[str]:
    if "wall" not in row:
        return [row["tool"], row.get("failed", "no run"), *["–"] * NUMBERS]
    times = [f"{row[key] / base[key]:.2f}" if base else "–" for key in ("wall", "cpu", "peak")]
    speed = [
        f"{row['wall']:.2f}",
        f"{row['images_per_second']:.1f}",
        f"{row['cpu']:.2f}",
        f"{row['peak']:.0f}",
    ]
    pairs, groups = row.get("pairs", {}), row.get("groups", {})
    skipped = "–" if row["skipped"] is None else str(row["skipped"])
    quality = [str(pairs.get("found", "–")), percent(pairs.get("precision")), percent(pairs.get("recall"))]
    quality += [percent(groups.get("precision")), percent(groups.get("recall"))]
    return [row["tool"], row["threshold"], *speed, *times, skipped, *quality]


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
