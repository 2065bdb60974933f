"""An evaluation in, the rows of the page's tables out: figures, differences in words, what is behind charts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copylens.evaluation.results import (
    FIGURES,
    Curve,
    Difference,
    Evaluation,
    Origin,
    Scored,
    Slice,
    SystemResult,
    Threshold,
)
from copylens.evaluation.tables import COPYDAYS_HEADLINE, HEADLINE, NOTHING
from copylens.reports.wording import plural

HUES = 6
"""Colours for systems; a seventh has the first's again, with other dashes."""

NORMALISED = "with score normalisation"

MINUS = "\N{MINUS SIGN}"

RECALLS = tuple(step / 20 for step in range(1, 21))
"""Where the table behind the curves reads them."""

MEANINGS: dict[str, str] = {
    "micro_average_precision": "area under the precision-recall curve of all candidates together",
    "recall_at_precision_90": "share of the true pairs found where 90 % of what is reported is right",
    "recall_at_precision_99": "share of the true pairs found where 99 % of what is reported is right",
    "accuracy_at_1": "share of the queries with a true pair whose best candidate is one",
    "recall_at_10": "share of a query's true pairs among its first 10 candidates, on average",
    "micro_average_precision_trapezoid": "µAP by the trapezoid rule",
    "mean_average_precision": "average precision of each query, averaged",
    "mean_average_precision_trapezoid": "mAP by the trapezoid rule, as Copydays is quoted",
}
"""What each figure says."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in a table.

    Attributes:
        name: of the figure.
        text: its value.
        note: its interval; empty without one.
        value, low, high: for drawing, from 0 to 100; None for what is not drawn.
        verdict: for a difference, a word; empty without an interval.
    """

    name: str
    text: str
    note: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of figures.

    Attributes:
        system: position of the system.
        note: what tells this row from another one of the same system; may be empty.
        cells: its figures.
    """

    system: int
    note: str
    cells: tuple[Cell, ...]


def letter(number: int) -> str:
    """Name a system shortly: A, B, ...; numbers after Z."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)


def hue(number: int) -> str:
    """Give the class of a system's colour."""
    return f"s{number % HUES}"


def keys(evaluation: Evaluation) -> tuple[str, ...]:
    """Choose the figures that the benchmark is quoted by."""
    return COPYDAYS_HEADLINE if evaluation.systems[0].origin.protocol == "copydays" else HEADLINE


def figure_names(evaluation: Evaluation) -> list[str]:
    """Name the columns of figures."""
    return [FIGURES[key] for key in keys(evaluation)]


