"""An evaluation in, tables of words and numbers out, which the console and Markdown draw each in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from copylens.evaluation.results import (
    FIGURES,
    Difference,
    Evaluation,
    Figure,
    Scored,
    Slice,
    SystemResult,
)
from copylens.reports.wording import plural

HEADLINE = (
    "micro_average_precision",
    "recall_at_precision_90",
    "recall_at_precision_99",
    "accuracy_at_1",
    "recall_at_10",
)
COPYDAYS_HEADLINE = (
    "mean_average_precision_trapezoid",
    "mean_average_precision",
    "micro_average_precision",
    "micro_average_precision_trapezoid",
    "recall_at_precision_90",
    "accuracy_at_1",
)

NORMALISED = "normalised"

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table.

    Attributes:
        text: the value.
        note: smaller, below or behind it; line breaks in it are for the console.
        rate: the value as a share, where a colour may say whether it is good.
    """

    text: str
    note: str = ""
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        title: above it.
        columns: their heads, in one or two lines; the first one names the rows.
        rows: as many cells each as there are columns.
        note: a sentence below it; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def tables(evaluation: Evaluation) -> list[Table]:
    """Make all tables that have rows, the most important first."""
    made = [
        headline(evaluation),
        differences(evaluation),
        edits(evaluation),
        slices(evaluation, "By strength", lambda system: system.by_strength),
        slices(evaluation, "By kind of query", lambda system: system.by_kind),
    ]
    return [table for table in made if table.rows]


def headline(evaluation: Evaluation) -> Table:
    """Make the table of the figures that systems are quoted by."""
    keys = _keys(evaluation)
    origin = evaluation.systems[0].origin
    rows = []
    for system in evaluation.systems:
        rows.append((Cell(system.label), *_figures(system.plain, keys), _threshold(system.plain)))
        if system.normalised is not None:
            scored = system.normalised
            rows.append((Cell(f"  {NORMALISED}"), *_figures(scored, keys), _threshold(scored)))
    columns = ("System", *(FIGURES[key] for key in keys), "score\nat P90")
    note = "Of equal scores, misses count before hits."
    if origin.samples:
        note = f"With {origin.level:.0%} bootstrap intervals over the queries. {note}"
    return Table(f"{origin.benchmark}, {origin.split}", columns, tuple(rows), note)


def differences(evaluation: Evaluation) -> Table:
    """Make the table of every further system less the first."""
    keys = _keys(evaluation)
    rows = []
    for comparison in evaluation.comparisons:
        rows.append(_difference_row(comparison.second, comparison.plain, keys))
        if comparison.normalised is not None:
            rows.append(_difference_row(f"  {NORMALISED}", comparison.normalised, keys))
    first = evaluation.systems[0]
    note = "Sure where the interval leaves out 0." if first.origin.samples else ""
    columns = ("System", *(FIGURES[key] for key in keys))
    return Table(f"Difference from {first.label}", columns, tuple(rows), note)


def edits(evaluation: Evaluation) -> Table:
    """Make the table of edits, in the order of the first system: what fails most comes first."""
    by_name = [{edit.name: edit for edit in system.by_edit} for system in evaluation.systems]
    single = len(evaluation.systems) == 1
    rows = []
    several = [system.several_edits for system in evaluation.systems]
    if any(several):
        cells = _slice_cells("(several edits)", several)
        rows.append((*cells, Cell("")) if single else cells)
    for name in by_name[0]:
        found = [names[name] for names in by_name if name in names]
        alone = _slice_cells(name, [edit.alone for edit in found])
        rows.append((*alone, _rate(found[0].within)) if single else alone)
    columns = ("Edit", *_slice_columns(evaluation), *(("R@1 in\nmixes",) if single else ()))
    note = "Queries made with that edit alone" + ("; last column: with others, too." if single else ": R@1.")
    return Table("By edit, what fails most first", columns, tuple(rows), note)


