"""The summary that ends a scan: true numbers, plain without a terminal, short, deaf to hostile names."""

from __future__ import annotations

import io
import os
import re
from typing import Literal

import pytest
from rich.console import Console

from copylens.records import SKIP_CODES, Findings, ScanTiming, Skipped
from copylens.reports import render_summary
from report_findings import (
    make_findings,
    make_group,
    make_image,
    many_groups,
    nested_findings,
    small_findings,
)


def printed(findings: Findings, *, terminal: bool = False, width: int = 80) -> str:
    out = io.StringIO()
    colours: Literal["auto", "standard"] = "standard" if terminal else "auto"
    render_summary(findings, Console(file=out, force_terminal=terminal, width=width, color_system=colours))
    return out.getvalue()


def test_the_whole_summary() -> None:
    assert printed(small_findings()) == (
        "3 copies in 2 groups among 6 images; 1.5 MB could be freed.\n"
        "1 group of exact copies only, 1 group with edited copies.\n"
        "\n"
        "  keep  a/big.jpg  (4000 x 3000, 9.0 MB)\n"
        "  copy  a/small.jpg  (edited, score 0.988)\n"
        "  copy  b/other.png  (edited, score 0.800)\n"
        "  keep  a/one.gif  (640 x 480, 700 bytes)\n"
        "  copy  b/two.gif  (same bytes)\n"
        "\n"
        "3 files skipped:\n"
        "  2 x the file ends before the picture does, for example c/broken.jpg\n"
        "  1 x the file has no bytes: c/empty.jpg\n"
        "\n"
        "40 images described at 20 a second, 2 already known; 2.5 s in all.\n"
        "Images count as copies from a score of 0.75 (model small-model).\n"
    )


def test_pictures_in_pictures_are_told_from_copies() -> None:
    text = printed(nested_findings())
    assert text.startswith(
        "1 copy in 1 group among 6 images; 1.0 kB could be freed.\n"
        "1 group with edited copies.\n"
        "3 pairs, one picture a part of the other: no copies, keep both.\n"
        "\n"
        "  keep  large.jpg  (640 x 480, 1.0 kB)\n"
        "  copy  small.jpg  (turned by 180°, score 0.875)\n"
        "  also  tile.jpg  (a part of it, no copy, score 0.750)\n"
        "  keep  photo.jpg  (4000 x 3000, 1.0 kB)\n"
        "  also  screen.png  (holds it, no copy, score 0.812, and 1 more)\n"
    )
    known = printed(make_findings(nested_findings().groups[1:], against=("known",)))
    assert known.startswith("No copies found among 3 images.\n2 pairs, one picture")
    assert "\n  known  photo.jpg" in known
    assert "\n  also   screen.png" in known


def test_nothing_found_is_friendly() -> None:
    text = printed(
        make_findings(images=[make_image("a"), make_image("b")], timing=ScanTiming(0.04, 0, 2, 0.0))
    )
    assert text == (
        "No copies found among 2 images.\n"
        "\n"
        "0 images described, 2 already known; 0.0 s in all.\n"
        "Images count as copies from a score of 0.75 (model small-model).\n"
    )


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (None, ""),
        (0.4, ""),
        (1.2, "About 1 pair of"),
        (900.34, "About 900 pairs of"),
        (15e3, "About 15,000 pairs of"),
    ],
)
def test_look_alikes_are_announced_where_there_is_one_to_expect(expected: float | None, said: str) -> None:
    last = printed(small_findings(expected_false=expected)).splitlines()[-1]
    if said:
        assert last == f"{said} unrelated images may look as alike; --threshold N asks for a higher score."
    else:
        assert last.startswith("Images count as copies from")


def test_a_folder_without_images_is_told_from_one_without_copies() -> None:
    assert printed(make_findings()).startswith("No images found.\n")


def test_with_known_images_the_words_change() -> None:
    text = printed(small_findings(against=("known",)))
    assert text.startswith("3 copies of known images among 6 images;")
    assert "\n  known  a/big.jpg" in text
    assert "\n  copy   a/small.jpg" in text


