"""The lines of a run's log in; curves, tables and figures for the page of a training out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from copylens.reports.wording import plural

Line: TypeAlias = dict[str, Any]

POINTS = 1000
"""Points of a curve; of a longer log some are left out, evenly, never the first nor the last."""

ROWS = 40
"""Rows of the tables behind the curves, and of the list of warnings."""

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of one or several numbers of the log over the steps.

    Attributes:
        name: of the drawing, in the page's addresses.
        title: for people.
        kind: of the lines of the log.
        series: key in the log and name for people.
        limits: the range that is always shown; None fits it to the numbers.
        hint: what to look for.
    """

    name: str
    title: str
    kind: str
    series: tuple[tuple[str, str], ...]
    hint: str
    limits: tuple[float, float] | None = None


CHARTS: tuple[Chart, ...] = (
    Chart("loss", "Loss", "step", (("loss", "loss"),), "What is minimised: InfoNCE and the weighted KoLeo."),
    Chart("info-nce", "InfoNCE", "step", (("info_nce", "InfoNCE"),), "Falls as views find their twins."),
    Chart("koleo", "KoLeo", "step", (("koleo", "KoLeo"),), "Falls as nearest neighbours move apart."),
    Chart(
        "scores",
        "Scores",
        "step",
        (
            ("positive", "positives"),
            ("nearest_negative", "nearest negatives"),
            ("negative", "negatives"),
        ),
        "Positives rise; nearest negatives that rise to 1 are a collapse.",
    ),
    Chart(
        "rank",
        "Effective rank",
        "step",
        (("effective_rank", "directions in use"),),
        "Falls when the descriptors collapse into few directions.",
    ),
    Chart(
        "validation",
        "Validation on the exam",
        "validation",
        (
            ("micro_average_precision", "µAP"),
            ("accuracy_at_1", "accuracy at 1"),
            ("recall_at_precision_90", "recall at 90 % precision"),
        ),
        "Of the network that is exported; step 0 is before any training.",
        (0.0, 1.0),
    ),
    Chart(
        "rate",
        "Learning rate",
        "step",
        (("learning_rate", "learning rate"),),
        "Of the backbone: a linear rise, then a cosine.",
    ),
    Chart(
        "speed",
        "Speed",
        "step",
        (("images_per_second", "images per second"),),
        "Pictures a second over all processes; each makes two views.",
    ),
)


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """A log, its lines parted by kind, each in the order of the steps."""

    steps: tuple[Line, ...]
    validations: tuple[Line, ...]
    warnings: tuple[Line, ...]

    @classmethod
    def of(cls, lines: Iterable[Line]) -> TrainingLog:
        """Part the lines."""
        parts: dict[str, list[Line]] = {"step": [], "validation": [], "warning": []}
        for line in lines:
            parts.get(line["kind"], []).append(line)
        return cls(tuple(parts["step"]), tuple(parts["validation"]), tuple(parts["warning"]))

    def lines(self, kind: str) -> tuple[Line, ...]:
        """Those that a chart draws: of kind ``"step"`` or ``"validation"``."""
        return self.steps if kind == "step" else self.validations

    @property
    def last_step(self) -> int:
        """How far the log goes; 0 where it is empty."""
        return max((line["step"] for line in (*self.steps, *self.validations)), default=0)


def thinned(lines: Sequence[Line], most: int) -> list[Line]:
    """Leave lines out, evenly, until `most` are left; the first and the last stay."""
    if len(lines) <= most:
        return list(lines)
    return [lines[place] for place in np.linspace(0, len(lines) - 1, most).round().astype(int)]


def curve_data(log: TrainingLog) -> dict[str, Any]:
    """Make the JSON values that the page's script draws: numbers as logged, null for what is not finite."""
    charts = []
    for chart in CHARTS:
        lines = thinned(log.lines(chart.kind), POINTS)
        charts.append(
            {
                "name": chart.name,
                "title": chart.title,
                "limits": chart.limits,
                "steps": [line["step"] for line in lines],
                "series": [
                    {"name": name, "values": [_finite(line.get(key)) for line in lines]}
                    for key, name in chart.series
                ],
            }
        )
    marks = [line["step"] for line in thinned(log.warnings, POINTS)]
    return {"last": log.last_step, "charts": charts, "warnings": marks}


def _finite(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def table_columns(kind: str) -> list[tuple[str, str]]:
    """Key and name of the numbers in the table of a kind of lines."""
    return [series for chart in CHARTS if chart.kind == kind for series in chart.series]


def table_rows(log: TrainingLog, kind: str) -> list[tuple[str, list[str]]]:
    """Give step and cells for at most `ROWS` lines."""
    columns = table_columns(kind)
    return [
        (f"{line['step']:,}", [number(_finite(line.get(key))) for key, _ in columns])
        for line in thinned(log.lines(kind), ROWS)
    ]


def number(value: float | None) -> str:
    """Write a number with about four digits: ``0.0312``, ``12.46``, ``1,234``, ``3.1e-05``."""
    if value is None:
        return NOTHING
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e9):
        text = f"{value:.2e}"
    elif size >= 1000:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.{2 if size >= 10 else 4}f}"
    return text.replace("-", MINUS, 1) if value < 0 else text


def seconds_of(log: TrainingLog, batch: int) -> float:
    """Add up the time of the logged steps, from how quick each stretch was; validations and exports are not in it."""
    total, before = 0.0, 0
    for line in log.steps:
        speed = _finite(line.get("images_per_second"))
        if speed:
            total += (line["step"] - before) * batch / speed
        before = line["step"]
    return total


def duration(seconds: float) -> str:
    """Say a time for people: ``"42 s"``, ``"12 min"``, ``"3 h 20 min"``."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"


def headline(log: TrainingLog, batch: int) -> list[tuple[str, str, str]]:
    """Give name, value and remark of the large print."""
    seconds = seconds_of(log, batch)
    pictures = log.steps[-1]["step"] * batch if log.steps else 0
    found = [
        ("steps", f"{log.last_step:,}", f"of {plural(batch, 'picture')}"),
        ("time of training", duration(seconds) if seconds else NOTHING, ""),
        ("images per second", f"{pictures / seconds:,.0f}" if seconds else NOTHING, "on average"),
    ]
    if log.validations:
        first, last = (log.validations[at]["micro_average_precision"] for at in (0, -1))
        change = f"{MINUS if last < first else '+'}{abs(last - first):.3f}"
        remark = f"{change} against {first:.3f} at step {log.validations[0]['step']:,}"
        found.append(("µAP on the exam", f"{last:.3f}", remark if len(log.validations) > 1 else ""))
    found.append(("warnings", f"{len(log.warnings):,}", ""))
    return found
