"""Descriptors of queries and references in, the candidate pairs that a rule lets through out.

Shapes: Q queries, R references, D dimensions, M candidate pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.evaluation.nouns import CandidateRule, Ints, Predictions
from copylens.index import VectorIndex, create_index
from copylens.records import Descriptors
from copylens.workflows.settings import Progress, silent

BLOCK = 4096
"""Queries that are searched together, at most."""

BLOCK_VALUES = 1 << 22
"""Neighbours that are in memory beside the result while a block is searched: 80 MiB; one query's, if more."""

SPARE = 4
"""The overall rule first looks at this many times as many pairs as it keeps, and seldom has to look again."""


def find_candidates(
    queries: Descriptors, references: Descriptors, rule: CandidateRule, *, progress: Progress = silent
) -> Predictions:
    """Find the pairs with the highest scores, of each query or of all.

    Every pair is compared, by FAISS. Equal scores are ordered by query, then reference, so an answer is one
    answer. Memory, beside what is given: the references once more in the index; `BLOCK_VALUES` neighbours; and
    20 bytes for each of Q k pairs (per query) or of at most ``6 n + Q`` pairs (n overall), with as much again
    while they are sorted.

    Args:
        queries: ``(Q, D) float32``, finite; of any length, since scores are plain inner products.
        references: ``(R, D) float32``, likewise.
        rule: per query: the best k references of each, by query, then descending score, then reference.
            Overall: the n best pairs, by descending score, then query, then reference. All pairs, where there
            are fewer.
        progress: called as ``progress("match", done, total)``, in queries; the total grows when the overall
            rule has to look at some queries once more.

    Raises:
        UsageError: a rule without exactly one positive number, descriptors of another shape or type, or sides
            with different dimensions.
    """
    _check(queries, references, rule)
    index = create_index("faiss", queries.shape[1])
    index.add(np.arange(len(references), dtype=np.int64), references)
    search = _Search(queries, index, progress)
    if rule.overall is not None:
        return _best_overall(search, rule.overall)
    depth = min(rule.per_query or 0, len(references))
    return search.neighbours(np.arange(len(queries)), depth)


class _Search:
    """Asks the index for some queries' neighbours, block by block, and says how far it is."""

    def __init__(self, queries: Descriptors, index: VectorIndex, progress: Progress) -> None:
        self.queries, self.index, self.progress = queries, index, progress
        self.done = self.total = 0

    def neighbours(self, chosen: Ints, depth: int) -> Predictions:
        """The best `depth` references, of which there are as many, of the chosen queries, in their order."""
        self.total += len(chosen)
        references = np.empty((len(chosen), depth), np.int64)
        scores = np.empty((len(chosen), depth), np.float32)
        for block in _blocks(len(chosen), depth):
            if depth:
                found = self.index.search(self.queries[chosen[block]], depth)
                references[block], scores[block] = found.keys, found.scores
            self.done += block.stop - block.start
            self.progress("match", self.done, self.total)
        return Predictions(np.repeat(chosen, depth), references.reshape(-1), scores.reshape(-1))


def _best_overall(search: _Search, wanted: int) -> Predictions:
    """Deepen the lists of those queries whose list is among the best to its very end, until there are none.

    What a query has beyond its list comes after the list's last pair in the order of the whole. So a query with a
    pair that is not among the best so far has nothing more to give. The others' lists hold at most `wanted` pairs
    together, so doubling their depth stays within the bound, whatever the scores are. Some pairs beyond the best
    are kept, since a list that is asked for again may come back with scores that are lower by a rounding.
    """
    count, known = len(search.queries), len(search.index)
    if not count or not known:
        return search.neighbours(np.arange(count), 0)
    depths = np.full(count, min(known, -(-SPARE * wanted // count)))
    pairs = search.neighbours(np.arange(count), int(depths[0]))
    while True:
        pairs = _best(pairs, SPARE * wanted)
        taken = np.bincount(pairs.queries[:wanted], minlength=count)
        unfinished = (taken == depths) & (depths < known)
        if not unfinished.any():
            return _rows(pairs, slice(wanted))
        depths[unfinished] = np.minimum(2 * depths[unfinished], known)
        # A query's list is replaced whole: FAISS rounds differently for batches of another size.
        parts = [_rows(pairs, ~unfinished[pairs.queries])]
        parts += [
            search.neighbours(np.flatnonzero(unfinished & (depths == depth)), int(depth))
            for depth in np.unique(depths[unfinished])
        ]
        pairs = Predictions(
            np.concatenate([part.queries for part in parts]),
            np.concatenate([part.references for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )


def _best(pairs: Predictions, wanted: int) -> Predictions:
    return _rows(pairs, np.lexsort((pairs.references, pairs.queries, -pairs.scores))[:wanted])


def _rows(pairs: Predictions, which: Ints | npt.NDArray[np.bool_] | slice) -> Predictions:
    return Predictions(pairs.queries[which], pairs.references[which], pairs.scores[which])


def _blocks(count: int, depth: int) -> Iterator[slice]:
    step = max(1, min(BLOCK, BLOCK_VALUES // max(depth, 1)))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _check(queries: Descriptors, references: Descriptors, rule: CandidateRule) -> None:
    given = [number for number in (rule.per_query, rule.overall) if number is not None]
    if len(given) != 1 or given[0] < 1:
        raise UsageError(
            "A candidate rule keeps either the best k references of each query or the best n pairs of all, and at "
            f"least 1; got per_query={rule.per_query} and overall={rule.overall}."
        )
    for name, rows in (("Queries", queries), ("References", references)):
        if rows.ndim != 2 or rows.dtype != np.float32:
            raise UsageError(f"{name} must be (N, D) float32, got {rows.shape} {rows.dtype}.")
    if queries.shape[1] != references.shape[1]:
        raise UsageError(
            f"Queries have {queries.shape[1]} dimensions, references {references.shape[1]}; describe both with one "
            "model."
        )
