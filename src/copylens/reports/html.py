"""Findings in, one self-contained HTML file out, streamed: memory does not grow with the thumbnails.

The file holds the groups as JSON, the thumbnails as base64 in blocks of `BLOCK` groups that the page parses
only when it shows one of them, and one script. Paths are untrusted text: they travel as JSON in which ``<``
is escaped, the script writes them as text only, and the content security policy allows no other script.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined

from copylens.records import SKIP_CODES, Findings, Group, ImageFacts, Member, Related
from copylens.reports.document import Summary, reclaimable, summarise
from copylens.reports.wording import (
    RELATION_WORDS,
    because_words,
    holds_words,
    human_bytes,
    kind_words,
    local_day,
    plural,
    readable,
)

BLOCK = 10
"""Groups per block of thumbnails."""

PICTURED_MEMBERS = 24
"""Members of a group and pictures related to it that get a thumbnail; the others are listed."""

PICTURED_RELATED = 6
"""Related pictures among them, where there are many members, too."""

DATA_MARK = "<!--data-->"


def write_html(
    findings: Findings,
    path: Path,
    *,
    thumbnail: Callable[[str], bytes | None],
    progress: Callable[[int, int], None],
) -> None:
    """Write the report.

    Args:
        findings: what a scan found.
        path: the file.
        thumbnail: makes the picture of a path, called from several threads; None where there is none.
        progress: called as ``progress(thumbnails done, thumbnails in all)``.
    """
    before, after = _page(findings).split(DATA_MARK)
    with path.open("w", encoding="utf-8") as file:
        file.write(before)
        embed_json(file, "groups", (_group_data(findings, group) for group in findings.groups))
        embed_json(file, "skipped", _skipped_data(findings))
        _write_thumbnails(file, findings.groups, thumbnail, progress)
        file.write(after)


def file_url(path: str) -> str:
    """Make the ``file://`` address of a path, bytes percent-encoded, so that undecodable names work too."""
    whole = os.fsencode(Path(path).absolute())
    if os.sep == "\\":
        return "file:///" + quote(whole.replace(b"\\", b"/"), safe="/:")
    return "file://" + quote(whole, safe="/")


def _page(findings: Findings) -> str:
    """Render the page around the data, with styles and script inside."""
    folder = resources.files("copylens.reports") / "page"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    summary = summarise(findings)
    return template.render(
        against=bool(findings.against),
        block=BLOCK,
        data_mark=DATA_MARK,
        facts=_facts(findings, summary),
        nonce=secrets.token_urlsafe(16),
        numbers=_numbers(findings, summary),
        plural=plural,
        script=(folder / "report.js").read_text(encoding="utf-8"),
        style=(folder / "report.css").read_text(encoding="utf-8"),
        summary=summary,
    )


def _numbers(findings: Findings, summary: Summary) -> list[tuple[str, str]]:
    """Give the large print at the start of the page."""
    groups = ("known image met", "known images met") if findings.against else ("group", "groups")
    copies = ("new copy", "new copies") if findings.against else ("copy", "copies")
    rows = [
        (summary.images, ("image", "images")),
        (summary.copy_groups, groups),
        (summary.copies, copies),
        *([(summary.related, ("picture in a picture", "pictures in pictures"))] if summary.related else []),
    ]
    return [
        *((names[count != 1], f"{count:,}") for count, names in rows),
        ("could be freed", human_bytes(summary.reclaimable_bytes)),
        ("skipped", f"{summary.skipped:,}"),
    ]


def _expected(summary: Summary) -> str:
    expected = summary.expected_false_matches
    return "" if expected is None else f"{expected:,.0f} of {plural(summary.matches, 'pair')}"


