"""The bundled photographs and their edited copies, scanned with the bundled default model: what it finds, exactly."""

from __future__ import annotations

import base64
import csv
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copylens_process import CopyLens, Ran, differences
from written_results import groups_in, report_data

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = "examples/photos"

SCREENSHOT = f"{PHOTOS}/phone/Screenshot_1024.jpg"
"""A photograph inside something else: as a whole it looks like a copy, and what is found inside it shows the part."""

PHOTOGRAPH = f"{PHOTOS}/originals/rocket-launch-pad.jpg"
"""The one that it shows."""

EXACT = {
    "phone/IMG_2041.jpg": "bytes",
    "downloads/cat-chelsea (1).jpg": "bytes",
    "website/cat.png": "pixels",
    "website/tulips.webp": "pixels",
}
"""Copies of the very bytes or pixels."""


@dataclass(frozen=True)
class Scanned:
    """Scans of the same folder with one catalog: as JSON, again as JSON, for people, and with more views."""

    first: Ran
    second: Ran
    text: Ran
    thorough: Ran
    report: Path

    @property
    def document(self) -> Any:
        return self.first.document()


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    home = tmp_path_factory.mktemp("photos")
    copylens = CopyLens(home, folder=ROOT)
    report = home / "report.html"
    return Scanned(
        copylens.run("scan", PHOTOS, "--json"),
        copylens.run("scan", PHOTOS, "--json"),
        copylens.run("scan", PHOTOS, "--html", report),
        copylens.run("scan", PHOTOS, "--views", "thorough", "--json"),
        report,
    )


def families() -> list[set[str]]:
    """Each original of truth.csv with its copies, as the scan writes their paths."""
    copies: dict[str, set[str]] = defaultdict(set)
    with (ROOT / PHOTOS / "truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            copies[row["original"]].add(row["copy"])
    return [{f"{PHOTOS}/{path}" for path in (original, *found)} for original, found in copies.items()]


def pairs_of(paths: set[str]) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in itertools.combinations(paths, 2)}


def members_and_keeper(group: Any) -> set[str]:
    return {group["keeper"], *(member["path"] for member in group["members"])}


def copies_of(document: Any) -> list[Any]:
    """The groups that hold copies, and not only a part of a picture."""
    return [group for group in document["groups"] if group["kind"] != "parts"]


def test_it_finds_every_pair_of_the_truth_and_no_false_one(scanned: Scanned) -> None:
    pairs = [frozenset((match["query"], match["reference"])) for match in scanned.document["matches"]]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == {pair for family in families() for pair in pairs_of(family)}


def test_its_groups_are_the_families_of_the_truth(scanned: Scanned) -> None:
    groups = [members_and_keeper(group) for group in copies_of(scanned.document)]
    expected = [family for family in families() if SCREENSHOT not in family]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    # The screenshot and its photograph are the one family that is no group of copies.
    assert {SCREENSHOT, PHOTOGRAPH} in families()


def test_exact_copies_are_told_from_edited_ones(scanned: Scanned) -> None:
    exact = {f"{PHOTOS}/{path}" for path in EXACT}
    for group in copies_of(scanned.document):
        only_exact = len(members_and_keeper(group) - exact) == 1
        assert group["kind"] == ("exact" if only_exact else "near"), group
        kinds = {member["kind"] for member in group["members"]}
        assert kinds <= {"bytes", "pixels"} if only_exact else kinds == {"near"}, group
    assert sum(group["kind"] == "exact" for group in scanned.document["groups"]) == 3


def test_the_keeper_has_the_most_pixels_and_members_come_by_score(scanned: Scanned) -> None:
    keepers = {group["keeper"] for group in scanned.document["groups"]}
    # A frame adds pixels; an edit in better quality has more bytes.
    assert {f"{PHOTOS}/website/macaw-framed.jpg", f"{PHOTOS}/edits/red-panda-warm.jpg"} <= keepers
    for group in copies_of(scanned.document):
        scores = [member["score"] for member in group["members"]]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= scanned.document["threshold"]


def test_nothing_is_lost(scanned: Scanned) -> None:
    document = scanned.document
    assert [(item["path"], item["code"]) for item in document["skipped"]] == [
        (f"{PHOTOS}/downloads/broken-truncated.jpg", "truncated"),
        (f"{PHOTOS}/downloads/empty-zero-bytes.jpg", "empty"),
    ]
    files = [path for path in (ROOT / PHOTOS).rglob("*") if path.is_file() and path.suffix != ".csv"]
    summary = document["summary"]
    assert summary["images"] + summary["skipped"] == len(files)
    assert summary["described"] + summary["reused"] == summary["images"]


def test_the_second_scan_describes_nothing_and_finds_the_same(scanned: Scanned) -> None:
    first, second = scanned.document, scanned.second.document()
    assert first["summary"]["described"] > 50
    assert (second["summary"]["described"], second["summary"]["images_per_second"]) == (0, 0)
    assert second["summary"]["reused"] == second["summary"]["images"] == first["summary"]["images"]
    assert differences(first, second) == []


