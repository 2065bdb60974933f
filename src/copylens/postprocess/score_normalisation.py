"""Background descriptors in; queries and references whose inner products are normalised scores out.

A query that is alike to everything scores high with everything. Its mean score with its nearest neighbours among
unrelated images says by how much, and is taken off (Pizzi et al. 2022, section 5; on the query's side only):
``score(q, r) - beta * mean(score(q, b))``. Written as one more dimension, ``[q, -bias]`` and ``[r, 1]``, the same
number is an inner product, so any index serves it.

Shapes: n queries, N references, B background rows, D dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import faiss
import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.postprocess.rows import BLOCK, checked_rows
from copylens.postprocess.step import Part, spelled
from copylens.records import Descriptors


@dataclass
class ScoreNormalisation(Part):
    """Subtract what a query scores with its nearest background neighbours; spelled ``sn``.

    Attributes:
        beta: how much of the mean is taken off, at least 0.
        first, last: ranks of the neighbours whose scores are averaged, both included, counted from 0.
        background_: ``(B, D) float32`` after `fit`.
    """

    learned: ClassVar[tuple[str, ...]] = ("background_",)

    beta: float = 1.0
    first: int = 0
    last: int = 2
    background_: Descriptors | None = None

    @property
    def text(self) -> str:
        """``sn``, with the parameters that are not the usual ones."""
        usual = ScoreNormalisation()
        chosen = [("beta", self.beta, usual.beta), ("first", self.first, usual.first)]
        chosen.append(("last", self.last, usual.last))
        return "sn" + "".join(f":{name}={spelled(value)}" for name, value, known in chosen if value != known)

    def check(self) -> None:
        """Refuse a beta or ranks that cannot be meant.

        Raises:
            UsageError: names the parameter and its range.
        """
        if not (math.isfinite(self.beta) and 0 <= self.beta <= 1e6):
            raise UsageError(f"sn: beta must be between 0 and 1e6, not {self.beta:g}.")
        if not 0 <= self.first <= self.last:
            raise UsageError(
                f"sn: the ranks must be 0 <= first <= last, not first={self.first} and last={self.last}."
            )

    def fit(self, background: npt.NDArray[Any]) -> ScoreNormalisation:
        """Keep ``(B, D)`` descriptors of images that are unrelated to queries and references.

        Raises:
            UsageError: fewer rows than ranks, another shape or type, values that are not finite, or parameters
                that cannot be meant.
        """
        self.check()
        rows = checked_rows(background, what="Background descriptors")
        if len(rows) <= self.last:
            raise UsageError(
                f"{self.text} looks at {self.last + 1} neighbours, but the background has {len(rows)} images only."
            )
        self.background_ = np.array(rows, dtype=np.float32, order="C")
        return self

    def bias(self, queries: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """What is taken off every score of a query: ``(n,) float32`` for ``(n, D)`` queries.

        FAISS compares block by block; no matrix of n x B scores is ever held.

        Raises:
            UsageError: not fitted, or queries of another shape or type, or that are not finite.
        """
        if self.background_ is None:
            raise UsageError("The score normalisation is not fitted yet: call fit first.")
        rows = checked_rows(queries, what="Queries", dims=self.background_.shape[1])
        biases = np.zeros(len(rows), np.float32)
        for start in range(0, len(rows), BLOCK):
            block = np.ascontiguousarray(rows[start : start + BLOCK], dtype=np.float32)
            scores, _ = faiss.knn(block, self.background_, self.last + 1, metric=faiss.METRIC_INNER_PRODUCT)
            biases[start : start + BLOCK] = self.beta * scores[:, self.first :].mean(axis=1, dtype=np.float64)
        return biases

    def transform_queries(self, queries: npt.NDArray[Any]) -> Descriptors:
        """``(n, D)`` queries to ``(n, D + 1) float32``: ``[q, -bias]``.

        Raises:
            UsageError: as `bias`.
        """
        return _appended(queries, -self.bias(queries))

    def transform_references(self, references: npt.NDArray[Any]) -> Descriptors:
        """``(N, D)`` references to ``(N, D + 1) float32``: ``[r, 1]``.

        Raises:
            UsageError: references of another shape or type, or that are not finite.
        """
        rows = checked_rows(references, what="References")
        return _appended(rows, np.ones(len(rows), np.float32))


def _appended(rows: npt.NDArray[Any], column: npt.NDArray[np.float32]) -> Descriptors:
    out = np.empty((len(rows), rows.shape[1] + 1), np.float32)
    out[:, :-1], out[:, -1] = rows, column
    return out