def slices(evaluation: Evaluation, title: str, choose: Callable[[SystemResult], Sequence[Slice]]) -> Table:
    """Make the table of one division of the queries."""
    by_name = [{part.name: part for part in choose(system)} for system in evaluation.systems]
    rows = [_slice_cells(name, [names.get(name) for names in by_name]) for name in by_name[0]]
    note = "" if len(by_name) == 1 else "R@1 of each system."
    return Table(title, ("", *_slice_columns(evaluation)), tuple(rows), note)


def provenance(evaluation: Evaluation) -> list[str]:
    """Say where the figures come from, in lines."""
    origin = evaluation.systems[0].origin
    lines = [
        f"Benchmark {origin.benchmark}, split {origin.split} ({origin.benchmark_digest}): "
        f"{plural(origin.queries, 'query', 'queries')}, {origin.without_reference:,} of them without a reference; "
        f"{plural(origin.references, 'reference')}; {plural(origin.pairs, 'true pair')}.",
        f"Candidates: {origin.rule}. Intervals: "
        + (f"{plural(origin.samples, 'sample')}, seed {origin.seed}." if origin.samples else "none."),
    ]
    lines += [f"{system.label}: {_made(system)}" for system in evaluation.systems]
    lines.append(f"CopyLens {origin.copylens}" + (f": {origin.command}" if origin.command else ""))
    return lines


def _made(system: SystemResult) -> str:
    origin = system.origin
    how = f"descriptors of {origin.source}" if origin.source else f"computed in {origin.precision}"
    text = f"{origin.model} {origin.fingerprint}, {how}, {origin.dims} dimensions"
    text += f"; post-processing {system.plain.post_processing}, {system.plain.dims} dimensions"
    if origin.training:
        text += f", fitted on {plural(origin.training, 'picture')}"
    if system.normalised is not None:
        text += (
            f"; {NORMALISED}: {system.normalised.post_processing} with {plural(origin.background, 'picture')}"
        )
    return f"{text}."


def _keys(evaluation: Evaluation) -> tuple[str, ...]:
    return COPYDAYS_HEADLINE if evaluation.systems[0].origin.protocol == "copydays" else HEADLINE


def _figures(scored: Scored, keys: Sequence[str]) -> list[Cell]:
    return [_figure(scored.figures[key]) for key in keys]


def _figure(figure: Figure) -> Cell:
    if figure.low is None or figure.high is None:
        return Cell(f"{figure.value:.3f}")
    return Cell(f"{figure.value:.3f}", f"{figure.low:.2f}–{figure.high:.2f}")


def _threshold(scored: Scored) -> Cell:
    """The score at the first precision."""
    score = scored.thresholds[0].threshold
    return Cell(NOTHING if score is None else f"{score:.3f}")


def _difference_row(name: str, found: dict[str, Difference], keys: Sequence[str]) -> tuple[Cell, ...]:
    return (Cell(name), *(_difference(found[key]) for key in keys))


def _difference(difference: Difference) -> Cell:
    text = f"{difference.value:+.3f}"
    if difference.low is None or difference.high is None:
        return Cell(text)
    sure = difference.low > 0 or difference.high < 0
    better = (1.0 if difference.value > 0 else 0.0) if sure else None
    return Cell(text, f"{difference.low:+.3f} to\n{difference.high:+.3f}", better)


def _slice_columns(evaluation: Evaluation) -> tuple[str, ...]:
    if len(evaluation.systems) > 1:
        return ("queries", "copies", *(system.label for system in evaluation.systems))
    return ("queries", "copies", "R@1", "found\nat P90", "false\nalarms", "mean\nscore")


def _slice_cells(name: str, parts: Sequence[Slice | None]) -> tuple[Cell, ...]:
    first, *others = parts
    counts = (first.queries, first.pairs) if first else (0, 0)
    named = (Cell(name), *(Cell(f"{count:,}") for count in counts))
    if others:
        return (*named, *(_rate(part) for part in parts))
    if first is None:
        return (*named, *[Cell(NOTHING)] * 4)
    return (
        *named,
        _rate(first),
        Cell(_number(first.found)),
        Cell(_number(first.false_alarms)),
        Cell(_number(first.mean_score)),
    )


def _rate(part: Slice | None) -> Cell:
    rate = None if part is None else part.recall_at_1
    return Cell(_number(rate), rate=rate)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"