def test_kinds_of_groups_that_are_not_there_are_not_counted() -> None:
    near, exact = make_group("a", ("b", 0.9, "near")), make_group("c", ("d", 1.0, "bytes"))
    assert "\n1 group with edited copies.\n" in printed(make_findings([near]))
    assert "\n1 group of exact copies only.\n" in printed(make_findings([exact]))


def test_one_of_everything_is_singular() -> None:
    findings = make_findings(
        [make_group("a", ("b", 1.0, "pixels"))],
        skipped=[Skipped("c", "empty", "the file has no bytes")],
        timing=ScanTiming(1.0, 1, 0, 1.0),
    )
    text = printed(findings)
    assert text.startswith("1 copy in 1 group among 2 images; 1.0 kB")
    assert "1 file skipped:" in text
    assert "\n1 image described at 1 a second; 1.0 s in all.\n" in text


@pytest.mark.parametrize(
    ("members", "listed", "more"),
    [(3, 3, ""), (4, 2, "and 2 more copies"), (2002, 2, "and 2,000 more copies")],
)
def test_a_large_group_is_cut(members: int, listed: int, more: str) -> None:
    copies = [(f"copy-{number:04}", 0.9, "near") for number in range(members)]
    text = printed(make_findings([make_group("keeper", *copies)]))  # type: ignore[arg-type]
    assert text.count("copy-") == listed
    assert more in text
    assert (" more" in text) == bool(more)


def test_only_the_first_groups_are_shown_and_the_others_counted() -> None:
    text = printed(many_groups(1005))
    assert text.count("keep  ") == 5
    assert "and 1,000 more groups\n" in text
    assert text.index("01004-keep.jpg") < text.index("01003-keep.jpg")


def test_the_longest_summary_fits_a_screen() -> None:
    groups = [make_group(f"k{n}", *((f"{n}-{m}", 0.9, "near") for m in range(9))) for n in range(9)]
    skipped = [Skipped(code, code, meaning) for code, meaning in SKIP_CODES.items()]
    text = printed(make_findings(groups, skipped=skipped))
    assert text.count("\n") == 36
    assert f"  {len(SKIP_CODES) - 6} x {len(SKIP_CODES) - 6} other reasons\n" in text


def test_every_skipped_file_is_counted() -> None:
    skipped = [Skipped(f"{n:03}", "empty" if n % 3 else "corrupt", "why") for n in range(100)]
    lines = printed(make_findings(skipped=skipped)).splitlines()
    assert "100 files skipped:" in lines
    assert "  66 x the file has no bytes, for example 001" in lines
    assert "  34 x the decoder found damaged data, for example 000" in lines


def test_a_code_without_a_meaning_is_shown_itself() -> None:
    assert "1 x brand-new: a" in printed(make_findings(skipped=[Skipped("a", "brand-new", "why")]))


def test_a_terminal_gets_styles_and_the_same_words() -> None:
    text = printed(small_findings(), terminal=True)
    assert "\x1b[1m3 copies\x1b[0m" in text
    plain = printed(small_findings())
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == plain


def test_hostile_names_are_text() -> None:
    names = ["[red]bold[/red].jpg", ":cat:.jpg", "a\x1b[2J.jpg", "a\nb.jpg", os.fsdecode(b"\xff.jpg")]
    findings = make_findings([make_group(name, ("copy", 0.9, "near")) for name in names])
    for terminal in (False, True):
        text = printed(findings, terminal=terminal)
        assert "\x1b[2J" not in text
        for shown in ("[red]bold[/red].jpg", ":cat:.jpg", "a\\x1b[2J.jpg", "a\\nb.jpg", "\\xff.jpg"):
            assert shown in text


def test_long_paths_are_not_cut_or_folded() -> None:
    path = "folder/" * 60 + "a.jpg"
    assert path in printed(make_findings([make_group(path, ("copy", 0.9, "near"))]), width=40)
