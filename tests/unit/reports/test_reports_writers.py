"""Result files: each read back by another reader, and refused in one sentence where none can be written."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from copylens.errors import MissingExtraError, OutputError, UsageError
from copylens.records import Findings
from copylens.reports import check_output, table_rows, to_document, write
from copylens.reports.writers import COLUMNS, SUFFIXES
from report_findings import make_findings, make_group, nested_findings, small_findings, tiny_picture

BAD = os.fsdecode(b"caf\xe9.jpg")
NAMES = ["=1+1.jpg", 'quote",comma.jpg', "two\nlines\r.jpg", "фото 😀.jpg", " space ", BAD]


def save(findings: Findings, path: Path) -> Path:
    write(findings, path, thumbnail=tiny_picture)
    return path


def strange() -> Findings:
    return make_findings([make_group("keeper.jpg", *((name, 0.5, "near") for name in NAMES))])


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_json_is_the_document(tmp_path: Path) -> None:
    data = save(strange(), tmp_path / "a.json").read_bytes()
    assert data.isascii()
    assert data.endswith(b"}\n")
    assert json.loads(data) == to_document(strange())


def test_json_lines_put_together_are_the_document(tmp_path: Path) -> None:
    text = save(small_findings(), tmp_path / "a.jsonl").read_text(encoding="ascii")
    lines = [json.loads(line) for line in text.splitlines()]
    parts: dict[str, list[dict[str, object]]] = {"scan": [], "group": [], "match": [], "skipped": []}
    for line in lines:
        parts[line.pop("type")].append(line)
    (whole,) = parts["scan"]
    whole |= {"groups": parts["group"], "matches": parts["match"], "skipped": parts["skipped"]}
    assert whole == to_document(small_findings())


def test_csv_read_back_is_the_table(tmp_path: Path) -> None:
    rows = read_csv(save(nested_findings(), tmp_path / "a.csv"))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in table_rows(nested_findings())
    ]
    assert list(rows[0]) == list(COLUMNS)


def test_strange_names_survive_csv_but_for_undecodable_bytes(tmp_path: Path) -> None:
    rows = read_csv(save(strange(), tmp_path / "a.csv"))
    assert [row["path"] for row in rows[1:]] == [*NAMES[:-1], "caf\\xe9.jpg"]


def test_parquet_read_back_is_the_table(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(save(nested_findings(), tmp_path / "a.parquet"))
    assert table.to_pylist() == list(table_rows(nested_findings()))
    assert {field.name: str(field.type).replace("double", "float64") for field in table.schema} == COLUMNS


def test_strange_names_survive_parquet_but_for_undecodable_bytes(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(save(strange(), tmp_path / "a.parquet"))
    assert table["path"].to_pylist()[1:] == [*NAMES[:-1], "caf\\xe9.jpg"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_found_can_be_written(tmp_path: Path, suffix: str) -> None:
    assert save(make_findings(), tmp_path / f"a{suffix}").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    assert save(make_findings(), tmp_path / "a.csv").read_text(encoding="utf-8").strip() == ",".join(COLUMNS)
    assert pyarrow.parquet.read_schema(save(make_findings(), tmp_path / "a.parquet")).names == list(COLUMNS)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_may_be_upper_case(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "a"
    assert save(small_findings(), path.with_suffix(suffix.upper())).stat().st_size > 0


def test_writing_twice_gives_equal_bytes(tmp_path: Path) -> None:
    for suffix in (".json", ".jsonl", ".csv", ".parquet"):
        first = save(small_findings(), tmp_path / f"a{suffix}").read_bytes()
        assert save(small_findings(), tmp_path / f"a{suffix}").read_bytes() == first


def test_an_unknown_suffix_names_the_known_ones(tmp_path: Path) -> None:
    for refuse in (check_output, lambda path: save(small_findings(), path)):
        with pytest.raises(UsageError, match=r"\.json, \.jsonl, \.csv, \.parquet, \.html"):
            refuse(tmp_path / "a.xlsx")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[parquet\]"):
        check_output(tmp_path / "a.parquet")
    with pytest.raises(MissingExtraError):
        save(small_findings(), tmp_path / "a.parquet")
    check_output(tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_in_the_middle_leaves_the_older_file(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"a{suffix}"
    target.write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="the disk is full"):
        save(small_findings(), target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_disk_that_fills_up_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, name: str) -> Path:
        link = self.parent / name
        link.symlink_to("/dev/full")
        return link

    monkeypatch.setattr(Path, "with_name", full)
    for suffix in SUFFIXES:
        with pytest.raises(OutputError, match="the disk is full"):
            save(small_findings(), tmp_path / f"a{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == []
