"""What a recipe may choose of the pictures' way from the disk to a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from copylens.errors import UsageError

SMALLEST_CANVAS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """How pictures are read, decoded, kept and guarded against near-duplicates.

    Attributes:
        canvas: side S in pixels of the square that every picture is stretched to.
        workers: how many decode, for each process of the training.
        decode_in: ``"threads"``; or ``"processes"``, of some 50 MB each, which leave Python's lock alone; or
            ``"auto"``: processes where a GPU learns, since its launches need that lock.
        cache: ``"memory"`` keeps every decoded canvas, S x S x 3 bytes each, so that only the first epoch decodes.
        protect_duplicates: what becomes of near-duplicates among the pictures, which the entropy term would tear
            apart: ``"off"`` nothing, ``"leave-out"`` keeps one of each group, ``"positives"`` makes the pictures of a
            group positives of each other.
        protect_threshold: score from which two pictures are near-duplicates; None takes the model's own.
        protect_model: the model package that finds them; None takes the bundled default.
        prefetch: batches that are decoded ahead of the one in use.
    """

    canvas: int = 256
    workers: int = 2
    decode_in: Literal["auto", "threads", "processes"] = "auto"
    cache: Literal["none", "memory"] = "none"
    protect_duplicates: Literal["off", "leave-out", "positives"] = "off"
    protect_threshold: float | None = None
    protect_model: str | None = None
    prefetch: int = 2

    def __post_init__(self) -> None:
        if self.canvas < SMALLEST_CANVAS:
            raise UsageError(f"data.canvas is {self.canvas}: give at least {SMALLEST_CANVAS} pixels.")
        if self.workers < 1:
            raise UsageError(f"data.workers is {self.workers}: give at least 1.")
        if self.prefetch < 0:
            raise UsageError(f"data.prefetch is {self.prefetch}: it cannot be negative.")
        threshold = self.protect_threshold
        if threshold is not None and not -1 <= threshold <= 1:
            raise UsageError(f"data.protect_threshold is {threshold:g}: a score lies between -1 and 1.")
