"""A folder that `copylens benchmark make` wrote in, a benchmark out, with how each query was made.

The folder: ``queries/``, ``references/`` and, if there are pictures unrelated to both, ``background/``; ``truth.csv``
with the columns query, reference, kind, ops and perhaps strength; ``exam.json`` says how it was made and is not
needed here. Kinds are single, multi and none (or negative, of exams made elsewhere) for a query without a reference.
Ops are the names of the edits in the order they were applied, joined by ``+``.
"""

# ruff: noqa: PTH112, PTH113, PTH118
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from copylens.errors import UsageError
from copylens.evaluation.benchmarks.base import BenchmarkInfo
from copylens.evaluation.benchmarks.layout import Folder, existing_folder, list_pictures
from copylens.evaluation.benchmarks.pairs import check_names
from copylens.evaluation.benchmarks.truth import Row, gather, read_rows, refusal, sorted_pairs
from copylens.evaluation.nouns import Benchmark, Picture, QueryFacts, QueryKind

QUERIES, REFERENCES, BACKGROUND, TRUTH = "queries", "references", "background", "truth.csv"
MAKE = "copylens benchmark make PHOTOS --output EXAM"
SEPARATOR = "+"

KINDS: Mapping[str, QueryKind] = MappingProxyType(
    {"single": "single", "multi": "multi", "none": "none", "negative": "none"}
)

INFO = BenchmarkInfo(
    name="exam",
    title="An exam made from photographs of your own",
    splits=("all",),
    layout="""\
truth.csv                      query,reference,kind,ops,strength; no reference where there is none
queries/                       the edited pictures, each in a row of the truth
references/                    the photographs, and distractors
background/                    photographs unrelated to both, for score normalisation; may be missing""",
    address=MAKE,
)


def open_exam(folder: Folder) -> Benchmark:
    """Open an exam.

    Args:
        folder: holds what `INFO.layout` shows. Other files and columns are not looked at.

    Returns:
        The benchmark with `facts` for every query; keys are file names as in the truth.

    Raises:
        UsageError: a folder or file is missing, a query has no row, or a row is wrong; the message has the line.
    """
    root = existing_folder(folder, "an exam")
    path = os.path.join(root, TRUTH)
    places = {name: os.path.join(root, name) for name in (QUERIES, REFERENCES, BACKGROUND)}
    missing = [f"{name}/" for name in (QUERIES, REFERENCES) if not os.path.isdir(places[name])]
    if not os.path.isfile(path):
        missing.append(TRUTH)
    if missing:
        raise UsageError(f"{root}: this is no exam, {' and '.join(missing)} missing; make one with: {MAKE}")
    queries = list_pictures(places[QUERIES], noun="the queries of an exam")
    references = list_pictures(places[REFERENCES], noun="the references of an exam")
    rows = read_rows(path, required=("kind", "ops"), optional=("strength",))
    check_names(path, rows, (places[QUERIES], queries), (places[REFERENCES], references))
    facts = _facts(path, rows)
    _check_all_named(path, queries, facts)
    truth = sorted_pairs(gather(path, rows))
    if not truth:
        raise UsageError(f"{path}: there is no pair in it, so nothing could be found.")
    background = list_pictures(places[BACKGROUND]) if os.path.isdir(places[BACKGROUND]) else ()
    return Benchmark(
        name=INFO.name,
        split=INFO.splits[0],
        queries=queries,
        references=references,
        truth=truth,
        facts=facts,
        background=background,
    )


def _facts(path: str, rows: Sequence[Row]) -> dict[str, QueryFacts]:
    facts: dict[str, QueryFacts] = {}
    for row in rows:
        kind = KINDS.get(row.others["kind"])
        if kind is None:
            raise refusal(path, row.line, f"{row.others['kind']!r} is no kind; it is {', '.join(KINDS)}.")
        if (kind == "none") == bool(row.reference):
            has = "has a reference" if row.reference else "has no reference"
            raise refusal(path, row.line, f"{row.query} is of the kind {row.others['kind']} and {has}.")
        edits = tuple(name for name in row.others["ops"].split(SEPARATOR) if name)
        found = QueryFacts(kind, edits, row.others["strength"])
        if facts.setdefault(row.query, found) != found:
            raise refusal(path, row.line, f"{row.query} was made otherwise in a row before.")
    return facts


def _check_all_named(path: str, queries: Sequence[Picture], facts: Mapping[str, QueryFacts]) -> None:
    unnamed = [picture.key for picture in queries if picture.key not in facts]
    if unnamed:
        raise UsageError(
            f"{path}: {len(unnamed):,} of {len(queries):,} queries have no row (the first is {unnamed[0]}); give "
            "each a row, with an empty reference where there is none."
        )
