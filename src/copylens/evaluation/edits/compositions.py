"""A strength in, a sequence of two to four edits out, in the order in which people do such things.

First what the picture shows (cut, turned), then its colours and detail, then what is put on it, then what it is put
into, and at last how it is stored. The sequences stay within what a person would still recognise: only one edit of
a hard composition is hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from copylens.errors import UsageError
from copylens.evaluation.edits.canvas import bounded
from copylens.evaluation.edits.edit import STAGES, Edit, Encoded, Others, Picture, Stage, Strength, decoded

_LENGTHS: dict[Strength, tuple[int, int]] = {"mild": (2, 2), "medium": (2, 3), "hard": (3, 4)}
_BELOW: dict[Strength, Strength] = {"mild": "mild", "medium": "mild", "hard": "medium"}

_STAGE_WEIGHTS: dict[Stage, float] = {
    "geometry": 1.6, "colour": 1.2, "detail": 0.6, "overlay": 1.6, "container": 1.1, "encoding": 1.0,
}  # fmt: skip
_MOST_OF_A_STAGE: dict[Stage, int] = {
    "geometry": 2, "colour": 1, "detail": 1, "overlay": 2, "container": 1, "encoding": 1,
}  # fmt: skip

_SMALL = {
    "picture_in_picture",
    "collage",
    "desktop_screenshot",
    "phone_screenshot",
    "photo_of_screen",
    "letterbox",
}
_CLASHES: dict[str, set[str]] = {
    "thumbnail": {*_SMALL, "pixelate", "downscale", "halftone", "rescan"},
    "dither": {*_SMALL, "halftone", "rescan", "pixelate", "noise"},
    "palette": {"dither", "halftone", "posterise"},
    "stripes": {"blend", "scribbles"},
    "watermark": {"text", "banner"},
    "meme": {"redact", "scribbles"},
}
"""Pairs of which nothing recognisable would be left, or that nobody makes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One edit of a sequence, with its strength."""

    edit: Edit
    strength: Strength


def can_compose(edits: Sequence[Edit]) -> bool:
    """Whether every edit finds at least one other that may follow or precede it."""
    return all(any(_may_join(other, [edit]) for other in edits) for edit in edits)


def draw_composition(edits: Sequence[Edit], strength: Strength, rng: np.random.Generator) -> tuple[Step, ...]:
    """Choose a sequence: common edits more often, none twice, in a sensible order.

    Args:
        edits: what may be used.
        strength: of the hardest step; the others are one step milder.
        rng: all that is drawn comes from here.

    Raises:
        UsageError: an edit has no other that goes together with it.
    """
    if not can_compose(edits):
        raise UsageError(
            "Compositions need edits that go together; include more edits, or make single edits only."
        )
    low, high = _LENGTHS[strength]
    length = int(rng.integers(low, high + 1))
    chosen: list[Edit] = []
    while len(chosen) < length:
        free = [edit for edit in edits if _may_join(edit, chosen)]
        if not free:
            break
        chosen.append(_weighted(free, rng))
    chosen.sort(key=lambda edit: STAGES.index(edit.stage))
    hardest = int(rng.integers(len(chosen)))
    return tuple(
        Step(edit, strength if index == hardest else _BELOW[strength]) for index, edit in enumerate(chosen)
    )


def _counts(edits: Sequence[Edit]) -> dict[Stage, int]:
    return {stage: sum(edit.stage == stage for edit in edits) for stage in STAGES}


def _may_join(edit: Edit, chosen: Sequence[Edit]) -> bool:
    """Whether an edit is new, its stage has room, and it clashes with none that is chosen."""
    if edit in chosen or sum(edit.stage == other.stage for other in chosen) >= _MOST_OF_A_STAGE[edit.stage]:
        return False
    return not any(_clash(edit.name, other.name) for other in chosen)


def _clash(first: str, second: str) -> bool:
    return second in _CLASHES.get(first, set()) or first in _CLASHES.get(second, set())


def _weighted(edits: Sequence[Edit], rng: np.random.Generator) -> Edit:
    """Draw a stage by its weight, then an edit of it by its own."""
    stages = [stage for stage, count in _counts(edits).items() if count]
    odds = np.array([_STAGE_WEIGHTS[stage] for stage in stages])
    stage = stages[int(rng.choice(len(stages), p=odds / odds.sum()))]
    of_stage = [edit for edit in edits if edit.stage == stage]
    odds = np.array([edit.weight for edit in of_stage])
    return of_stage[int(rng.choice(len(of_stage), p=odds / odds.sum()))]


def perform(
    picture: Picture,
    steps: Sequence[Step],
    rng: np.random.Generator,
    others: Others | None,
    limit: int | None = None,
) -> Picture | Encoded:
    """Apply edits one after the other; when the last one is a way of storing, the result is its file.

    Args:
        picture: the original; it is not changed.
        steps: the edits.
        rng: all that is drawn comes from here.
        others: needed by edits that show other photographs.
        limit: longest side that a picture may have after each edit.
    """
    result: Picture | Encoded = picture
    for step in steps:
        result = step.edit.produce(decoded(result), step.edit.draw(step.strength, rng), rng, others)
        if limit is not None and not isinstance(result, Encoded):
            result = bounded(result, limit)
    return result
