"""Descriptors of whole pictures and of views in; pairs with the best score of a whole and a whole or a view out.

A pair's score is the larger of that of the two wholes, and that of the best view of one picture with the whole of the
other less a penalty: a picture with many views has as many chances to be like an unrelated one. Two views are never
compared: parts of unrelated pictures (sky, lettering, a face) are too often alike.

Shapes: N, n pictures; V views of each; D dimensions; M pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.errors import TooManyMatchesError
from copylens.matching.contents import Ints
from copylens.matching.joins import (
    BLOCK,
    MAX_PAIRS,
    Pairs,
    cross_join,
    least_score,
    no_progress,
    self_join,
)
from copylens.records import Descriptors

ViewRows: TypeAlias = Callable[[int, int], npt.NDArray[np.float32]]
"""Asked for pictures ``start`` to ``stop``; gives their views, ``(stop - start, V, D) float32``.

A row of zeros is no view: it matches nothing.
"""

SLACK = 1e-5
"""What rounding may take off a score when the penalty is subtracted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From which score on pictures match, and what a view's score counts.

    Attributes:
        threshold: a pair counts when its score is at least this.
        penalty: taken off the score of a view; not negative.
        free: how many views, the first of each picture, lose nothing: those that were found and not tried.
    """

    threshold: float
    penalty: float
    free: int = 0

    def penalties(self, count: int) -> npt.NDArray[np.float32]:
        """What each of a picture's `count` views loses, ``(V,) float32``."""
        return np.where(np.arange(count) < self.free, 0.0, self.penalty).astype(np.float32)


def self_join_views(
    wholes: Descriptors,
    views: ViewRows,
    count: int,
    limits: Limits,
    *,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] = no_progress,
) -> Pairs:
    """Find all pairs within one collection: ``first < second``, each once, with the best of their scores.

    Memory: as `self_join`, and the views of one block of pictures, `BLOCK` rows together.

    Args:
        wholes: ``(N, D) float32``, finite.
        views: of the N pictures.
        count: V.
        limits: threshold and penalty.
        max_pairs: refuse to hold more.
        progress: called as ``progress(done, 2 N)``.

    Raises:
        UsageError, TooManyMatchesError: as `self_join`.
    """
    total = len(wholes)
    found = self_join(
        wholes, limits.threshold, max_pairs=max_pairs, progress=lambda done, _: progress(done, 2 * total)
    )
    hits = _view_hits(
        views,
        (total, count),
        wholes,
        limits,
        max_pairs=max_pairs,
        progress=lambda done: progress(total + done, 2 * total),
    )
    other = hits.first != hits.second
    hits = _rows(hits, other)
    upright = hits.first < hits.second
    return _best([found, _rows(hits, upright), _swapped(_rows(hits, ~upright))])


def cross_join_views(
    queries: tuple[Descriptors, ViewRows],
    references: tuple[Descriptors, ViewRows],
    count: int,
    limits: Limits,
    *,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] = no_progress,
) -> Pairs:
    """Find all pairs of a query (first) and a reference (second), with the best of their scores.

    Args:
        queries: the wholes ``(n, D) float32`` and the views of the n pictures.
        references: those of N pictures.
        count: V.
        limits: threshold and penalty.
        max_pairs: refuse to hold more.
        progress: called as ``progress(done, 2 n + N)``.

    Raises:
        UsageError, TooManyMatchesError: as `cross_join`.
    """
    asked, known = queries[0], references[0]
    total = 2 * len(asked) + len(known)
    found = cross_join(
        asked, known, limits.threshold, max_pairs=max_pairs, progress=lambda done, _: progress(done, total)
    )
    forward = _view_hits(
        queries[1],
        (len(asked), count),
        known,
        limits,
        max_pairs=max_pairs,
        progress=lambda done: progress(len(asked) + done, total),
    )
    backward = _view_hits(
        references[1],
        (len(known), count),
        asked,
        limits,
        max_pairs=max_pairs,
        progress=lambda done: progress(2 * len(asked) + done, total),
    )
    return _best([found, forward, _swapped(backward)])


