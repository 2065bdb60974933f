"""``copylens scan --views balanced``: screenshots, collages and crops are found, and none is called a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copylens_process import CopyLens, Ran
from generated_pictures import random_picture
from written_results import csv_rows, report_data

PHOTO = (600, 1200)
CENTRE = [0.25, 0.25, 0.75, 0.75]


@dataclass(frozen=True)
class Scanned:
    """The same folder for programs, and for people with every other output; then half of it against the other."""

    document: Any
    text: Ran
    report: Path
    table: Path
    against: Any

    def group(self, keeper: str) -> Any:
        (group,) = (group for group in self.document["groups"] if group["keeper"].endswith(keeper))
        return group


def write_folders(folder: Path) -> None:
    """A photograph, a screen that shows it small, the same screen stored again, crops of it, and strangers."""
    photo = random_picture(1, PHOTO)
    screen = random_picture(2, (600, 1300))
    screen.paste(photo.resize((300, 650)), (150, 325))
    crop = photo.crop((150, 300, 450, 900))
    pictures = {
        "mine/photo.png": photo,
        "mine/other.png": random_picture(3, PHOTO),
        "new/screen.png": screen,
        "new/screen.bmp": screen,
        "new/crop.png": crop,
        "new/small crop.png": crop.resize((100, 200)),
        "new/other.png": random_picture(4, PHOTO),
    }
    for name, picture in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, thumbnail_package: Path) -> Scanned:
    home = tmp_path_factory.mktemp("nested")
    write_folders(home / "pictures")
    copylens = CopyLens(home, thumbnail_package)
    report, table = home / "report.html", home / "table.csv"
    views = ("--views", "balanced")
    return Scanned(
        copylens.scan("pictures", *views),
        copylens.run("scan", "pictures", *views, "--html", report, "--output", table),
        report,
        table,
        copylens.scan("pictures/new", "--against", "pictures/mine", *views),
    )


def test_the_photograph_is_kept_and_what_holds_it_or_is_a_part_of_it_is_no_copy(scanned: Scanned) -> None:
    group = scanned.group("photo.png")
    assert (group["kind"], group["members"], group["because"]) == ("parts", [], "resolution")
    related = {Path(item["path"]).name: item for item in group["related"]}
    # The better one of the two screens, as the keeper of its group; the smaller crop stands under the larger.
    screen = related.pop(Path(scanned.group(".bmp")["keeper"]).name)
    assert screen["view"] == {"side": "other", "box": CENTRE, "turn": "none"}
    assert (screen["relation"], screen["pixels"]) == ("holds", pytest.approx(0.271, abs=1e-3))
    (crop,) = related.values()
    assert (Path(crop["path"]).name, crop["relation"], crop["pixels"]) == ("crop.png", "part", 1)
    assert crop["view"] == {"side": "keeper", "box": CENTRE, "turn": "none"}


def test_only_real_copies_could_be_freed(scanned: Scanned) -> None:
    members = [member["path"] for group in scanned.document["groups"] for member in group["members"]]
    # The screen was stored twice; the crop is there in two sizes, which are copies of each other.
    screens, crops = {"screen.png", "screen.bmp"}, {"small crop.png"}
    names = {Path(path).name for path in members}
    assert len(members) == 2
    assert len(names & screens) == 1
    assert names - screens == crops
    removed = sum((scanned.report.parent / path).stat().st_size for path in members)
    assert scanned.document["summary"]["reclaimable_bytes"] == removed


def test_people_and_tables_read_the_same(scanned: Scanned) -> None:
    summary = scanned.document["summary"]
    assert f"{summary['related']} pairs, one picture a part of the other: no copies" in scanned.text.out
    groups = report_data(scanned.report, "groups")
    for shown, group in zip(groups, scanned.document["groups"], strict=True):
        boxes = [image["box"] for image in shown["members"] if "box" in image]
        assert boxes == [item["view"]["box"] for item in group["related"]]
    rows = [row for row in csv_rows(scanned.table) if row["role"] in ("holds", "part")]
    assert len(rows) == summary["related"]
    for row in rows:
        assert [float(row[f"view_{side}"]) for side in ("left", "top", "right", "bottom")] == CENTRE
        assert row["kind"] == ""


def test_new_pictures_that_hold_known_ones_are_found_and_are_no_copies(scanned: Scanned) -> None:
    (group,) = scanned.against["groups"]
    assert (Path(group["keeper"]).name, group["because"], group["members"]) == ("photo.png", "known", [])
    assert {(Path(item["path"]).name, item["relation"]) for item in group["related"]} == {
        ("screen.png", "holds"),
        ("screen.bmp", "holds"),
        ("crop.png", "part"),
        ("small crop.png", "part"),
    }
    assert scanned.against["summary"]["reclaimable_bytes"] == 0


def test_two_pictures_are_said_to_hold_one_another(scanned: Scanned, run_here: Callable[..., Ran]) -> None:
    pictures = scanned.report.parent / "pictures"
    photo, screen = str(pictures / "mine" / "photo.png"), str(pictures / "new" / "screen.png")
    turned = str(pictures.parent / "turned.png")
    random_picture(1, PHOTO).rotate(-90, expand=True).save(turned)
    place = "in a part of it: 25% to 75% of its width, 25% to 75% of its height\n"
    part = "PICTURE IN A PICTURE: one holds the other, and neither is a copy to remove\n"
    copy = "COPY: an edited or re-encoded copy\n"
    for words, said in (
        ((photo, screen, "--views", "balanced"), f"{part}B holds A {place}"),
        ((screen, photo, "--views", "balanced"), f"{part}A holds B {place}"),
        ((photo, turned, "--views", "thorough"), f"{copy}B is A, turned by 90° to the right\n"),
    ):
        ran = run_here("compare", *words)
        assert (ran.status, ran.err) == (0, "")
        assert ran.out.startswith(f"{said}score")
    ran = run_here("compare", photo, screen, "--views", "balanced", "--threshold", "0.999")
    assert ran.status == 1
    assert "NOT A COPY\nmost alike: A, and a part of B: 25% to 75% of its width" in ran.out
