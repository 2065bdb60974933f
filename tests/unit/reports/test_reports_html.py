"""The HTML report as text: one file, the right data, hostile names inert, bounded memory."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.records import Findings, Skipped
from copylens.reports import write
from copylens.reports.html import BLOCK, PICTURED_MEMBERS, PICTURED_RELATED, file_url
from report_findings import (
    make_findings,
    make_group,
    make_image,
    many_groups,
    nested_findings,
    small_findings,
    tiny_picture,
)

HOSTILE = [
    "</script><script>alert(1)</script>.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "<!--<script>.jpg",
    "]]>.jpg",
    "\" onmouseover='alert(1)'.jpg",
    "&lt;b&gt;{{ 7 * 7 }}.jpg",
    "\u2028\u202e gpj.jpg",
    os.fsdecode(b"\xff\xfe.jpg"),
    "<!--data-->.jpg",
]


class Page(HTMLParser):
    """Tags with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.inside.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in {"script", "style"}:
            self.inside[-1] += data

    def data(self, name: str) -> Any:
        blocks = [attrs for tag, attrs in self.tags if tag in {"script", "style"}]
        (place,) = [place for place, attrs in enumerate(blocks) if attrs.get("id") == f"data-{name}"]
        return json.loads(self.inside[place])


def page_of(findings: Findings, folder: Path) -> tuple[str, Page]:
    write(findings, folder / "report.html", thumbnail=tiny_picture)
    text = (folder / "report.html").read_text(encoding="utf-8")
    return text, Page(text)


def test_the_data_of_a_group(tmp_path: Path) -> None:
    _, page = page_of(small_findings(), tmp_path)
    near, exact = page.data("groups")
    assert (near["kind"], near["free"], near["freed"]) == ("near", 1_500_000, "1.5 MB")
    assert (exact["kind"], exact["free"]) == ("exact", 700)
    assert [member["said"] for member in near["members"]] == ["edited", "edited"]
    assert [member["said"] for member in exact["members"]] == ["same bytes"]
    day = near["keeper"]["day"]
    assert re.fullmatch(r"2020-09-1[34]", day)
    assert near["keeper"] == {
        "path": "a/big.jpg",
        "url": file_url("a/big.jpg"),
        "w": 4000,
        "h": 3000,
        "size": "9.0 MB",
        "format": "JPEG",
        "day": day,
    }
    assert [(m["path"], m["score"], m["kind"]) for m in near["members"]] == [
        ("a/small.jpg", 0.9877, "near"),
        ("b/other.png", 0.8, "near"),
    ]


def test_what_shares_a_part_stands_beside_the_copies_with_its_box(tmp_path: Path) -> None:
    text, page = page_of(nested_findings(), tmp_path)
    copies, parts = page.data("groups")
    assert [(item["kind"], item["said"]) for item in copies["members"]] == [
        ("near", "turned by 180°"),
        ("part", "a part of it"),
    ]
    assert (copies["copies"], copies["free"], copies["because"]) == (1, 1000, "it has the most pixels")
    assert (parts["copies"], parts["free"], parts["kind"]) == (0, 0, "parts")
    screen, crop = parts["members"]
    assert (screen["kind"], screen["box"]) == ("holds", [0.25, 0.25, 0.75, 0.75])
    assert "turned by 90° to the right" in screen["boxed"]
    assert (crop["kind"], crop["box"]) == ("part", [0, 0.3, 1, 0.7])
    assert 'value="parts"' in text
    assert 'value="parts"' not in page_of(small_findings(), tmp_path)[0]


def test_what_shares_a_part_is_pictured_also_beside_many_copies(tmp_path: Path) -> None:
    group = make_group("keeper", *((f"copy {n:02}", 0.9, "near") for n in range(PICTURED_MEMBERS + 5)))
    item = nested_findings().groups[1].related[0]
    related = tuple(replace(item, path=f"related {n:02}") for n in range(30))
    _, page = page_of(make_findings([replace(group, related=related)]), tmp_path)
    paths = [item["path"] for item in page.data("groups")[0]["members"]]
    pictures = page.data("pictures-0")[0]
    assert len(pictures) == 1 + PICTURED_MEMBERS
    copies, beside = [m.path for m in group.members], [item.path for item in related]
    first = copies[: PICTURED_MEMBERS - PICTURED_RELATED] + beside[:PICTURED_RELATED]
    assert paths[:PICTURED_MEMBERS] == first
    assert sorted(paths) == sorted(copies + beside)
    assert [base64.b64decode(text) for text in pictures[1:]] == [tiny_picture(path) for path in first]


def test_skipped_files_lie_under_their_reasons(tmp_path: Path) -> None:
    _, page = page_of(small_findings(), tmp_path)
    assert [
        (entry["meaning"], [file["path"] for file in entry["files"]]) for entry in page.data("skipped")
    ] == [
        ("the file ends before the picture does", ["c/broken.jpg", "d/half.jpg"]),
        ("the file has no bytes", ["c/empty.jpg"]),
    ]


def test_every_thumbnail_lies_with_its_image(tmp_path: Path) -> None:
    findings = many_groups(2 * BLOCK + 3)
    turn = threading.Lock()

    def slow_first(path: str) -> bytes | None:
        # Those asked for first come last, so that the order is not an accident.
        if path.endswith("22-keep.jpg"):
            turn.acquire(timeout=0.05)
        return None if path.endswith("5-copy.jpg") else path.encode()

    turn.acquire()
    seen: list[tuple[int, int]] = []
    write(
        findings,
        tmp_path / "a.html",
        thumbnail=slow_first,
        progress=lambda done, total: seen.append((done, total)),
    )
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    made = [group for number in range(3) for group in page.data(f"pictures-{number}")]
    expected = [
        ["" if path.endswith("5-copy.jpg") else path for path in (group.keeper, group.members[0].path)]
        for group in findings.groups
    ]
    assert [[base64.b64decode(text).decode() for text in group] for group in made] == expected
    assert seen == [(20, 46), (40, 46), (46, 46)]


