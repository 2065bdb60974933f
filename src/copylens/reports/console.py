"""Findings in, the summary that ends a scan out: short, and worth reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from copylens.records import SKIP_CODES, Findings, Group
from copylens.reports.document import Summary, summarise
from copylens.reports.wording import (
    RELATION_WORDS,
    expected_false_words,
    human_bytes,
    kind_words,
    plural,
    printable,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PREVIEW_GROUPS = 5
PREVIEW_LINES = 3
"""Lines under a keeper: its copies, or the first of them and how many more there are."""

PREVIEW_REASONS = 6

Line = list[tuple[str, str]]
"""Pieces of text with their style; a console that is no terminal drops the styles."""


def render_summary(findings: Findings, console: Console) -> None:
    """Print the numbers, the largest groups and what was skipped, in at most 42 lines."""
    summary = summarise(findings)
    for line in _lines(findings, summary):
        console.print(_text(line), soft_wrap=True)


def _text(line: Line) -> Text:
    """Never a str, in which rich would look for markup and emoji: a file may be called ``[red]:cat:.jpg``."""
    from rich.text import Text

    return Text.assemble(*line)


def _lines(findings: Findings, summary: Summary) -> Iterator[Line]:
    yield from _headline(findings, summary)
    yield from _largest(findings)
    yield from _skipped(findings, summary)
    yield []
    yield from _ending(findings, summary)


def _headline(findings: Findings, summary: Summary) -> Iterator[Line]:
    if not summary.images:
        yield [("No images found.", "bold")]
        return
    images = f" among {plural(summary.images, 'image')}"
    if groups := summary.copy_groups:
        where = " of known images" if findings.against else f" in {plural(groups, 'group')}"
        yield [
            (plural(summary.copies, "copy", "copies"), "bold"),
            (f"{where}{images}; ", ""),
            (human_bytes(summary.reclaimable_bytes), "bold"),
            (" could be freed.", ""),
        ]
        kinds = [(summary.exact_groups, "of exact copies only"), (summary.near_groups, "with edited copies")]
        parts = [f"{plural(count, 'group')} {words}" for count, words in kinds if count]
        yield [(f"{', '.join(parts)}.", "dim")]
    else:
        yield [("No copies found", "bold"), (f"{images}.", "")]
    if summary.related:
        pairs = plural(summary.related, "pair")
        yield [(pairs, "bold"), (", one picture a part of the other: no copies, keep both.", "")]


def _largest(findings: Findings) -> Iterator[Line]:
    if not findings.groups:
        return
    yield []
    for group in findings.groups[:PREVIEW_GROUPS]:
        yield from _group(findings, group)
    more = len(findings.groups) - PREVIEW_GROUPS
    if more > 0:
        yield [(f"  ... and {plural(more, 'more group')}", "dim")]


def _group(findings: Findings, group: Group) -> Iterator[Line]:
    keeper = findings.images[group.keeper]
    first, other = ("  known  ", "  copy   ") if findings.against else ("  keep  ", "  copy  ")
    size = f"  ({keeper.width} x {keeper.height}, {human_bytes(keeper.size)})"
    yield [(first, "green"), (printable(group.keeper), ""), (size, "dim")]
    count = len(group.members)
    listed = count if count <= PREVIEW_LINES else PREVIEW_LINES - 1
    for member in group.members[:listed]:
        score = f", score {member.score:.3f}" if member.kind == "near" else ""
        yield [
            (f"{other}{printable(member.path)}", ""),
            (f"  ({kind_words(member.kind, member.view)}{score})", "dim"),
        ]
    if count > listed:
        yield [(f"{' ' * len(other)}and {plural(count - listed, 'more copy', 'more copies')}", "dim")]
    yield from _related(group, " " * (len(other) - 6))


def _related(group: Group, indent: str) -> Iterator[Line]:
    """One picture that holds the keeper or is a part of it, and how many more there are."""
    if not group.related:
        return
    first, rest = group.related[0], len(group.related) - 1
    more = f", and {rest:,} more" if rest else ""
    said = f"  ({RELATION_WORDS[first.relation]}, no copy, score {first.score:.3f}{more})"
    yield [(f"  also{indent}{printable(first.path)}", ""), (said, "dim")]


def _skipped(findings: Findings, summary: Summary) -> Iterator[Line]:
    if not summary.skipped:
        return
    yield []
    yield [(f"{plural(summary.skipped, 'file')} skipped:", "yellow")]
    first = {item.code: item for item in reversed(findings.skipped)}
    reasons = list(summary.skipped_by_code.items())
    for code, count in reasons[:PREVIEW_REASONS]:
        such = ": " if count == 1 else ", for example "
        yield [(f"  {count:,} x {SKIP_CODES.get(code, code)}{such}{printable(first[code].path)}", "")]
    rest = sum(count for _, count in reasons[PREVIEW_REASONS:])
    if rest:
        yield [(f"  {rest:,} x {plural(len(reasons) - PREVIEW_REASONS, 'other reason')}", "")]


def _ending(findings: Findings, summary: Summary) -> Iterator[Line]:
    speed = f" at {summary.images_per_second:,.0f} a second" if summary.described else ""
    known = f", {summary.reused:,} already known" if summary.reused else ""
    described = f"{plural(summary.described, 'image')} described{speed}{known}"
    yield [(f"{described}; {summary.seconds:.1f} s in all.", "dim")]
    model = printable(findings.model.name)
    yield [(f"Images count as copies from a score of {findings.threshold:.4g} (model {model}).", "dim")]
    if expected := expected_false_words(summary.expected_false_matches):
        yield [(f"{expected}; --threshold N asks for a higher score.", "dim")]
