"""The document and its numbers: counted by hand, and a faithful picture of the findings."""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.records import Findings, Group, MatchedView, Member, ScanTiming, Skipped, View
from copylens.reports import summarise, table_rows, to_document
from copylens.version import __version__
from report_findings import (
    make_findings,
    make_group,
    make_image,
    many_groups,
    nested_findings,
    small_findings,
)

NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name).map(os.fsdecode)


def test_the_numbers_are_those_counted_by_hand() -> None:
    summary = summarise(small_findings())
    assert dataclasses.asdict(summary) == {
        "images": 6,
        "groups": 2,
        "exact_groups": 1,
        "near_groups": 1,
        "part_groups": 0,
        "copies": 3,
        "related": 0,
        "reclaimable_bytes": 250_000 + 1_250_000 + 700,
        "matches": 3,
        "expected_false_matches": None,
        "skipped": 3,
        "skipped_by_code": {"truncated": 2, "empty": 1},
        "described": 40,
        "reused": 2,
        "seconds": 2.5,
        "images_per_second": 20.2,
    }


def test_what_is_expected_is_an_estimate() -> None:
    assert summarise(make_findings(expected_false=8.70012)).expected_false_matches == 8.7
    assert to_document(make_findings(expected_false=0.0))["summary"]["expected_false_matches"] == 0.0


def test_equal_counts_of_codes_are_ordered_by_code() -> None:
    skipped = [Skipped(code, code, "why") for code in ("vanished", "corrupt", "empty")]
    assert list(summarise(make_findings(skipped=skipped)).skipped_by_code) == ["corrupt", "empty", "vanished"]


def test_nothing_found_is_a_document_too() -> None:
    document = to_document(make_findings())
    assert document["groups"] == document["matches"] == document["skipped"] == []
    assert document["summary"]["images"] == 0


def test_the_document_as_a_whole() -> None:
    document = to_document(small_findings(against=("known",)))
    assert document["version"] == 1
    assert document["copylens"] == __version__
    assert document["model"] == {"name": "small-model", "fingerprint": "0123456789abcdef"}
    assert document["threshold"] == 0.75
    assert (document["roots"], document["against"]) == (["photos"], ["known"])
    assert document["keep"] == ["resolution", "bytes"]
    assert document["groups"][0] == {
        "kind": "near",
        "keeper": "a/big.jpg",
        "because": "",
        "members": [
            {"path": "a/small.jpg", "score": 0.987654, "kind": "near", "view": None},
            {"path": "b/other.png", "score": 0.8, "kind": "near", "view": None},
        ],
        "related": [],
    }
    assert document["matches"][2] == {
        "query": "b/two.gif",
        "reference": "a/one.gif",
        "score": 1.0,
        "kind": "bytes",
        "view": None,
    }
    assert document["skipped"][1] == {
        "path": "c/empty.jpg",
        "code": "empty",
        "reason": "the file has no bytes",
    }


def test_a_match_by_a_view_says_whose_part_it_was() -> None:
    seen = MatchedView("copy", View(0.2, 0, 0.8, 0.6, "hflip"))
    group = Group("near", "big.png", (Member("small.png", 0.9, "near", seen),))
    document = to_document(make_findings([group], views="thorough"))
    expected = {"side": "copy", "box": [0.2, 0, 0.8, 0.6], "turn": "hflip"}
    assert document["views"] == "thorough"
    assert document["groups"][0]["members"][0]["view"] == expected
    assert document["matches"][0]["view"] == expected


