"""A CSV of pairs in, its rows with their line numbers out; what cannot be meant is refused with the line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from copylens.errors import UsageError

PAIR_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "query": ("query", "query_id"),
    "reference": ("reference", "reference_id"),
}
"""Columns every truth has, with the names they may go by."""

Truth = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a truth.

    Attributes:
        line: in the file, from 1.
        query: its name.
        reference: its name, empty when the query has none.
        others: the other columns that were asked for, by name; empty text for one that is not in the file.
    """

    line: int
    query: str
    reference: str
    others: Mapping[str, str]


def read_rows(
    path: str, *, required: Sequence[str] = (), optional: Sequence[str] = (), headerless: bool = False
) -> list[Row]:
    """Read a truth: UTF-8, commas, a header, empty lines skipped; columns nobody asked for are not looked at.

    Args:
        path: of the file.
        required, optional: columns beside query and reference.
        headerless: whether the file may begin with its first pair, query before reference.

    Raises:
        UsageError: it cannot be read or has no row, a column is missing, or a row has too few or many fields.
    """
    lines = _read_lines(path)
    header = [name.strip() for name in lines[0][1]]
    wanted = (*PAIR_COLUMNS, *required)
    columns = _columns(header, (*wanted, *optional))
    absent = [name for name in wanted if name not in columns]
    if not absent:
        width, body = len(header), lines[1:]
    elif headerless and absent == list(PAIR_COLUMNS):
        width, body = len(PAIR_COLUMNS), lines
        columns.update(query=0, reference=1)
    else:
        raise refusal(
            path,
            lines[0][0],
            f"a header with the columns {', '.join(wanted)} is needed, but {' and '.join(absent)} "
            f"{'is' if len(absent) == 1 else 'are'} missing in {','.join(header)!r}.",
        )
    others = (*required, *optional)
    return [_row(path, line, cells, width, columns, others) for line, cells in body]


def _columns(header: Sequence[str], wanted: Iterable[str]) -> dict[str, int]:
    """Where each column stands, for those that are there."""
    places = {}
    for name in wanted:
        known = next((alias for alias in PAIR_COLUMNS.get(name, (name,)) if alias in header), None)
        if known is not None:
            places[name] = header.index(known)
    return places


def _read_lines(path: str) -> list[tuple[int, list[str]]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True, skipinitialspace=True)
            try:
                lines = [(reader.line_num, cells) for cells in reader if cells]
            except csv.Error as error:
                raise refusal(path, reader.line_num, f"this is not CSV: {error}.") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: this is not UTF-8 text; save it as UTF-8.") from error
    if not lines:
        raise UsageError(f"{path}: the file is empty; it should hold the pairs of queries and references.")
    return lines


def _row(
    path: str, line: int, cells: Sequence[str], width: int, columns: Mapping[str, int], others: Iterable[str]
) -> Row:
    if len(cells) != width:
        raise refusal(path, line, f"the row has {len(cells)} fields instead of {width}.")
    query = cells[columns["query"]]
    if not query:
        raise refusal(path, line, "the query is empty; only a reference may be, where there is none.")
    extra = {name: cells[columns[name]] if name in columns else "" for name in others}
    return Row(line, query, cells[columns["reference"]], extra)


def gather(path: str, rows: Iterable[Row]) -> dict[str, set[str]]:
    """The references of each query that is named, an empty set for one without.

    Raises:
        UsageError: a pair is there twice, or a query is said to have no reference and has one.
    """
    found: dict[str, set[str]] = {}
    for row in rows:
        before = found.setdefault(row.query, set())
        if row.reference in before:
            pair = f"the pair {row.query}, {row.reference}" if row.reference else f"the query {row.query}"
            raise refusal(path, row.line, f"{pair} is there twice.")
        if before and "" in before | {row.reference}:
            raise refusal(path, row.line, f"{row.query} has a reference in one row and none in another.")
        before.add(row.reference)
    return {query: references - {""} for query, references in found.items()}


def sorted_pairs(gathered: Mapping[str, Iterable[str]]) -> Truth:
    """All (query, reference) of what `gather` returned, sorted."""
    return tuple(
        sorted((query, reference) for query, references in gathered.items() for reference in references)
    )


def refusal(path: str, line: int, text: str) -> UsageError:
    """The error for a line of a file."""
    return UsageError(f"{path}, line {line}: {text}")
