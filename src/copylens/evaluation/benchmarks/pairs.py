"""Two folders and a CSV of pairs in, a benchmark out: for pictures of one's own."""

# ruff: noqa: PTH118
from __future__ import annotations

import os

from copylens.errors import UsageError
from copylens.evaluation.benchmarks.base import BenchmarkInfo
from copylens.evaluation.benchmarks.layout import Folder, list_pictures
from copylens.evaluation.benchmarks.truth import Row, gather, read_rows, refusal, sorted_pairs
from copylens.evaluation.nouns import Benchmark, Picture

INFO = BenchmarkInfo(
    name="pairs",
    title="Pictures of your own: two folders and a CSV of the pairs",
    splits=("all",),
    layout="""\
a folder of queries            any pictures, also in folders within
a folder of references         any pictures, also in folders within
a CSV with a header            query,reference: paths below the two folders, a row for each pair;
                               no reference where there is none; queries may be in no row""",
    address="a folder of your own",
)


def open_pairs(queries: Folder, references: Folder, truth_csv: Folder) -> Benchmark:
    """Open a benchmark of one's own.

    The columns may also be called ``query_id`` and ``reference_id``; others are not looked at. A query may be in
    several rows, with a reference each, or in one with an empty reference. Pictures of the queries' folder that no
    row names are queries without a reference; references that no row names are distractors.

    Args:
        queries, references: two folders, neither in the other.
        truth_csv: UTF-8, with a header.

    Returns:
        The benchmark; keys are paths below the two folders, with ``/`` between their parts.

    Raises:
        UsageError: a folder or the file is missing or empty, one folder lies in the other, or a row is wrong: it
            names a picture that is not there, or is there twice; the message has the line.
    """
    asked = list_pictures(queries, noun="the queries")
    known = list_pictures(references, noun="the references")
    _check_apart(os.fspath(queries), os.fspath(references))
    path = os.fspath(truth_csv)
    rows = read_rows(path)
    check_names(path, rows, (os.fspath(queries), asked), (os.fspath(references), known))
    truth = sorted_pairs(gather(path, rows))
    if not truth:
        raise UsageError(f"{path}: there is no pair in it, so nothing could be found.")
    return Benchmark(name=INFO.name, split=INFO.splits[0], queries=asked, references=known, truth=truth)


def _check_apart(queries: str, references: str) -> None:
    real = [os.path.join(os.path.realpath(folder), "") for folder in (queries, references)]
    if real[0].startswith(real[1]) or real[1].startswith(real[0]):
        raise UsageError(
            f"{queries} and {references}: the folders of queries and references share pictures, and a picture "
            "always finds itself; name two folders of which neither lies in the other."
        )


def check_names(
    path: str,
    rows: list[Row],
    queries: tuple[str, tuple[Picture, ...]],
    references: tuple[str, tuple[Picture, ...]],
) -> None:
    """See that each name in a truth is a picture's.

    Args:
        path: of the truth.
        rows: its rows.
        queries, references: each a folder, for the message, and its pictures.

    Raises:
        UsageError: a name is not.
    """
    asked, known = ({picture.key for picture in pictures} for _, pictures in (queries, references))
    for row in rows:
        if row.query not in asked:
            raise refusal(path, row.line, _unknown(row.query, queries[0], row.query in known, "reference"))
        if row.reference and row.reference not in known:
            raise refusal(
                path, row.line, _unknown(row.reference, references[0], row.reference in asked, "query")
            )


def _unknown(name: str, folder: str, elsewhere: bool, side: str) -> str:
    hint = f"; it is a {side}, so are the columns exchanged?" if elsewhere else "."
    return f"there is no picture {name!r} in {folder}{hint}"