def _facts(findings: Findings, summary: Summary) -> list[tuple[str, str]]:
    """Give the small print at the end of the page."""
    rows = [
        ("scanned", ", ".join(map(readable, findings.roots))),
        ("against", ", ".join(map(readable, findings.against))),
        ("model", f"{readable(findings.model.name)} ({findings.model.fingerprint})"),
        ("views", "" if findings.views == "fast" else findings.views),
        ("score from", f"{findings.threshold:.4f}"),
        ("of unrelated images, expected", _expected(summary)),
        ("keeper chosen by", ", ".join(map(readable, findings.keep))),
        ("described", f"{plural(summary.described, 'image')}, {summary.reused:,} already known"),
        ("time", f"{summary.seconds:.1f} s"),
        ("written", datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")),
    ]
    return [(name, value) for name, value in rows if value]


def _group_data(findings: Findings, group: Group) -> dict[str, Any]:
    """Give a group as the script wants it; what is related to the keeper stands among the members."""
    free = reclaimable(findings, group)
    return {
        "kind": group.kind,
        "free": free,
        "freed": human_bytes(free),
        "because": because_words(group.because),
        "keeper": _image_data(findings.images[group.keeper]),
        "copies": len(group.members),
        "members": [_beside_keeper(findings, item) for item in _shown(group)],
    }


def _shown(group: Group) -> list[Member | Related]:
    """All but the keeper: those that get pictures first."""
    related = max(PICTURED_RELATED, PICTURED_MEMBERS - len(group.members))
    members = PICTURED_MEMBERS - min(related, len(group.related))
    first: list[Member | Related] = [*group.members[:members], *group.related[:related]]
    return [*first, *group.members[members:], *group.related[related:]]


def _beside_keeper(findings: Findings, item: Member | Related) -> dict[str, Any]:
    data = {**_image_data(findings.images[item.path]), "score": round(item.score, 4)}
    if isinstance(item, Member):
        return {**data, "kind": item.kind, "said": kind_words(item.kind, item.view)}
    view = item.view.view
    return {
        **data,
        "kind": item.relation,
        "said": RELATION_WORDS[item.relation],
        "box": [view.left, view.top, view.right, view.bottom],
        "boxed": holds_words(view.turn, item.pixels),
    }


def _image_data(image: ImageFacts) -> dict[str, Any]:
    return {
        "path": readable(image.path),
        "url": file_url(image.path),
        "w": image.width,
        "h": image.height,
        "size": human_bytes(image.size),
        "format": image.format,
        "day": local_day(image.mtime_ns),
    }


def _skipped_data(findings: Findings) -> list[dict[str, Any]]:
    """List skipped files by reason, the most frequent reason first."""
    return [
        {
            "meaning": SKIP_CODES.get(code, code),
            "files": [
                {"path": readable(item.path), "reason": readable(item.reason)}
                for item in findings.skipped
                if item.code == code
            ],
        }
        for code in summarise(findings).skipped_by_code
    ]


def _write_thumbnails(
    file: IO[str],
    groups: Sequence[Group],
    thumbnail: Callable[[str], bytes | None],
    progress: Callable[[int, int], None],
) -> None:
    paths = [[group.keeper, *(item.path for item in _shown(group)[:PICTURED_MEMBERS])] for group in groups]
    total, done = sum(map(len, paths)), 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for number, start in enumerate(range(0, len(paths), BLOCK)):
            block = paths[start : start + BLOCK]
            # One block at a time: what the threads have made is written before more is made.
            pictures = list(pool.map(thumbnail, [path for group in block for path in group]))
            embed_json(file, f"pictures-{number}", _by_group(block, pictures))
            done += len(pictures)
            progress(done, total)


def _by_group(block: Sequence[Sequence[str]], pictures: Sequence[bytes | None]) -> Iterator[list[str]]:
    source = iter(pictures)
    for group in block:
        made = (next(source) for _ in group)
        yield [base64.b64encode(picture).decode("ascii") if picture else "" for picture in made]


def embed_json(file: IO[str], name: str, items: Iterable[object]) -> None:
    """Write a JSON array, item by item, that the browser keeps as text until the script asks for it."""
    file.write(f'<script type="application/json" id="data-{name}">[')
    for place, item in enumerate(items):
        text = json.dumps(item, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
        file.write(f"{',' if place else ''}\n{text}")
    file.write("]</script>\n")
