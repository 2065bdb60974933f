"""An evaluation in, its JSON object or Markdown out, and back from the JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from copylens.config import from_mapping, to_mapping
from copylens.errors import ConfigError, EvaluationError
from copylens.evaluation.results import Evaluation, FalseMatch, Miss
from copylens.evaluation.tables import Cell, Table, provenance, tables
from copylens.reports.atomic import whole_file
from copylens.reports.wording import readable

DOCUMENT_VERSION = 1
"""Of the layout in docs/formats.md; raised when a key changes its meaning or goes."""

MARKDOWN_EXAMPLES = 10


def to_document(evaluation: Evaluation) -> dict[str, Any]:
    """Make the JSON object of docs/formats.md."""
    return {"version": DOCUMENT_VERSION, **to_mapping(evaluation)}


def from_document(document: Any, *, where: str) -> Evaluation:
    """Make the evaluation that `to_document` was given.

    Args:
        document: of `to_document`, also after a way through JSON.
        where: what it was read from, for messages.

    Raises:
        EvaluationError: it is of another version, or not such an object.
    """
    if not isinstance(document, dict) or "version" not in document:
        raise EvaluationError(f"{where} holds no result of an evaluation.")
    if document["version"] != DOCUMENT_VERSION:
        raise EvaluationError(
            f"{where} is of version {document['version']}, and this CopyLens reads {DOCUMENT_VERSION}: evaluate again."
        )
    try:
        return from_mapping(
            Evaluation, {key: value for key, value in document.items() if key != "version"}, where=where
        )
    except ConfigError as error:
        raise EvaluationError(f"{error} The result cannot be read; evaluate again.") from error


def write_result(path: Path, evaluation: Evaluation) -> None:
    """Write the JSON file, pure ASCII; raises OutputError."""
    with whole_file(path) as partial, partial.open("w", encoding="ascii") as file:
        json.dump(to_document(evaluation), file, indent=1)
        file.write("\n")


def read_result(path: Path) -> Evaluation:
    """Read the JSON file; raises EvaluationError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise EvaluationError(f"{path} is damaged; evaluate again.") from error
    return from_document(document, where=os.fspath(path))


def write_markdown(path: str | os.PathLike[str], evaluation: Evaluation) -> None:
    """Write the Markdown file, UTF-8; raises OutputError."""
    with whole_file(path) as partial:
        partial.write_text(to_markdown(evaluation), encoding="utf-8")


def to_markdown(evaluation: Evaluation) -> str:
    """Say everything but curves and histograms in Markdown."""
    parts = ["# Evaluation"]
    parts += [_section(table) for table in tables(evaluation)]
    for system in evaluation.systems:
        of = f" of {_inline(system.label)}" if len(evaluation.systems) > 1 else ""
        parts += _examples(f"Worst misses{of}", [_miss(miss) for miss in system.misses])
        parts += _examples(f"Worst false matches{of}", [_false_match(one) for one in system.false_matches])
    parts.append(
        "## Where the figures come from\n\n"
        + "\n".join(f"- {_inline(line)}" for line in provenance(evaluation))
    )
    return "\n\n".join(parts) + "\n"


def _section(table: Table) -> str:
    head = "| " + " | ".join(_inline(column) for column in table.columns) + " |"
    rule = "|---|" + "---:|" * (len(table.columns) - 1)
    rows = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(
        [f"## {_inline(table.title)}\n", head, rule, *rows, *([f"\n{table.note}"] if table.note else [])]
    )


def _cell(cell: Cell) -> str:
    return _inline(f"{cell.text} ({cell.note})" if cell.note else cell.text).strip()


def _examples(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    return [
        f"## {title}\n\n"
        + "\n".join(f"{number}. {line}" for number, line in enumerate(lines[:MARKDOWN_EXAMPLES], 1))
    ]


def _miss(miss: Miss) -> str:
    rank = "not among the candidates" if miss.rank is None else f"rank {miss.rank}"
    instead = f"; instead {miss.found.path} ({miss.found_score:.3f})" if miss.found is not None else ""
    made = f" [{' + '.join(miss.edits)}]" if miss.edits else ""
    return _inline(f"{miss.query.path}{made} → {miss.reference.path} ({miss.score:.3f}, {rank}){instead}")


def _false_match(match: FalseMatch) -> str:
    expected = (
        "no reference" if match.expected is None else f"{match.expected.path} ({match.expected_score:.3f})"
    )
    return _inline(f"{match.query.path} → {match.reference.path} ({match.score:.3f}); expected {expected}")


def _inline(text: str) -> str:
    """Make text safe inside a line or a cell of Markdown."""
    escaped = "".join(f"\\{c}" if c in "\\|*_`<>[]#" else c for c in readable(text))
    return " ".join(escaped.split("\n"))
