"""Runs that never ran, as folders, and made-up samples: for the tests of a training's page as text and in Chromium."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmark_folders import pattern
from copylens.training.page import RECIPE, write_training_page
from copylens.training.recipes import to_toml
from copylens.training.sampling_page import NEAREST, SHOWN, Neighbour, Samples, ShownPicture
from copylens.training.settings import TrainSettings
from copylens.training.watching import FILE
from training_samples import tiny

NOON = datetime(2026, 5, 17, 12, 0)
BATCH = 8
SPEED = 40.0

Line = dict[str, Any]


def step_line(step: int, **changes: float) -> Line:
    """A line as the loop writes it, each number its own."""
    names = ("loss", "info_nce", "koleo", "positive", "negative", "nearest_negative", "mean_norm")
    dice = np.random.default_rng(step)
    values = {name: float(dice.uniform(0.1, 0.9)) for name in names}
    values |= {"effective_rank": 3.5, "learning_rate": 1e-3 / step, "images_per_second": SPEED}
    return {"kind": "step", "step": step, **values, **changes}


def validation_line(step: int, precision: float) -> Line:
    return {
        "kind": "validation",
        "step": step,
        "micro_average_precision": precision,
        "accuracy_at_1": 0.5,
        "recall_at_precision_90": 0.25,
    }


def warning_line(step: int, text: str = "the descriptors collapse") -> Line:
    return {"kind": "warning", "step": step, "text": text}


def whole_log(steps: int = 60, every: int = 2) -> list[Line]:
    """Steps, three validations, two warnings."""
    lines = [step_line(step) for step in range(every, steps + 1, every)]
    validations = [validation_line(0, 0.2), validation_line(steps // 2, 0.3), validation_line(steps, 0.625)]
    warnings = [warning_line(every * 4), warning_line(every * 9, "rank & file")]
    return sorted([*lines, *validations, *warnings], key=lambda line: int(line["step"]))


def run_folder(path: Path, lines: Sequence[Mapping[str, Any]], settings: TrainSettings | None = None) -> Path:
    """A run folder with a recipe and a log."""
    path.mkdir(parents=True, exist_ok=True)
    (path / RECIPE).write_text(to_toml(settings or tiny()), encoding="utf-8")
    (path / FILE).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def made_samples(count: int = 20, *, names: Sequence[str] = ()) -> Samples:
    """Samples of `count` pictures, of which the first are shown; every score is its own."""
    dice = np.random.default_rng(5)
    shown = [ShownPicture(names[n] if n < len(names) else f"held/{n:03d}.jpg", webp(n)) for n in range(count)]
    neighbours = tuple(
        (
            row,
            tuple(
                Neighbour((row + near) % count, round(0.9 - 0.01 * row - 0.1 * near, 4))
                for near in range(1, min(NEAREST, count - 1) + 1)
            ),
        )
        for row in range(min(SHOWN, count))
    )
    return Samples(
        dice.uniform(0.6, 1.0, count).astype(np.float32),
        dice.uniform(-0.1, 0.7, 2 * count).astype(np.float32),
        tuple(shown),
        neighbours,
        0.75,
    )


def webp(number: int) -> bytes:
    out = io.BytesIO()
    pattern(number).save(out, "WEBP")
    return out.getvalue()


def written(folder: Path, samples: Samples | None = None) -> Path:
    """Write the page, at noon."""
    return write_training_page(folder, samples=samples, now=lambda: NOON)
