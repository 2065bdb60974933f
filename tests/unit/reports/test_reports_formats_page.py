"""docs/formats.md says what is written: its tables are compared with real output, so that they cannot rot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from copylens.matching.keep import RULES
from copylens.records import SKIP_CODES, MatchedView, ModelIdentity, View
from copylens.reports import to_document, view_document, write, write_descriptors
from copylens.reports.wording import BECAUSE_WORDS
from copylens.reports.writers import COLUMNS, SUFFIXES
from report_findings import nested_findings, small_findings, tiny_picture

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"

TYPES: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "list of strings": list,
    "list of objects": list,
    "object": dict,
    "object or null": (dict, type(None)),
    "number or null": (int, float, type(None)),
    "list of 4 numbers": list,
}


def table(title: str) -> list[list[str]]:
    """Cells of the first table under a heading, without its head."""
    section = re.split(rf"^#+ {re.escape(title)}$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    rows = []
    for line in section.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


def named(title: str) -> dict[str, str]:
    """First cell, without its backquotes, to second cell."""
    return {row[0].strip("`"): row[1] for row in table(title)}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every documented key with its value; the keys of `skipped_by_code` are data."""
    if path:
        yield path, value
    if isinstance(value, dict) and path != "summary.skipped_by_code":
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                for key, below in inner.items():
                    yield from leaves(below, f"{path}[].{key}")


def test_the_keys_of_the_document_are_those_of_the_page() -> None:
    parents = {"model", "summary"}
    found = {path for path, _ in leaves(to_document(small_findings(against=("known",))))} - parents
    assert found == set(named("The result of a scan as JSON"))


def test_the_values_have_the_types_of_the_page() -> None:
    types = named("The result of a scan as JSON")
    values = [
        (path, value)
        for path, value in leaves(to_document(small_findings()))
        if path not in {"model", "summary"}
    ]
    assert len(values) > len(types)
    for path, value in values:
        assert isinstance(value, TYPES[types[path]]), path
        assert not isinstance(value, bool), path


def test_the_view_of_a_match_has_the_keys_and_types_of_the_page() -> None:
    types = named("The view of a match")
    document = view_document(MatchedView("copy", View(0.25, 0, 0.75, 0.5)))
    assert document is not None
    assert document.keys() == types.keys()
    for key, value in document.items():
        assert isinstance(value, TYPES[types[key]]), key
    assert len(document["box"]) == 4


def test_related_images_have_the_keys_and_types_of_the_page() -> None:
    types = named("Images in images")
    related = [item for group in to_document(nested_findings())["groups"] for item in group["related"]]
    assert len(related) == 3
    for item in related:
        assert item.keys() == types.keys()
        for key, value in item.items():
            assert isinstance(value, TYPES[types[key]]), key


def test_every_reason_of_the_page_can_come_and_no_other() -> None:
    said = {word for row in table("Why a keeper is kept") for word in re.findall(r"`([^`]+)`", row[0])}
    assert said == {*BECAUSE_WORDS, "path:GLOB", "known"}
    assert said >= RULES.keys()


def test_the_codes_of_the_page_are_the_codes() -> None:
    assert named("Codes of skipped files") == SKIP_CODES


def test_the_lines_are_those_of_the_page(tmp_path: Path) -> None:
    write(small_findings(), tmp_path / "a.jsonl", thumbnail=tiny_picture)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="ascii").splitlines()]
    assert list(dict.fromkeys(line["type"] for line in lines)) == list(named("JSON Lines"))


def test_the_columns_of_the_page_are_the_columns() -> None:
    assert named("CSV and Parquet") == COLUMNS


def test_the_arrays_of_the_page_are_written(tmp_path: Path) -> None:
    for name in ("a.npz", "a.parquet"):
        write_descriptors(
            tmp_path / name,
            paths=["a.jpg"],
            descriptors=np.ones((1, 4), np.float32),
            model=ModelIdentity("m", "f"),
        )
    with np.load(tmp_path / "a.npz") as arrays:
        npz = set(arrays)
    parquet = set(pyarrow.parquet.read_schema(tmp_path / "a.parquet").names)
    rows = {(row[0].strip("`"), row[1].strip("`")) for row in table("Descriptors")}
    assert rows == {(".npz", name) for name in npz} | {(".parquet", name) for name in parquet}


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".htm"])
def test_every_suffix_is_on_the_page(suffix: str) -> None:
    assert f"{suffix}`" in PAGE.read_text(encoding="utf-8")
