"""Descriptors of unrelated pictures and of their views in; the penalty of views, and the threshold with them, out.

Shapes: N pictures, V views of each, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.postprocess.rows import checked_rows
from copylens.postprocess.view_products import NO_VIEW, view_products
from copylens.records import Descriptors

BLOCK = 32
"""Pictures whose views are compared with all wholes together."""

PENALTY_RATE = 100.0
"""False matches per million pairs at which the penalty is measured: rarer ones are too few to measure it by."""


def view_thresholds(
    wholes: Descriptors,
    views: Callable[[int, int], npt.NDArray[np.float32]],
    *,
    per_million: float,
    free: int = 0,
) -> tuple[float, float]:
    """Find the penalty of views and the threshold that keep a rate of false matches.

    Of two unrelated pictures the best view is more alike to the other's whole than the two wholes are. The penalty is
    the difference of the two scores that `PENALTY_RATE` pairs reach; with it the best views are about as alike as the
    wholes. The threshold is then measured on the larger of the two, so the rate holds whatever the penalty is. Nothing
    is assumed about the tails: every pair is scored.

    Memory: four arrays of N x N scores.

    Args:
        wholes: ``(N, D) float32``, pictures no two of which are copies.
        views: asked for pictures ``start`` to ``stop``; gives their views, ``(stop - start, V, D) float32``. A row of
            zeros is no view.
        per_million: false matches per million pairs.
        free: how many views, the first of each picture, lose no penalty.

    Returns:
        ``(threshold, penalty)``: a pair matches when the larger of the score of the two wholes, and of the best view of
        either with the whole of the other less `penalty`, is at least `threshold`. The penalty is not negative.

    Raises:
        UsageError: too few pictures to show the rate; or rows of another shape or type, or that are not finite.
    """
    rows = checked_rows(wholes, what="Background descriptors").astype(np.float32, copy=False)
    count = len(rows)
    allowed = int(count * (count - 1) // 2 * per_million / 1e6)
    if allowed < 1:
        raise UsageError(f"{count} pictures have too few pairs to show {per_million:g} per million.")
    of_wholes = (rows @ rows.T)[np.triu_indices(count, 1)]
    of_found, of_tried = _best_views(rows, views, free)
    place = max(allowed, round(len(of_wholes) * PENALTY_RATE / 1e6))
    penalty = max(0.0, _reached(of_tried, place) - _reached(of_wholes, place))
    combined = np.maximum(np.maximum(of_wholes, of_found), of_tried - np.float32(penalty))
    return _above(combined, allowed), penalty


def _best_views(
    rows: Descriptors, views: Callable[[int, int], npt.NDArray[np.float32]], free: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """For each pair the best score of a view of either and the other's whole: of the free views, and of the others."""
    count = len(rows)
    best = np.full((2, count, count), NO_VIEW, np.float32)
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        block = views(start, stop)
        for kind, part in enumerate((block[:, :free], block[:, free:])):
            if not part.shape[1]:
                continue
            scores = view_products(part.reshape(-1, rows.shape[1]), rows)
            best[kind, start:stop] = scores.reshape(stop - start, part.shape[1], count).max(axis=1)
    pairs = np.triu_indices(count, 1)
    found, tried = (np.maximum(of, of.T)[pairs] for of in best)
    return found, tried


def _reached(scores: npt.NDArray[np.float32], allowed: int) -> float:
    """The score that exactly `allowed` of them reach."""
    return float(np.partition(scores, -allowed)[-allowed])


def _above(scores: npt.NDArray[np.float32], allowed: int) -> float:
    """The lowest threshold that at most `allowed` scores reach."""
    if len(scores) <= allowed:
        return -1.0
    just_beyond = np.partition(scores, -(allowed + 1))[-(allowed + 1)]
    return float(np.nextafter(just_beyond, np.float32(2)))