def test_more_views_find_the_same_pairs_with_no_lower_scores(scanned: Scanned) -> None:
    document = scanned.thorough.document()
    pairs = {frozenset((match["query"], match["reference"])): match for match in document["matches"]}
    assert pairs.keys() == {pair for family in families() for pair in pairs_of(family)}
    # What was found with fewer views is found as before, with the same score or a better one.
    for match in scanned.document["matches"]:
        again = pairs[frozenset((match["query"], match["reference"]))]
        assert again["kind"] == match["kind"]
        assert again["score"] >= match["score"]
    summary = document["summary"]
    assert document["views"] == "thorough"
    assert summary["described"] + summary["reused"] == summary["images"]
    assert keys_of(document) == keys_of(scanned.document)


@pytest.mark.parametrize("views", ["fast", "thorough"])
def test_a_screenshot_is_no_copy_of_the_photograph_in_it(scanned: Scanned, views: str) -> None:
    document = scanned.document if views == "fast" else scanned.thorough.document()
    assert document["views"] == views
    screen, photo = SCREENSHOT, PHOTOGRAPH
    (group,) = (g for g in document["groups"] if screen in {item["path"] for item in g["related"]})
    assert (group["keeper"], group["members"], group["because"]) == (photo, [], "part")
    (item,) = group["related"]
    assert (item["relation"], item["view"]["side"]) == ("holds", "other")
    left, top, right, bottom = item["view"]["box"]
    # It lies across the middle of the screen, from about a third of its height on.
    assert [left, top, right, bottom] == pytest.approx([0.0, 0.31, 1.0, 0.69], abs=0.06)
    # The screenshot has half as many pixels again as the photograph, and fewer of what it shows of it.
    shares = (right - left) * (bottom - top)
    assert 480 * 860 > 1.5 * 640 * 427
    assert item["pixels"] == pytest.approx(shares * 480 * 860 / (640 * 427), abs=1e-5)
    assert not {screen, photo} & {m["path"] for g in document["groups"] for m in g["members"]}


def keys_of(document: Any) -> set[str]:
    """Every key but those of a view and of a related picture, which have tables of their own."""
    return {key for key in keys(document) if ".view." not in key and ".related[]." not in key}


def test_the_json_has_the_keys_of_the_formats_page_and_no_others(scanned: Scanned) -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    section = page.split("# The result of a scan as JSON")[1].split("\n#")[0]
    documented = set(re.findall(r"^\| `([a-z_.\[\]]+)` \|", section, flags=re.MULTILINE))
    assert keys_of(scanned.document) - {"model", "summary"} == documented


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Every key as the page writes it; the keys of `skipped_by_code` are data."""
    if isinstance(value, dict) and path != "summary.skipped_by_code":
        for key, inner in value.items():
            where = f"{path}.{key}" if path else key
            yield where
            yield from keys(inner, where)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, f"{path}[]")


def test_the_summary_says_the_numbers_of_the_json(scanned: Scanned) -> None:
    summary = scanned.document["summary"]
    assert (scanned.text.status, scanned.text.err) == (0, "")
    lines = scanned.text.out.splitlines()
    copies = summary["exact_groups"] + summary["near_groups"]
    assert lines[0].startswith(
        f"{summary['copies']} copies in {copies} groups among {summary['images']} images; "
    )
    assert (
        lines[1]
        == f"{summary['exact_groups']} groups of exact copies only, {summary['near_groups']} groups with edited copies."
    )
    assert f"  ... and {summary['groups'] - 5} more groups" in lines
    assert f"{summary['skipped']} files skipped:" in lines
    assert lines[-1] == f"Written: {scanned.report}"
    assert f"0 images described, {summary['images']} already known; " in scanned.text.out


def test_the_summary_shows_the_first_groups_of_the_json(scanned: Scanned) -> None:
    shown = re.findall(r"^  (?:keep|copy)  (.+?)  \(", scanned.text.out, flags=re.MULTILINE)
    groups = scanned.document["groups"][:5]
    assert shown == [path for group in groups for path in in_order(group)]


def in_order(group: Any) -> list[str]:
    return [group["keeper"], *(member["path"] for member in group["members"])]


def test_the_report_holds_the_groups_of_the_json_with_pictures(scanned: Scanned) -> None:
    expected = [
        in_order(group) + [item["path"] for item in group["related"]] for group in scanned.document["groups"]
    ]
    assert groups_in(scanned.report) == expected
    blocks = [report_data(scanned.report, f"pictures-{number}") for number in range(2)]
    pictures = [picture for block in blocks for group in block for picture in group]
    assert len(pictures) == sum(map(len, expected))
    assert all(base64.b64decode(picture).startswith(b"RIFF") for picture in pictures)
