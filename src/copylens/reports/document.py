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
        groups, exact_groups, near_groups, part_groups: groups, and those of each kind.
        copies: images that are members, keepers not counted.
        related: pairs of a keeper and a picture that holds it or is a part of it; they are no copies.
        reclaimable_bytes: bytes of the members' files.
        matches: pairs that reach the threshold.
        expected_false_matches: of unrelated images, by the model's measured rate; None where there is none.
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
    part_groups: int
    copies: int
    related: int
    reclaimable_bytes: int
    matches: int
    expected_false_matches: float | None
    skipped: int
    skipped_by_code: dict[str, int]
    described: int
    reused: int
    seconds: float
    images_per_second: float

    @property
    def copy_groups(self) -> int:
        """Groups that hold a copy of their keeper, and not only pictures in pictures."""
        return self.exact_groups + self.near_groups


def summarise(findings: Findings) -> Summary:
    """Count what a scan found."""
    kinds = Counter(group.kind for group in findings.groups)
    codes = Counter(item.code for item in findings.skipped)
    return Summary(
        images=len(findings.images),
        groups=len(findings.groups),
        exact_groups=kinds["exact"],
        near_groups=kinds["near"],
        part_groups=kinds["parts"],
        copies=sum(len(group.members) for group in findings.groups),
        related=sum(len(group.related) for group in findings.groups),
        reclaimable_bytes=sum(reclaimable(findings, group) for group in findings.groups),
        matches=len(findings.matches),
        expected_false_matches=_rounded(findings.expected_false),
        skipped=len(findings.skipped),
        skipped_by_code=dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        described=findings.timing.described,
        reused=findings.timing.reused,
        seconds=round(findings.timing.seconds, 3),
        images_per_second=round(findings.timing.images_per_second, 1),
    )


def _rounded(expected: float | None) -> float | None:
    """To a tenth: it is an estimate."""
    return None if expected is None else round(expected, 1)


def reclaimable(findings: Findings, group: Group) -> int:
    """Bytes of a group's members: what would be free without them. Related pictures are to stay."""
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
        "because": group.because,
        "members": [
            {
                "path": member.path,
                "score": round(member.score, DIGITS),
                "kind": member.kind,
                "view": view_document(member.view),
            }
            for member in group.members
        ],
        "related": [
            {
                "path": item.path,
                "score": round(item.score, DIGITS),
                "relation": item.relation,
                "pixels": round(item.pixels, DIGITS),
                "view": view_document(item.view),
            }
            for item in group.related
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
    """One row per image in a group: the keeper first, then its copies, then what is related to it."""
    for number, group in enumerate(findings.groups, start=1):
        yield _table_row(findings, number, "keeper", group.keeper, because=group.because)
        for member in group.members:
            score = round(member.score, DIGITS)
            yield _table_row(
                findings, number, "copy", member.path, kind=member.kind, score=score, view=member.view
            )
        for item in group.related:
            score = round(item.score, DIGITS)
            yield _table_row(findings, number, item.relation, item.path, score=score, view=item.view)


def _table_row(
    findings: Findings,
    number: int,
    role: str,
    path: str,
    *,
    kind: str = "",
    score: float = 1.0,
    because: str = "",
    view: MatchedView | None = None,
) -> dict[str, Any]:
    facts = findings.images[path]
    box = None if view is None else view.view
    return {
        "group": number,
        "role": role,
        "kind": kind,
        "score": score,
        "path": path,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "bytes": facts.size,
        "modified": utc_time(facts.mtime_ns),
        "content_hash": facts.content_hash,
        "because": because,
        "view_side": "" if view is None else view.side,
        "view_left": None if box is None else box.left,
        "view_top": None if box is None else box.top,
        "view_right": None if box is None else box.right,
        "view_bottom": None if box is None else box.bottom,
        "view_turn": "" if box is None else box.turn,
    }
