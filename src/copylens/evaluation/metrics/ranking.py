"""`Judged` in; the hits in the order of their ranks out, over all candidates and within each query.

Ties: candidates are sorted by descending score, and among equal scores the misses come before the hits. This is the
worst order, so equal scores never help. It is the policy of the DISC2021 organisers (Douze et al., "The 2021 Image
Similarity Dataset and Challenge", arXiv 2106.09672, and their evaluation code), held here for every metric.

What the metrics need of a sorted list is little: for each hit, how many hits and how many misses come before it.
That also makes a resample cheap: the list is sorted once, and a query that is drawn w times counts w times.

Exactness of the counting: the w copies of a query's candidates have equal scores. The misses among them come before
every hit of that score, as they do in the original list; the hits follow one another. So the copies of a hit stand
at consecutive ranks, after all misses of a score at least as high, and which of several hits of one score comes
first changes nothing.

Shapes: M candidates, H hits among them, Q queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from copylens.errors import UsageError
from copylens.evaluation.nouns import Ints, Judged, Scores


@dataclass(frozen=True)
class HitCounts:
    """The hits of one list in the order of their ranks, each query counted a number of times.

    Attributes:
        copies: ``(H,) int64``, how many times each hit counts; 1 unless queries were resampled.
        hits_before: ``(H,) int64``, hits at better ranks.
        misses_before: ``(H,) int64``, misses at better ranks.
        positives: true pairs in all, found or not; at least 1.
    """

    copies: Ints
    hits_before: Ints
    misses_before: Ints
    positives: int


@dataclass(frozen=True)
class OverallRanking:
    """One list over all queries.

    Attributes:
        hit_queries: ``(H,) int64``, in the order of the ranks.
        hit_scores: ``(H,) float32``, the same.
        miss_queries: ``(at most M - H,) int64``, the same; misses after the last hit are left out, as they change
            nothing.
        misses_before: ``(H,) int64``, how many of `miss_queries` come before each hit.
    """

    hit_queries: Ints
    hit_scores: Scores
    miss_queries: Ints
    misses_before: Ints


@dataclass(frozen=True)
class QueryRanking:
    """One list for each query; the hits of all of them.

    Attributes:
        queries: ``(H,) int64``, whose hit it is, ascending.
        hits_before: ``(H,) int64``, hits of the same query at better ranks.
        rank: ``(H,) int64``, candidates of the same query at better ranks.
    """

    queries: Ints
    hits_before: Ints
    rank: Ints


class Rankings:
    """The candidates sorted, each way once and only when it is asked for.

    Args:
        judged: as `judge` makes it.

    Raises:
        UsageError: no query has a true pair, so that there is nothing to find and no metric has a value.
    """

    def __init__(self, judged: Judged) -> None:
        if not judged.positives.any():
            raise UsageError(
                f"None of the {len(judged.positives):,} queries has a true pair, so there is nothing to find and no "
                "metric has a value; check the truth, or the selection of queries."
            )
        self.positives = judged.positives
        self._judged = judged

    @cached_property
    def overall(self) -> OverallRanking:
        """All candidates in one list."""
        judged = self._judged
        order = np.lexsort((judged.hits, -judged.scores))
        is_hit = judged.hits[order]
        places = np.flatnonzero(is_hit)
        misses_before = places - np.arange(len(places))
        misses = order[~is_hit][: misses_before[-1] if len(places) else 0]
        hits = order[places]
        return OverallRanking(
            judged.queries[hits], judged.scores[hits], judged.queries[misses], misses_before
        )

    @cached_property
    def within_queries(self) -> QueryRanking:
        """The candidates of each query in a list of their own."""
        judged = self._judged
        order = np.lexsort((judged.hits, -judged.scores, judged.queries))
        places = np.flatnonzero(judged.hits[order])
        queries = judged.queries[order[places]]
        # Each query's candidates are one run; ranks and hits are counted from its beginning.
        sizes = np.bincount(judged.queries, minlength=len(self.positives))
        begins = np.cumsum(sizes) - sizes
        hits_before = np.arange(len(queries)) - np.searchsorted(queries, queries)
        return QueryRanking(queries, hits_before, places - begins[queries])

    def draw(self, weights: Ints | None = None) -> Draw:
        """Count each query the given number of times, once when None.

        Args:
            weights: ``(Q,) int64``, 0 or more; at least one query with a true pair has more than 0.
        """
        return Draw(self, np.ones_like(self.positives) if weights is None else weights)


class Draw:
    """The rankings with each query counted a number of times, as if it had been asked that often.

    Args:
        rankings: the candidates of every query.
        weights: ``(Q,) int64``, how often each query counts.
    """

    def __init__(self, rankings: Rankings, weights: Ints) -> None:
        self.weights = weights
        self._rankings = rankings

    @cached_property
    def counts(self) -> HitCounts:
        """The list over all queries; several statistics of one draw share it."""
        overall = self._rankings.overall
        copies = self.weights[overall.hit_queries]
        misses = np.zeros(len(overall.miss_queries) + 1, np.int64)
        np.cumsum(self.weights[overall.miss_queries], out=misses[1:])
        return HitCounts(
            copies=copies,
            hits_before=np.cumsum(copies) - copies,
            misses_before=misses[overall.misses_before],
            positives=int(self.weights @ self._rankings.positives),
        )