def _view_hits(
    views: ViewRows,
    shape: tuple[int, int],
    wholes: Descriptors,
    limits: Limits,
    *,
    max_pairs: int,
    progress: Callable[[int], None],
) -> Pairs:
    """Pairs of a picture, by its best view (first), and a whole (second)."""
    pictures, count = shape
    free = min(limits.free, count)
    kinds = [_Views(0, free, 0.0), _Views(free, count, limits.penalty)]
    blocks, held = [_empty()], 0
    step = max(1, BLOCK // max(count, 1))
    for start in range(0, pictures, step):
        stop = min(start + step, pictures)
        rows = views(start, stop)
        for kind in kinds:
            kind.add(rows, start)
            if kind.held and (kind.held >= BLOCK or stop == pictures):
                blocks.append(kind.compare(wholes, limits.threshold, max_pairs))
                held += len(blocks[-1])
        if held > max_pairs:
            raise TooManyMatchesError(
                f"More than {max_pairs:,} pairs reach the threshold; raise --threshold and run again (what was "
                "described is kept in the catalog)."
            )
        progress(stop)
    return _joined(blocks)


class _Views:
    """Views `low` to `high` of one picture after the other, until there are enough of them for a block.

    Most pictures hold no other: without collecting, a product would be of a few rows, and reading the wholes for it
    what takes the time.
    """

    def __init__(self, low: int, high: int, penalty: float) -> None:
        self._low, self._high, self._penalty = low, high, penalty
        self._forget()

    def _forget(self) -> None:
        self._rows: list[npt.NDArray[np.float32]] = []
        self._pictures: list[Ints] = []
        self._views: list[Ints] = []
        self.held = 0

    def add(self, rows: npt.NDArray[np.float32], start: int) -> None:
        """Take those of pictures from `start` on, ``(n, V, D)``, without rows of zeros."""
        own = rows[:, self._low : self._high]
        pictures, views = np.nonzero(own.any(axis=2))
        if len(pictures):
            self._rows.append(own[pictures, views])
            self._pictures.append(pictures + start)
            self._views.append(views + self._low + 1)
            self.held += len(pictures)

    def compare(self, wholes: Descriptors, threshold: float, max_pairs: int) -> Pairs:
        """Pairs of their pictures (first) and wholes; then there are none any more."""
        rows, pictures = np.concatenate(self._rows), np.concatenate(self._pictures)
        views = np.concatenate(self._views)
        self._forget()
        hits = cross_join(rows, wholes, threshold + self._penalty - SLACK, max_pairs=max_pairs)
        scores = hits.scores - np.float32(self._penalty)
        found = Pairs(pictures[hits.first], hits.second, scores, views[hits.first])
        return _best([_rows(found, scores >= least_score(threshold))])


def _best(parts: Sequence[Pairs]) -> Pairs:
    """Each pair once, with its best score; of equal ones that of the wholes, then of the first's views."""
    pairs = _joined(parts)
    origins = _origins(pairs)
    # Wholes (0), then views of the first (positive), then those of the second.
    rank = np.where(origins < 0, np.int64(1 << 32) - origins, origins)
    order = np.lexsort((rank, -pairs.scores, pairs.second, pairs.first))
    first, second = pairs.first[order], pairs.second[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return _rows(pairs, order[fresh])


def _joined(parts: Sequence[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([_origins(part) for part in parts]),
    )


def _swapped(pairs: Pairs) -> Pairs:
    return Pairs(pairs.second, pairs.first, pairs.scores, -_origins(pairs))


def _rows(pairs: Pairs, which: npt.NDArray[np.bool_] | Ints) -> Pairs:
    return Pairs(pairs.first[which], pairs.second[which], pairs.scores[which], _origins(pairs)[which])


def _origins(pairs: Pairs) -> Ints:
    return np.zeros(len(pairs), np.int64) if pairs.origins is None else pairs.origins


def _empty() -> Pairs:
    none = np.empty(0, np.int64)
    return Pairs(none, none, np.empty(0, np.float32), none)
