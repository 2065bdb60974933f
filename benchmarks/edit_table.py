"""Results of evaluations of one exam in, one Markdown table of recall at 1 by edit out, all systems beside each other.

Peers are evaluated with one view and a model of ours with several sets of views: those are separate evaluations.

    copylens evaluate exam EXAM --model sscd-int8 --model sscd-student --output peers
    copylens evaluate exam EXAM --views fast --views balanced --views thorough --output ours
    python -m benchmarks.edit_table peers ours
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.machine import portable_command
from benchmarks.marked_pages import is_marked, marks, replace_between

from copylens.evaluation.documents import read_result
from copylens.evaluation.results import Evaluation, Slice, SystemResult

NAME = "edit_table"
SEVERAL = "several edits"
LOW = 0.5
"""Rates below are set in bold."""


def main() -> int:
    """Read the results, print the table."""
    options = parse_arguments()
    evaluations = [read_result(folder / "result.json") for folder in options.runs]
    systems = chosen(evaluations, options.leave_out)
    lines = [f"`{portable_command(f'benchmarks.{NAME}')}`", "", *table(systems)]
    print("\n".join(lines))
    if options.page:
        replace_between(options.page, NAME, lines)
    return 0


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=NAME, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of copylens evaluate")
    parser.add_argument("--leave-out", action="append", default=[], metavar="LABEL", help="a system; repeat")
    parser.add_argument("--page", type=Path, help="Markdown file whose table is replaced")
    options = parser.parse_args(words)
    if options.page and not is_marked(options.page, NAME):
        parser.error(f"--page: {options.page} has to be a file with the lines {' and '.join(marks(NAME))}")
    return options


def chosen(evaluations: Iterable[Evaluation], leave_out: Iterable[str] = ()) -> list[SystemResult]:
    """All systems, in order; one that stands in several evaluations once.

    Raises:
        ValueError: they judge different queries, so their rates cannot stand beside each other.
    """
    systems: dict[str, SystemResult] = {}
    for evaluation in evaluations:
        for system in evaluation.systems:
            systems.setdefault(system.label, system)
    left = [system for label, system in systems.items() if label not in set(leave_out)]
    kinds = {(system.origin.benchmark_digest, system.origin.rule) for system in left}
    if len(kinds) != 1:
        raise ValueError("These are evaluations of different exams or candidates; give those of one.")
    return left


def table(systems: Sequence[SystemResult]) -> list[str]:
    """A row for each edit, what fails most in all systems together first; then the mixes."""
    rates = [
        {edit.name: edit.alone for edit in system.by_edit} | {SEVERAL: system.several_edits}
        for system in systems
    ]
    names = sorted(
        (name for name in rates[0] if name != SEVERAL), key=lambda name: (sum_of(rates, name), name)
    )
    lines = [
        f"| recall at 1, edit alone | copies | {' | '.join(system.label for system in systems)} |",
        f"|---|---:|{'---:|' * len(systems)}",
    ]
    for name in [*names, SEVERAL]:
        first = rates[0][name]
        cells = " | ".join(cell(found.get(name)) for found in rates)
        lines.append(f"| {name} | {first.pairs if first else 0} | {cells} |")
    return lines


def sum_of(rates: Sequence[dict[str, Slice | None]], name: str) -> float:
    """Of the rates of all systems."""
    found = [part.get(name) for part in rates]
    return sum(part.recall_at_1 or 0.0 for part in found if part is not None)


def cell(part: Slice | None) -> str:
    """A rate, bold where it is low."""
    if part is None or part.recall_at_1 is None:
        return "–"
    text = f"{part.recall_at_1:.2f}"
    return f"**{text}**" if part.recall_at_1 < LOW else text


if __name__ == "__main__":
    sys.exit(main())
