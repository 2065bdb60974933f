"""A run folder in, one self-contained HTML file to look at out: what was learnt, how, and what it looks like.

The file holds the figures as tables and pictures, the log as JSON, and one script that draws the charts. Names and
texts are untrusted: they travel escaped, and the content security policy allows this style and this script by their
digests, and nothing from outside. Style and drawing are those of the page of an evaluation, with some of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, StrictUndefined

from copylens.reports.atomic import whole_file
from copylens.reports.html import embed_json
from copylens.reports.wording import readable
from copylens.training import page_log
from copylens.training.page_log import CHARTS, TrainingLog, curve_data
from copylens.training.recipes import load_recipe, to_toml
from copylens.training.sampling_page import Samples
from copylens.training.settings import TrainSettings
from copylens.training.watching import read_log

PAGE = "training.html"
"""The page's name in a run folder."""

RECIPE = "recipe.toml"
"""The recipe's name in a run folder."""

DATA_MARK = "<!--data-->"
BINS = 40

SHARED, OWN = "copylens.evaluation", "copylens.training"
STYLES = ((SHARED, "page.css"), (OWN, "training.css"))
SCRIPTS = ((SHARED, "nodes.js"), (OWN, "curves.js"), (OWN, "histogram.js"))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of positives and of nearest negatives, counted.

    Attributes:
        edges: ``BINS + 1`` scores.
        positives, negatives: ``BINS`` counts each.
        found: in how many views the twin scores above all negatives.
        views: how many there are.
    """

    edges: list[float]
    positives: list[int]
    negatives: list[int]
    found: int
    views: int


def write_training_page(
    run: Path, *, samples: Samples | None, now: Callable[[], datetime] = datetime.now
) -> Path:
    """Write the page of a run into its folder.

    Args:
        run: the folder, with its recipe and its log.
        samples: what the network says of held-out pictures; None where there are none.
        now: the time that the page says it was written at.

    Returns:
        Where the page is.

    Raises:
        UsageError: the folder holds no recipe.
        ConfigError: the recipe cannot be read.
        OutputError: the file cannot be written; nothing half-written stays.
    """
    settings = load_recipe(run / RECIPE)
    log = TrainingLog.of(read_log(run))
    counted = count_scores(samples) if samples is not None else None
    before, after = _around(settings, log, samples, counted, now()).split(DATA_MARK)
    path = run / PAGE
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(before)
        embed_json(file, "log", [curve_data(log)])
        embed_json(file, "scores", _score_data(counted, samples))
        file.write(after)
    return path


def count_scores(samples: Samples) -> Histogram:
    """Count the scores in bins that cover them all and end at 1."""
    twins = np.concatenate([samples.positives, samples.positives])
    known = np.isfinite(samples.nearest_negatives)
    scores = np.concatenate([samples.positives, samples.nearest_negatives[known], [samples.threshold]])
    low = max(-1.0, float(np.floor(scores.min() * 20) / 20))
    edges = np.linspace(min(low, 0.95), 1.0, BINS + 1)
    return Histogram(
        edges.tolist(),
        _counts(samples.positives, edges),
        _counts(samples.nearest_negatives[known], edges),
        int(np.sum(twins[known] > samples.nearest_negatives[known])),
        int(known.sum()),
    )


def _counts(scores: npt.NDArray[np.float32], edges: npt.NDArray[np.float64]) -> list[int]:
    # A score of twins may round to a little more than 1.
    counts: list[int] = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].tolist()
    return counts


def _score_data(counted: Histogram | None, samples: Samples | None) -> list[dict[str, Any]]:
    if counted is None or samples is None:
        return []
    return [
        {
            "edges": counted.edges,
            "positives": counted.positives,
            "negatives": counted.negatives,
            "threshold": samples.threshold,
        }
    ]


def _around(
    settings: TrainSettings,
    log: TrainingLog,
    samples: Samples | None,
    counted: Histogram | None,
    written: datetime,
) -> str:
    """Render the page around the data, with style and script inside."""
    environment = Environment(
        autoescape=True,
        finalize=lambda value: readable(value) if type(value) is str else value,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    style = "".join(_part(*place) for place in STYLES)
    parts = "\n".join(_part(*place) for place in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    return environment.from_string(_part(OWN, "page.html.j2")).render(
        charts=CHARTS,
        counted=counted,
        data_mark=DATA_MARK,
        encoded=lambda picture: base64.b64encode(picture).decode("ascii"),
        log=log,
        recipe=to_toml(settings),
        rows=page_log,
        samples=samples,
        script=script,
        script_digest=_digest(script),
        settings=settings,
        style=style,
        style_digest=_digest(style),
        written=written.astimezone().strftime("%Y-%m-%d %H:%M"),
    )


def _part(package: str, name: str) -> str:
    return (resources.files(package) / "page" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Give the digest by which a content security policy allows an inline block."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
