"""Findings in, a file out; its suffix chooses the format."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from copylens.errors import MissingExtraError
from copylens.records import Findings
from copylens.reports.atomic import check_writable, whole_file
from copylens.reports.document import group_document, table_rows, to_document
from copylens.reports.html import write_html
from copylens.reports.wording import readable

Thumbnail: TypeAlias = Callable[[str], bytes | None]
"""A path in, the bytes of a small WebP out, or None where none can be made."""

SUFFIXES = (".json", ".jsonl", ".csv", ".parquet", ".html", ".htm")


def check_output(path: str | os.PathLike[str]) -> None:
    """Refuse a result file that could not be written, before the work starts.

    Raises:
        UsageError: an unknown suffix, no such folder, or a folder of that name.
        MissingExtraError: .parquet without pyarrow.
    """
    if check_writable(path, SUFFIXES) == ".parquet":
        import_pyarrow()


def write(
    findings: Findings,
    path: str | os.PathLike[str],
    *,
    thumbnail: Thumbnail,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write findings as .json, .jsonl, .csv, .parquet or .html; see docs/formats.md.

    Args:
        findings: what a scan found.
        path: where; an older file there is replaced when the new one is whole.
        thumbnail: makes the pictures of an HTML report.
        progress: called as ``progress(thumbnails done, thumbnails in all)`` by the HTML report.

    Raises:
        UsageError: an unknown suffix, no such folder, or a folder of that name.
        MissingExtraError: .parquet without pyarrow.
        OutputError: the file cannot be written; nothing half-written stays.
    """
    check_output(path)
    suffix = Path(path).suffix.lower()
    with whole_file(path) as partial:
        if suffix in (".html", ".htm"):
            write_html(findings, partial, thumbnail=thumbnail, progress=progress)
        else:
            _WRITERS[suffix](findings, partial)


def import_pyarrow() -> Any:
    """Import pyarrow with its Parquet part; raises MissingExtraError."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", "parquet") from error
    return pyarrow


def _write_json(findings: Findings, path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        json.dump(to_document(findings), file, indent=2)
        file.write("\n")


def _write_jsonl(findings: Findings, path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        for line in _lines(findings):
            file.write(json.dumps(line) + "\n")


def _lines(findings: Findings) -> Iterator[dict[str, Any]]:
    document = to_document(findings)
    matches, skipped = document.pop("matches"), document.pop("skipped")
    del document["groups"]
    yield {"type": "scan", **document}
    yield from ({"type": "group", **group_document(group)} for group in findings.groups)
    yield from ({"type": "match", **match} for match in matches)
    yield from ({"type": "skipped", **item} for item in skipped)


def _write_csv(findings: Findings, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows({**row, "path": readable(row["path"])} for row in table_rows(findings))


def _write_parquet(findings: Findings, path: Path) -> None:
    pyarrow = import_pyarrow()
    schema = pyarrow.schema([(name, getattr(pyarrow, kind)()) for name, kind in COLUMNS.items()])
    rows = [{**row, "path": readable(row["path"])} for row in table_rows(findings)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)


COLUMNS = {
    "group": "int64",
    "role": "string",
    "kind": "string",
    "score": "float64",
    "path": "string",
    "width": "int64",
    "height": "int64",
    "format": "string",
    "bytes": "int64",
    "modified": "string",
    "content_hash": "string",
    "because": "string",
    "view_side": "string",
    "view_left": "float64",
    "view_top": "float64",
    "view_right": "float64",
    "view_bottom": "float64",
    "view_turn": "string",
}
"""Columns of the CSV and Parquet tables, with their Arrow types."""

_WRITERS: dict[str, Callable[[Findings, Path], None]] = {
    ".json": _write_json,
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