def test_a_huge_group_has_bounded_pictures_and_all_its_members(tmp_path: Path) -> None:
    members = [(f"copy-{number}", 1.0, "bytes") for number in range(1000)]
    _, page = page_of(make_findings([make_group("keeper", *members)]), tmp_path)  # type: ignore[arg-type]
    assert len(page.data("groups")[0]["members"]) == 1000
    assert len(page.data("pictures-0")[0]) == 1 + PICTURED_MEMBERS


def test_hostile_names_are_inert_and_whole(tmp_path: Path) -> None:
    harmless = make_findings(
        [make_group("a", ("b", 0.9, "near"))] * len(HOSTILE), skipped=[Skipped("c", "empty", "why")]
    )
    findings = make_findings(
        [make_group(name, (f"copy {name}", 0.9, "near")) for name in HOSTILE],
        skipped=[Skipped(name, "empty", f"because of {name}") for name in HOSTILE],
        roots=tuple(HOSTILE),
        against=tuple(HOSTILE),
        keep=tuple(f"path:{name}" for name in HOSTILE),
    )
    text, page = page_of(findings, tmp_path)
    _, plain = page_of(harmless, tmp_path)
    assert [tag for tag, _ in page.tags if tag not in {"div", "dt", "dd"}] == [
        tag for tag, _ in plain.tags if tag not in {"div", "dt", "dd"}
    ]
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    shown = [os.fsencode(name).decode("utf-8", "backslashreplace") for name in HOSTILE]
    assert [group["keeper"]["path"] for group in page.data("groups")] == shown
    assert [file["path"] for file in page.data("skipped")[0]["files"]] == shown
    assert "&lt;!--data--&gt;.jpg" in text


def test_the_page_allows_nothing_but_itself(tmp_path: Path) -> None:
    text, page = page_of(small_findings(), tmp_path)
    (policy,) = [attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    nonces = {attrs["nonce"] for tag, attrs in page.tags if "nonce" in attrs}
    assert len(nonces) == 1
    nonce = f"'nonce-{nonces.pop()}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data: file:",
        "style-src": nonce,
        "script-src": nonce,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not [attrs for _, attrs in page.tags if {"src", "href", "style"} & attrs.keys()]
    assert not re.search(r"https?://", text)
    assert nonce not in page_of(small_findings(), tmp_path)[0]


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (small_findings(), ["<h1>Copies in your images</h1>", "<title>CopyLens: 2 groups of copies</title>"]),
        (
            small_findings(against=("k",)),
            ["<h1>Images that are known already</h1>", "known images met", "new copies"],
        ),
        (
            nested_findings(),
            ["<title>CopyLens: 1 group of copies</title>", "<dt>pictures in pictures</dt><dd>3</dd>"],
        ),
        (many_groups(1), ["<title>CopyLens: 1 group of copies</title>"]),
        (
            make_findings(images=[make_image("a")]),
            ["No copies found among 1 image.", "different from all others"],
        ),
        (make_findings(against=("k",)), ["No copies found among 0 images.", "copy of a known image"]),
    ],
)
def test_the_words_fit_what_was_found(tmp_path: Path, findings: Findings, words: list[str]) -> None:
    text, _ = page_of(findings, tmp_path)
    for each in words:
        assert each in text


def test_the_end_of_the_page_says_how_it_was_made(tmp_path: Path) -> None:
    text, _ = page_of(small_findings(threshold=0.7123), tmp_path)
    footer = text.split("<footer>")[1].split("</footer>")[0]
    for fact in (
        "photos",
        "small-model (0123456789abcdef)",
        "0.7123",
        "resolution, bytes",
        "40 images, 2 already known",
        "2.5 s",
    ):
        assert fact in footer
    assert "against" not in footer
    assert "unrelated" not in footer
    text, _ = page_of(small_findings(expected_false=8.7), tmp_path)
    footer = text.split("<footer>")[1].split("</footer>")[0]
    assert "of unrelated images, expected" in footer
    assert "9 of 3 pairs" in footer


def test_a_file_from_beyond_the_calendar_has_no_day(tmp_path: Path) -> None:
    findings = make_findings(
        [make_group("a", ("b", 1.0, "bytes"))], images=[make_image("b", mtime_ns=10**21)]
    )
    _, page = page_of(findings, tmp_path)
    assert page.data("groups")[0]["members"][0]["day"] == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
@given(st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name))
def test_an_address_leads_to_the_bytes_of_its_path(name: bytes) -> None:
    url = file_url("/" + os.fsdecode(name))
    assert url.startswith("file:///")
    assert re.fullmatch(r"[A-Za-z0-9/%._~-]+", url[7:])
    # pathlib drops what the system ignores: doubled slashes and single dots.
    assert unquote_to_bytes(url[7:]) == os.fsencode(Path("/" + os.fsdecode(name)))


def test_an_address_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_url("a b#?.jpg") == tmp_path.as_uri() + "/a%20b%23%3F.jpg"


def test_memory_does_not_grow_with_the_thumbnails(tmp_path: Path) -> None:
    side = 50_000
    findings = many_groups(40 * BLOCK)
    tracemalloc.start()
    try:
        write(findings, tmp_path / "a.html", thumbnail=lambda _path: os.urandom(side))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.html").stat().st_size > 2 * len(findings.groups) * side
    # A block's pictures, the base64 of one group, and the data of the groups.
    assert peak < 4 * 2 * BLOCK * side