def meanings(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Explain the columns of figures."""
    return [(FIGURES[key], MEANINGS[key]) for key in keys(evaluation)]


def headline(evaluation: Evaluation) -> list[Row]:
    """Make the rows of figures, a second one where scores were normalised."""
    rows = []
    for number, system in enumerate(evaluation.systems):
        rows.append(Row(number, "", tuple(_figures(system.plain, keys(evaluation)))))
        if system.normalised is not None:
            rows.append(Row(number, NORMALISED, tuple(_figures(system.normalised, keys(evaluation)))))
    return rows


def _figures(scored: Scored, wanted: Sequence[str]) -> Iterator[Cell]:
    for key in wanted:
        figure = scored.figures[key]
        note = "" if figure.low is None or figure.high is None else f"{figure.low:.3f} – {figure.high:.3f}"
        yield Cell(
            FIGURES[key],
            f"{figure.value:.3f}",
            note,
            _percent(figure.value),
            _percent(figure.low),
            _percent(figure.high),
        )
    for threshold in scored.thresholds:
        yield Cell(_threshold_name(threshold), _number(threshold.threshold, digits=3))


def threshold_names(evaluation: Evaluation) -> list[str]:
    """Name the columns of thresholds."""
    return [_threshold_name(threshold) for threshold in evaluation.systems[0].plain.thresholds]


def _threshold_name(threshold: Threshold) -> str:
    return f"score at P{threshold.wanted * 100:.0f}"


def differences(evaluation: Evaluation) -> list[Row]:
    """Make the rows of each further system less the first, drawn around 50 at one scale."""
    numbers = {system.label: number for number, system in enumerate(evaluation.systems)}
    found = [
        (numbers[comparison.second], note, differences)
        for comparison in evaluation.comparisons
        for note, differences in (("", comparison.plain), (NORMALISED, comparison.normalised))
        if differences is not None
    ]
    wanted = keys(evaluation)
    ends = [
        abs(end)
        for _, _, differences in found
        for key in wanted
        for end in (differences[key].value, differences[key].low, differences[key].high)
        if end is not None
    ]
    scale = 48 / max([*ends, 1e-6])
    return [
        Row(number, note, tuple(_difference(FIGURES[key], differences[key], scale) for key in wanted))
        for number, note, differences in found
    ]


def _difference(name: str, difference: Difference, scale: float) -> Cell:
    value, low, high = (
        None if end is None else round(50 + end * scale, 2)
        for end in (difference.value, difference.low, difference.high)
    )
    text = _signed(difference.value)
    if difference.low is None or difference.high is None:
        return Cell(name, text, "", value)
    note = f"{_signed(difference.low)} to {_signed(difference.high)}"
    return Cell(name, text, note, value, low, high, verdict(difference))


def verdict(difference: Difference) -> str:
    """Say what an interval allows to say; nothing without one."""
    if difference.low is None or difference.high is None:
        return ""
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "cannot be told apart"


def curve_rows(evaluation: Evaluation) -> list[tuple[str, list[str]]]:
    """Read the curves at `RECALLS`: the recall, then precision and score of every curve."""
    curves = [scored.curve for _, _, scored in scored_lists(evaluation)]
    return [(f"{recall:.2f}", [_read(curve, recall) for curve in curves]) for recall in RECALLS]


def _read(curve: Curve, recall: float) -> str:
    place = bisect_left(curve.recall, recall)
    if place == len(curve.recall):
        return NOTHING
    return f"{curve.precision[place]:.3f} at {_number(curve.thresholds[place], digits=3)}"


def scored_lists(evaluation: Evaluation) -> list[tuple[int, str, Scored]]:
    """List every judged list of predictions: the system's position, what was done to the scores, the list."""
    return [
        (number, note, scored)
        for number, system in enumerate(evaluation.systems)
        for note, scored in (("", system.plain), (NORMALISED, system.normalised))
        if scored is not None
    ]


def score(value: float) -> str:
    """Say a score."""
    return _number(value, digits=3)


def slice_columns() -> tuple[str, ...]:
    """Name what `slice_cells` gives."""
    return ("queries", "copies", "R@1", "R@10", "found at P90", "false alarms", "mean score")


def slice_cells(part: Slice | None) -> tuple[str, ...]:
    """Say all of a slice in words for a table."""
    if part is None:
        return (NOTHING,) * len(slice_columns())
    rates = (part.recall_at_1, part.recall_at_10, part.found, part.false_alarms, part.mean_score)
    return (f"{part.queries:,}", f"{part.pairs:,}", *(_number(rate, digits=3) for rate in rates))


def edit_rows(evaluation: Evaluation) -> list[tuple[str, str, int, tuple[str, ...]]]:
    """List edit, alone or within, system and `slice_cells`, in the order of the first system."""
    rows: list[tuple[str, str, int, tuple[str, ...]]] = []
    by_name = [{edit.name: edit for edit in system.by_edit} for system in evaluation.systems]
    for name in by_name[0]:
        for number, edits in enumerate(by_name):
            if name in edits:
                rows.append((name, "alone", number, slice_cells(edits[name].alone)))
                rows.append((name, "with others", number, slice_cells(edits[name].within)))
    for number, system in enumerate(evaluation.systems):
        if system.several_edits is not None:
            rows.append(("any", "with others", number, slice_cells(system.several_edits)))
    return rows


def part_rows(parts: Sequence[tuple[Slice, ...]]) -> list[tuple[str, int, tuple[str, ...]]]:
    """List slice, system and `slice_cells` of one division of the queries, given for each system."""
    return [
        (part.name, number, slice_cells(part))
        for place in range(len(parts[0]))
        for number, part in enumerate(slices[place] for slices in parts if place < len(slices))
    ]


def numbers(origin: Origin) -> list[tuple[str, str]]:
    """Give the large print at the start of the page."""
    return [
        ("queries", f"{origin.queries:,}"),
        ("of them without a reference", f"{origin.without_reference:,}"),
        ("references", f"{origin.references:,}"),
        ("true pairs", f"{origin.pairs:,}"),
    ]


def level(origin: Origin) -> str:
    """Say the level of the intervals."""
    return f"{100 * origin.level:g} %"


def shared_origin(origin: Origin) -> list[tuple[str, str]]:
    """Say what holds for all systems, but for the command."""
    intervals = "none"
    if origin.samples:
        samples = plural(origin.samples, "sample")
        intervals = f"{level(origin)}, bootstrap over the queries, {samples}, seed {origin.seed}"
    rows = [
        ("benchmark", origin.benchmark),
        ("split", origin.split),
        ("digest", origin.benchmark_digest),
        ("protocol", origin.protocol),
        ("candidates", origin.rule),
        ("queries", f"{origin.queries:,}, {origin.without_reference:,} of them without a reference"),
        ("references", f"{origin.references:,}"),
        ("true pairs", f"{origin.pairs:,}"),
        ("equal scores", "misses count before hits"),
        ("intervals", intervals),
        ("CopyLens", origin.copylens),
    ]
    return [(name, value) for name, value in rows if value]


def system_origin(system: SystemResult) -> list[tuple[str, str]]:
    """Say what made a system's figures."""
    origin = system.origin
    normalised = system.normalised
    rows = [
        ("model", origin.model),
        ("fingerprint", origin.fingerprint),
        ("descriptors from", origin.source),
        ("computed in", origin.precision),
        ("dimensions", f"{origin.dims:,}"),
        ("post-processing", f"{system.plain.post_processing}, {system.plain.dims:,} dimensions"),
        ("fitted on", plural(origin.training, "picture") if origin.training else ""),
        (
            "score normalisation",
            f"{normalised.post_processing}, {plural(origin.background, 'background picture')}"
            if normalised is not None
            else "none",
        ),
    ]
    return [(name, value) for name, value in rows if value]


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS)


def _number(value: float | None, *, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}".replace("-", MINUS)