def test_what_holds_a_keeper_or_is_a_part_of_it_is_no_copy() -> None:
    findings = nested_findings()
    summary = summarise(findings)
    assert (summary.groups, summary.near_groups, summary.part_groups) == (2, 1, 1)
    assert (summary.copy_groups, summary.copies, summary.related) == (1, 1, 3)
    assert summary.reclaimable_bytes == 1000
    document = to_document(findings)
    assert document["groups"][1] == {
        "kind": "parts",
        "keeper": "photo.jpg",
        "because": "part",
        "members": [],
        "related": [
            {
                "path": "screen.png",
                "score": 0.8125,
                "relation": "holds",
                "pixels": 0.125,
                "view": {"side": "other", "box": [0.25, 0.25, 0.75, 0.75], "turn": "rot90"},
            },
            {
                "path": "crop.jpg",
                "score": 0.75,
                "relation": "part",
                "pixels": 4.0,
                "view": {"side": "keeper", "box": [0, 0.3, 1, 0.7], "turn": "none"},
            },
        ],
    }
    rows = list(table_rows(findings))
    assert [(row["group"], row["role"], row["because"]) for row in rows] == [
        (1, "keeper", "resolution"),
        (1, "copy", ""),
        (1, "part", ""),
        (2, "keeper", "part"),
        (2, "holds", ""),
        (2, "part", ""),
    ]
    box = [rows[4][f"view_{side}"] for side in ("left", "top", "right", "bottom")]
    assert (box, rows[4]["view_side"], rows[4]["view_turn"]) == ([0.25, 0.25, 0.75, 0.75], "other", "rot90")


def test_the_keys_the_issue_asks_for_are_there() -> None:
    document = to_document(small_findings())
    assert {"version", "model", "threshold", "groups", "matches", "skipped", "summary"} <= document.keys()


@given(st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_names_of_any_bytes_survive_json(names: list[str]) -> None:
    keeper, *copies = names
    findings = make_findings([make_group(keeper, *((name, 0.9, "near") for name in copies))])
    text = json.dumps(to_document(findings))
    assert text.isascii()
    group = json.loads(text)["groups"][0]
    assert [group["keeper"], *(member["path"] for member in group["members"])] == names


@pytest.mark.parametrize("findings", [small_findings(), nested_findings(), many_groups(50), make_findings()])
def test_the_document_holds_plain_values_only(findings: Findings) -> None:
    def check(value: Any) -> None:
        if type(value) is dict:
            for key, inner in value.items():
                assert type(key) is str
                check(inner)
        elif type(value) is list:
            for inner in value:
                check(inner)
        else:
            assert value is None or type(value) in {str, int, float}

    check(to_document(findings))
    assert to_document(findings) == to_document(findings)


def test_rows_are_keepers_followed_by_their_copies() -> None:
    rows = list(table_rows(small_findings()))
    assert [(row["group"], row["role"], row["path"]) for row in rows] == [
        (1, "keeper", "a/big.jpg"),
        (1, "copy", "a/small.jpg"),
        (1, "copy", "b/other.png"),
        (2, "keeper", "a/one.gif"),
        (2, "copy", "b/two.gif"),
    ]
    assert rows[2] == {
        "group": 1,
        "role": "copy",
        "kind": "near",
        "score": 0.8,
        "path": "b/other.png",
        "width": 640,
        "height": 480,
        "format": "PNG",
        "bytes": 1_250_000,
        "modified": "2020-09-13T12:26:40+00:00",
        "content_hash": "0a" * 16,
        "because": "",
        "view_side": "",
        "view_left": None,
        "view_top": None,
        "view_right": None,
        "view_bottom": None,
        "view_turn": "",
    }
    assert (rows[0]["kind"], rows[0]["score"]) == ("", 1.0)
    assert datetime.fromisoformat(rows[0]["modified"]).tzinfo is not None


def test_a_file_from_beyond_the_calendar_is_a_row_too() -> None:
    findings = make_findings(
        [make_group("a", ("b", 1.0, "bytes"))], images=[make_image("b", mtime_ns=10**21)]
    )
    assert [row["modified"] for row in table_rows(findings)] == ["2020-09-13T12:26:40+00:00", ""]


def test_speed_is_zero_when_nothing_was_described() -> None:
    summary = summarise(make_findings(timing=ScanTiming(0.12345, 0, 7, 0.0)))
    assert (summary.described, summary.reused, summary.seconds, summary.images_per_second) == (
        0,
        7,
        0.123,
        0.0,
    )
