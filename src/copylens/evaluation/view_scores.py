"""Descriptors of whole pictures and of their views in; candidate pairs and scores by the best of them out.

A pair's score is the larger of that of the two wholes, and that of the best view of one picture with the whole of the
other less a penalty, as in a scan. Every pair is compared, block by block, in NumPy.

Shapes: Q queries, R references, V views of each, D dimensions, M candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from copylens.evaluation.nouns import CandidateRule, Ints, Predictions, Scores
from copylens.postprocess import NO_VIEW, view_products
from copylens.records import Descriptors
from copylens.workflows.settings import Progress, silent

BLOCK_VALUES = 1 << 23
"""Numbers in one array of scores or of views: 32 MiB."""

ViewRows: TypeAlias = Callable[[Ints], Descriptors]
"""Asked for pictures by their positions ``(n,)``; gives their views after post-processing, ``(n, V, D) float32``.

A row of zeros is no view, and scores `NO_VIEW`.
"""


@dataclass(frozen=True)
class ViewSides:
    """Both sides of a benchmark, after post-processing.

    Attributes:
        queries: ``(Q, D) float32``.
        references: ``(R, D) float32``.
        query_views, reference_views: of the same pictures.
        penalties: ``(V,) float32``, taken off the scores of views; V is at least 1.
    """

    queries: Descriptors
    references: Descriptors
    query_views: ViewRows
    reference_views: ViewRows
    penalties: Scores

    @property
    def count(self) -> int:
        """V."""
        return len(self.penalties)

    def block(self, start: int, stop: int) -> Scores:
        """Scores of the queries from `start` to `stop` with every reference, ``(stop - start, R) float32``."""
        asked = self.queries[start:stop]
        scores: Scores = asked @ self.references.T
        step = self._step(len(self.references))
        for first in range(start, stop, step):
            last = min(first + step, stop)
            part = scores[first - start : last - start]
            np.maximum(part, self._best_views(self.query_views, first, last, self.references), out=part)
        step = self._step(len(asked))
        for first in range(0, len(self.references), step):
            last = min(first + step, len(self.references))
            part = scores[:, first:last]
            np.maximum(part, self._best_views(self.reference_views, first, last, asked).T, out=part)
        return scores

    def _best_views(self, views: ViewRows, first: int, last: int, wholes: Descriptors) -> Scores:
        """The best score of a view of each picture from `first` to `last` with N wholes, ``(last - first, N)``."""
        rows = views(np.arange(first, last)).reshape(-1, wholes.shape[1])
        seen = view_products(rows, wholes).reshape(last - first, self.count, -1)
        best: Scores = (seen - self.penalties[:, None]).max(axis=1)
        return best

    def pair_scores(self, first: Ints, second: Ints) -> Scores:
        """Scores of given pairs of a query and a reference, ``(P,) float32``."""
        scores = np.empty(len(first), np.float32)
        step = max(1, BLOCK_VALUES // (self.count * self.queries.shape[1]))
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            asked, known = self.queries[first[part]], self.references[second[part]]
            wholes = np.einsum("pd,pd->p", asked, known)
            forward = _best_of(self.query_views(first[part]), known, self.penalties)
            backward = _best_of(self.reference_views(second[part]), asked, self.penalties)
            scores[part] = np.maximum(wholes, np.maximum(forward, backward))
        return scores

    def _step(self, others: int) -> int:
        """Pictures whose views are compared with that many wholes at once."""
        size = int(self.queries.shape[1])
        return max(1, BLOCK_VALUES // (self.count * max(others, size)))


def _best_of(views: Descriptors, wholes: Descriptors, penalties: Scores) -> Scores:
    """The best score, less penalties ``(V,)``, of P pictures' views ``(P, V, D)`` with one whole each ``(P, D)``."""
    seen = np.einsum("pvd,pd->pv", views, wholes)
    seen[~views.any(axis=2)] = NO_VIEW
    best: Scores = (seen - penalties).max(axis=1)
    return best


def find_view_candidates(
    sides: ViewSides, rule: CandidateRule, *, progress: Progress = silent
) -> Predictions:
    """Find the pairs with the highest scores, of each query or of all, ordered as `find_candidates` orders them.

    Memory: a few arrays of `BLOCK_VALUES` numbers, one query's scores where there are more references, and the pairs.

    Args:
        sides: descriptors after post-processing.
        rule: which pairs are kept.
        progress: called as ``progress("match", done, Q)``.
    """
    count, known = len(sides.queries), len(sides.references)
    step = max(1, BLOCK_VALUES // max(known, 1))
    kept = Predictions(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    parts = [kept]
    for start in range(0, count, step):
        stop = min(start + step, count)
        scores = sides.block(start, stop)
        if rule.overall is not None:
            parts = [_best([*parts, _all(scores, start)], rule.overall)]
        else:
            depth = min(rule.per_query or 0, known)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
            rows = np.repeat(np.arange(start, stop), depth)
            parts.append(Predictions(rows, best.reshape(-1), np.take_along_axis(scores, best, 1).reshape(-1)))
        progress("match", stop, count)
    return _joined(parts)


def _all(scores: Scores, start: int) -> Predictions:
    rows, columns = np.divmod(np.arange(scores.size), max(scores.shape[1], 1))
    return Predictions(rows + start, columns, scores.reshape(-1))


def _best(parts: list[Predictions], wanted: int) -> Predictions:
    pairs = _joined(parts)
    order = np.lexsort((pairs.references, pairs.queries, -pairs.scores))[:wanted]
    return Predictions(pairs.queries[order], pairs.references[order], pairs.scores[order])


def _joined(parts: list[Predictions]) -> Predictions:
    return Predictions(
        np.concatenate([part.queries for part in parts]),
        np.concatenate([part.references for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
