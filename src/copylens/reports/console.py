"""Findings in, the summary that ends a scan out: short, and worth reading."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from copylens.records import SKIP_CODES, Findings, Group
from copylens.reports.document import Summary, summarise

if TYPE_CHECKING:
    from rich.console import Console

PREVIEW_GROUPS = 5
PREVIEW_MEMBERS = 3

KIND_WORDS = {"bytes": "same bytes", "pixels": "same pixels", "near": "edited"}


def human_bytes(count: int) -> str:
    """A number of bytes for people: ``"1.4 MB"``; powers of 1,000, as disks are sold."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def printable(path: str) -> str:
    """A path on a terminal: control characters and undecodable bytes become escapes."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def render_summary(findings: Findings, console: Console) -> None:
    """Print the numbers, the largest groups and what was skipped."""
    summary = summarise(findings)
    lines = [*_headline(findings, summary), *_largest(findings), *_skipped(findings, summary), _timing(summary)]
    for line in lines:
        # Never rich's markup: a file may be called [red].jpg.
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _plural(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _headline(findings: Findings, summary: Summary) -> list[str]:
    if not summary.groups:
        return [f"No copies found among {_plural(summary.images, 'image')}."]
    copies = _plural(summary.copies, "copy", "copies")
    where = "of known images" if findings.against else f"in {_plural(summary.groups, 'group')}"
    return [
        f"{copies} {where} among {_plural(summary.images, 'image')}; "
        f"{human_bytes(summary.reclaimable_bytes)} could be freed.",
        f"  {_plural(summary.exact_groups, 'group')} of exact copies, {summary.near_groups:,} with edited ones"
        f" (score from {findings.threshold:.3f}, {findings.model.name})",
    ]


def _largest(findings: Findings) -> list[str]:
    if not findings.groups:
        return []
    lines = [""]
    for group in findings.groups[:PREVIEW_GROUPS]:
        lines += _group_lines(findings, group)
    if len(findings.groups) > PREVIEW_GROUPS:
        lines.append(f"  ... and {_plural(len(findings.groups) - PREVIEW_GROUPS, 'more group')}")
    return lines


def _group_lines(findings: Findings, group: Group) -> list[str]:
    keeper = findings.images[group.keeper]
    size = f"{keeper.width} x {keeper.height}, {human_bytes(keeper.size)}"
    lines = [f"  keep  {printable(group.keeper)}  ({size})"]
    for member in group.members[:PREVIEW_MEMBERS]:
        lines.append(f"  {member.score:.3f} {printable(member.path)}  ({KIND_WORDS[member.kind]})")
    if len(group.members) > PREVIEW_MEMBERS:
        lines.append(f"        and {len(group.members) - PREVIEW_MEMBERS:,} more")
    return lines


def _skipped(findings: Findings, summary: Summary) -> list[str]:
    if not summary.skipped:
        return []
    lines = ["", f"{_plural(summary.skipped, 'file')} skipped:"]
    first = {item.code: item for item in reversed(findings.skipped)}
    for code, count in summary.skipped_by_code.items():
        lines.append(f"  {count:,} x {SKIP_CODES.get(code, code)}, e.g. {printable(first[code].path)}")
    return lines


def _timing(summary: Summary) -> str:
    speed = f", {summary.images_per_second:,.0f} images/s" if summary.described else ""
    reused = f", {summary.reused:,} known from before" if summary.reused else ""
    return f"\n{summary.described:,} images described{reused}, in {summary.seconds:.1f} s{speed}."
