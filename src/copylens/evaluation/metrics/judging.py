"""Predictions and the truth, both as positions, in; `Judged` out, after every check that the metrics rely on.

Shapes: M candidates, T true pairs, Q queries.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.evaluation.nouns import Ints, Judged, Predictions, Scores

_LARGEST = int(np.iinfo(np.int64).max)


def judge(predictions: Predictions, truth: Ints, query_count: int) -> Judged:
    """Say which candidates are true pairs, and how many true pairs each query has.

    Args:
        predictions: M candidates, in any order.
        truth: ``(T, 2) int64``, rows (query position, reference position); T may be 0.
        query_count: Q, queries without candidates and without true pairs included.

    Returns:
        The candidates in the order given.

    Raises:
        UsageError: lengths that differ, positions that are no integers or out of range, scores that are not finite,
            a candidate or a true pair given twice; the message names one.
    """
    if query_count < 0:
        raise UsageError(f"The number of queries is {query_count}; it cannot be negative.")
    lengths = [len(predictions.queries), len(predictions.references), len(predictions.scores)]
    if len(set(lengths)) > 1:
        raise UsageError(
            f"The predictions have {lengths[0]} queries, {lengths[1]} references and {lengths[2]} scores; "
            "every candidate needs one of each."
        )
    truth = np.asarray(truth)
    if truth.ndim != 2 or truth.shape[1] != 2:
        raise UsageError(
            f"The truth has the shape {truth.shape}; it must be (T, 2): a query and a reference in each row."
        )
    queries = _positions(predictions.queries, "a candidate's query", query_count)
    references = _positions(predictions.references, "a candidate's reference", None)
    true_queries = _positions(truth[:, 0], "a true pair's query", query_count)
    true_references = _positions(truth[:, 1], "a true pair's reference", None)
    reference_count = 1 + max(references.max(initial=0), true_references.max(initial=0))
    if query_count * int(reference_count) > _LARGEST:
        raise UsageError(f"The reference position {reference_count - 1} is out of range; it is too large.")

    keys = queries * reference_count + references
    true_keys = true_queries * reference_count + true_references
    true_keys.sort()
    _refuse_duplicates(np.sort(keys), int(reference_count), "candidate", "predictions")
    _refuse_duplicates(true_keys, int(reference_count), "true pair", "truth")
    return Judged(
        queries=queries,
        scores=_finite(predictions.scores, queries, references),
        hits=_contained(keys, true_keys),
        positives=np.bincount(true_queries, minlength=query_count).astype(np.int64, copy=False),
    )


def _positions(values: npt.NDArray[np.generic], what: str, count: int | None) -> Ints:
    """Check positions, the upper end only where `count` is known."""
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise UsageError(
            f"The positions of {what} must be one row of integers; they are {values.dtype} of shape {values.shape}."
        )
    if len(values) == 0:
        return values.astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= (_LARGEST if count is None else count):
        wrong = low if low < 0 else high
        end = "" if count is None else f" to {count - 1}"
        raise UsageError(f"The position of {what} is {wrong}; positions go from 0{end}.")
    return values.astype(np.int64, copy=False)


def _finite(scores: npt.NDArray[np.generic], queries: Ints, references: Ints) -> Scores:
    if scores.ndim != 1 or not np.issubdtype(scores.dtype, np.floating):
        raise UsageError(
            f"The scores must be one row of float32 numbers; they are {scores.dtype} of shape {scores.shape}."
        )
    with np.errstate(over="ignore"):  # A number beyond float32 becomes infinite and is refused below.
        narrow = scores.astype(np.float32, copy=False)
    wrong = np.flatnonzero(~np.isfinite(narrow))
    if len(wrong):
        first = wrong[0]
        raise UsageError(
            f"The score of query {queries[first]} and reference {references[first]} is {scores[first]}, "
            f"and {len(wrong):,} scores in all are not finite; every score must be a finite float32 number."
        )
    return narrow


def _refuse_duplicates(ordered: Ints, reference_count: int, what: str, where: str) -> None:
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(repeated):
        query, reference = divmod(int(ordered[repeated[0]]), reference_count)
        raise UsageError(
            f"The {what} of query {query} and reference {reference} occurs more than once in the {where}; "
            "each pair may be given once."
        )


def _contained(keys: Ints, ordered: Ints) -> npt.NDArray[np.bool_]:
    """Say which keys occur among the ordered ones."""
    if len(ordered) == 0:
        return np.zeros(len(keys), np.bool_)
    places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.asarray(ordered[places] == keys)
