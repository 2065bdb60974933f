"""The faces of a result: numbers, dictionaries, tables and files of made-up findings."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from copylens.errors import MissingExtraError, UsageError
from copylens.records import Findings, Match
from copylens.reports import summarise, to_document
from copylens.reports.writers import COLUMNS
from copylens.workflows.result import THUMBNAIL_SIDE, ScanResult
from copylens.workflows.settings import STAGES
from report_findings import make_findings, make_group, make_image, photo_findings, small_findings
from workflow_samples import Steps


def result_of(findings: Findings, **values: Any) -> ScanResult:
    fields = {field.name: getattr(findings, field.name) for field in dataclasses.fields(findings)}
    return ScanResult(**{**fields, **values})


@pytest.fixture
def result() -> ScanResult:
    return result_of(small_findings())


def test_a_result_is_findings_with_faces(result: ScanResult) -> None:
    assert isinstance(result, Findings)
    assert result.known == frozenset()
    assert result.summary() == summarise(small_findings())
    assert result.to_dict() == to_document(small_findings())
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.groups = ()  # type: ignore[misc]


# --- imagededup's shape


def test_each_image_has_its_matches_best_first() -> None:
    paths = ["a", "b", "c", "d", "alone"]
    matches = (Match("b", "a", 0.9), Match("c", "a", 0.95), Match("c", "b", 0.8), Match("d", "c", 0.95))
    found = result_of(make_findings(images=[make_image(path) for path in paths]), matches=matches)
    assert found.to_imagededup() == {
        "a": ["c", "b"],
        "alone": [],
        "b": ["a", "c"],
        "c": ["a", "d", "b"],
        "d": ["c"],
    }
    assert list(found.to_imagededup()) == sorted(paths)


def test_with_known_images_only_the_new_ones_are_keys() -> None:
    """Whether or not a known image matches anything, and wherever it lies."""
    matches = (Match("new/b", "new/.known/a", 0.9), Match("new/b", "z", 0.9), Match("new/c", "z", 0.8))
    known = ("new/.known/a", "new/.known/unmatched", "z")
    images = [make_image(path) for path in ("new/b", "new/c", "new/d", *known)]
    found = result_of(
        make_findings(images=images, against=("new/.known", "z")), matches=matches, known=frozenset(known)
    )
    assert found.to_imagededup() == {"new/b": ["new/.known/a", "z"], "new/c": ["z"], "new/d": []}


# --- tables


def test_the_table_is_the_csv_file(result: ScanResult, tmp_path: Path) -> None:
    table = result.to_pandas()
    assert list(table.columns) == list(COLUMNS)
    result.save(tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(table) == 5
    for row, line in zip(table.to_dict("records"), rows, strict=True):
        # The empty fields of numbers are not a number there.
        assert {key: "" if value != value else str(value) for key, value in row.items()} == line


@pytest.mark.parametrize("groups", [0, 1])
def test_the_table_has_its_columns_and_types_also_without_rows(groups: int) -> None:
    found = result_of(make_findings([make_group("a", ("b", 0.5, "near"))][:groups]))
    table = found.to_pandas()
    assert len(table) == 2 * groups
    assert list(table.columns) == list(COLUMNS)
    for name, kind in COLUMNS.items():
        if kind != "string":
            assert str(table[name].dtype) == kind


def test_names_that_are_no_text_are_escaped_in_tables() -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    table = result_of(make_findings([make_group(name, ("b", 0.5, "near"))])).to_pandas()
    assert table["path"].tolist() == ["caf\\xe9.jpg", "b"]


def test_without_pandas_it_says_what_to_install(result: ScanResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'copylens\[pandas\]'"):
        result.to_pandas()


# --- files


def test_the_suffix_chooses_the_format(result: ScanResult, tmp_path: Path) -> None:
    result.save(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text(encoding="ascii")) == result.to_dict()
    result.save(str(tmp_path / "r.jsonl"))
    first, *rest = (tmp_path / "r.jsonl").read_text(encoding="ascii").splitlines()
    assert json.loads(first)["type"] == "scan"
    assert len(rest) == len(result.groups) + len(result.matches) + len(result.skipped)
    for name, start in (("r.parquet", b"PAR1"), ("r.html", b"<!doctype html>")):
        result.save(tmp_path / name)
        assert (tmp_path / name).read_bytes()[: len(start)].lower() == start.lower()
    with pytest.raises(UsageError, match=r"r\.txt"):
        result.save(tmp_path / "r.txt")


def test_a_report_holds_thumbnails_of_what_is_still_there(tmp_path: Path) -> None:
    photos = photo_findings()
    kept = photos.groups[0]
    gone = make_group(str(tmp_path / "gone.jpg"), (str(tmp_path / "gone too.jpg"), 0.9, "near"))
    images = {**photos.images, **make_findings([gone]).images}
    found = result_of(photos, groups=(kept, gone), images=images)
    steps = Steps()
    found.save(tmp_path / "r.html", progress=steps)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    here = 1 + len(kept.members)
    # Base64 of a WebP's first bytes.
    assert len(re.findall(r"UklGR[A-Za-z0-9+/]{100}", page)) == here
    steps.check("thumbnails", here + 2)
    assert {stage for stage, _, _ in steps.calls} <= STAGES.keys()
    assert THUMBNAIL_SIDE == 160


# --- in a notebook


def test_a_notebook_shows_the_numbers_and_no_markup_of_others() -> None:
    found = result_of(small_findings())
    shown = dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", found._repr_html_()))
    assert shown == {
        "images": "6",
        "groups": "2",
        "copies": "3",
        "reclaimable": "1.5 MB",
        "skipped": "3",
        "model": "small-model",
    }
    named = result_of(found, model=dataclasses.replace(found.model, name="<b>&"))
    assert "<b>" not in named._repr_html_()
    assert "&lt;b&gt;&amp;" in named._repr_html_()


def test_the_text_form_stays_short() -> None:
    assert "images=" not in repr(result_of(small_findings()))
    assert "known=" not in repr(result_of(small_findings(), known=frozenset({"a"})))
