"""Findings in, plain values out: the documented JSON object, the table of grouped images, the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from copylens.records import Findings, Group, MatchedView
from copylens.reports.wording import utc_time
from copylens.version import __version__

DOCUMENT_VERSION = 1
"""Of the layout in docs/formats.md; raised when a key changes its meaning or goes."""

DIGITS = 6
"""Decimals of a score in files; engines agree to about this many."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A scan in numbers.

    Attributes:
        images: images compared, those of both sides with ``--against``.
        groups, exact_groups, near_groups: groups of copies.
        copies: images that are members, keepers not counted.
        reclaimable_bytes: bytes of the members' files.
        matches: pairs that reach the threshold.
        skipped: files that could not be described.
        skipped_by_code: the same, by reason code, most frequent first.
        described: images that went through the network in this scan.
        reused: images whose descriptor was in the catalog.
        seconds: wall time.
        images_per_second: described images per second of reading and describing.
    """

    images: int
    groups: int
    exact_groups: int
    near_groups: int
    copies: int
    reclaimable_bytes: int
    matches: int
    skipped: int
    skipped_by_code: dict[str, int]
    described: int
    reused: int
    seconds: float
    images_per_second: float


def summarise(findings: Findings) -> Summary:
    """Count what a scan found."""
    exact = sum(group.kind == "exact" for group in findings.groups)
    codes = Counter(item.code for item in findings.skipped)
    return Summary(
        images=len(findings.images),
        groups=len(findings.groups),
        exact_groups=exact,
        near_groups=len(findings.groups) - exact,
        copies=sum(len(group.members) for group in findings.groups),
        reclaimable_bytes=sum(reclaimable(findings, group) for group in findings.groups),
        matches=len(findings.matches),
        skipped=len(findings.skipped),
        skipped_by_code=dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        described=findings.timing.described,
        reused=findings.timing.reused,
        seconds=round(findings.timing.seconds, 3),
        images_per_second=round(findings.timing.images_per_second, 1),
    )


def reclaimable(findings: Findings, group: Group) -> int:
    """Bytes of a group's members: what would be free without them."""
    return sum(findings.images[member.path].size for member in group.members)


def to_document(findings: Findings) -> dict[str, Any]:
    """Make the JSON object of docs/formats.md; undecodable bytes of paths stay surrogate escapes."""
    return {
        "version": DOCUMENT_VERSION,
        "copylens": __version__,
        "model": asdict(findings.model),
        "threshold": findings.threshold,
        "views": findings.views,
        "roots": list(findings.roots),
        "against": list(findings.against),
        "keep": list(findings.keep),
        "groups": [group_document(group) for group in findings.groups],
        "matches": [
            {
                "query": match.query,
                "reference": match.reference,
                "score": round(match.score, DIGITS),
                "kind": match.kind,
                "view": view_document(match.view),
            }
            for match in findings.matches
        ],
        "skipped": [asdict(item) for item in findings.skipped],
        "summary": asdict(summarise(findings)),
    }


def group_document(group: Group) -> dict[str, Any]:
    """One entry of ``groups``."""
    return {
        "kind": group.kind,
        "keeper": group.keeper,
        "members": [
            {
                "path": member.path,
                "score": round(member.score, DIGITS),
                "kind": member.kind,
                "view": view_document(member.view),
            }
            for member in group.members
        ],
    }


def view_document(matched: MatchedView | None) -> dict[str, Any] | None:
    """The view that showed a match; None where the two whole pictures did."""
    if matched is None:
        return None
    view = matched.view
    box = [view.left, view.top, view.right, view.bottom]
    return {"side": matched.side, "box": box, "turn": view.turn}


def table_rows(findings: Findings) -> Iterator[dict[str, Any]]:
    """One row per image in a group: the keeper first, then its copies."""
    for number, group in enumerate(findings.groups, start=1):
        keeper = {"path": group.keeper, "score": 1.0, "kind": ""}
        members = [{"path": m.path, "score": round(m.score, DIGITS), "kind": m.kind} for m in group.members]
        for row, role in [(keeper, "keeper"), *((member, "copy") for member in members)]:
            facts = findings.images[str(row["path"])]
            yield {
                "group": number,
                "role": role,
                "kind": row["kind"],
                "score": row["score"],
                "path": row["path"],
                "width": facts.width,
                "height": facts.height,
                "format": facts.format,
                "bytes": facts.size,
                "modified": utc_time(facts.mtime_ns),
                "content_hash": facts.content_hash,
            }
