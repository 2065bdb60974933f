"""Descriptors of unrelated images in, the threshold for a stated rate of false matches out."""

from __future__ import annotations

import numpy as np

from copylens.errors import UsageError
from copylens.postprocess.rows import checked_rows
from copylens.records import Descriptors

BLOCK = 1024
"""Rows that are compared with all others together, at most."""

BLOCK_VALUES = 1 << 24
"""Scores in one product, 64 MiB; a single row's, where there are more rows than this."""


def false_match_threshold(background: Descriptors, *, per_million: float) -> float:
    """Find the lowest score that at most `per_million` of a million pairs of unrelated images reach.

    Every pair of the background is scored, block by block; nothing is assumed about the tail, so the rate
    must be one that the background can show: N images have N (N - 1) / 2 pairs. Memory: one product of
    `BLOCK_VALUES`, and the scores of the pairs that are allowed.

    Args:
        background: ``(N, D) float32``, images no two of which are copies.
        per_million: false matches per million pairs, between 0 and 1,000,000.

    Returns:
        A score in [-1, 1].

    Raises:
        UsageError: a rate that is none, too few images to show it, or more copies among them than it allows;
            or rows of another shape or type, or that are not finite.
    """
    if not 0 < per_million < 1e6:
        raise UsageError(
            f"The rate must be between 0 and 1,000,000 false matches per million, not {per_million:g}."
        )
    rows = checked_rows(background, what="Background descriptors").astype(np.float32, copy=False)
    count = len(rows)
    pairs = count * (count - 1) // 2
    allowed = int(pairs * per_million / 1e6)
    if allowed < 1:
        raise UsageError(f"{count} images have {pairs:,} pairs, too few to show {per_million:g} per million.")
    highest = np.empty(0, np.float32)
    step = min(BLOCK, max(1, BLOCK_VALUES // count))
    for start in range(0, count, step):
        scores = rows[start : start + step] @ rows[start:].T
        # Each pair once: in the block's own square only what lies right of the diagonal.
        highest = np.concatenate((highest, scores[np.triu(np.ones(scores.shape, bool), k=1)]))
        if len(highest) > allowed + 1:
            highest = np.partition(highest, -(allowed + 1))[-(allowed + 1) :]
    # The pair just beyond the allowed ones must stay below the threshold.
    threshold = float(np.nextafter(highest.min(), np.float32(2)))
    if threshold > 1.0:
        raise UsageError(
            f"More than {allowed} pairs of the background score 1, so no threshold gives this rate; remove "
            "the copies from the background."
        )
    return max(threshold, -1.0)
