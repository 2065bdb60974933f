"""A file that a scan wrote in, the groups in it out, whatever its format: keeper first, then the copies."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

Groups = list[list[str]]


def groups_in(path: Path) -> Groups:
    """Paths of each group as the format holds them: undecodable bytes as surrogates in JSON, else as ``\\xNN``."""
    if path.suffix == ".json":
        return from_documents(json.loads(path.read_text(encoding="ascii"))["groups"])
    if path.suffix == ".jsonl":
        return from_documents(line for line in json_lines(path) if line["type"] == "group")
    if path.suffix == ".html":
        return [[image["path"] for image in images_of(group)] for group in report_data(path, "groups")]
    return from_rows(csv_rows(path) if path.suffix == ".csv" else parquet_rows(path))


def from_documents(groups: Iterable[Any]) -> Groups:
    return [[group["keeper"], *(member["path"] for member in group["members"])] for group in groups]


def from_rows(rows: Iterable[dict[str, Any]]) -> Groups:
    groups: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        assert (row["role"] == "keeper") is (int(row["group"]) not in groups)
        groups[int(row["group"])].append(row["path"])
    return list(groups.values())


def json_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def report_data(path: Path, name: str) -> list[Any]:
    """A block of data in an HTML report, as its script reads it."""
    page = path.read_text(encoding="utf-8")
    block = re.search(rf'<script type="application/json" id="data-{name}">(.*?)</script>', page, re.DOTALL)
    assert block
    data: list[Any] = json.loads(block[1])
    return data


def images_of(group: Any) -> list[Any]:
    """The images of a group in a report, keeper first."""
    return [group["keeper"], *group["members"]]


def path_behind(url: str) -> str:
    """The file that an address in a report opens, as the system names it."""
    return os.fsdecode(unquote_to_bytes(url.removeprefix("file://")))
