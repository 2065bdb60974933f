"""What crosses between the stages of an evaluation, as frozen dataclasses; no I/O.

A benchmark names pictures and which pairs of them are copies. Predictions are candidate pairs with scores, best of
each query or best of all. Metrics need nothing but predictions and the benchmark's truth.

Shapes: Q queries, R references, M candidate pairs, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Scores: TypeAlias = npt.NDArray[np.float32]

QueryKind: TypeAlias = Literal["single", "multi", "none", ""]
"""One edit, several, no reference at all, or the benchmark does not say."""

Protocol: TypeAlias = Literal["micro", "copydays"]
"""Which figures a benchmark is quoted by: µAP and accuracy at 1, or mean AP over queries with the trapezoid rule."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a benchmark.

    Attributes:
        key: its name in the truth, unique on its side, e.g. ``"Q00042"`` or a path below the benchmark's folder.
        path: where it lies.
    """

    key: str
    path: str


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """How a query was made, where the benchmark says so.

    Attributes:
        kind: see `QueryKind`.
        edits: names of the edits in the order they were applied.
        strength: e.g. ``"mild"``, ``"medium"``, ``"hard"``; empty where there is none.
    """

    kind: QueryKind = ""
    edits: tuple[str, ...] = ()
    strength: str = ""


@dataclass(frozen=True, slots=True)
class CandidateRule:
    """Which pairs enter the list that is judged. Figures of different rules do not belong into one table.

    Attributes:
        per_query: the k best references of each query; None for a rule over all queries.
        overall: the n best pairs of all; None for a rule per query. Exactly one of the two is given.
    """

    per_query: int | None = 10
    overall: int | None = None

    @property
    def text(self) -> str:
        """The rule as tables show it, e.g. ``"k = 10 per query"``."""
        return f"k = {self.per_query} per query" if self.overall is None else f"{self.overall:,} best overall"


@dataclass(frozen=True)
class Benchmark:
    """Pictures, and which of them are copies of which.

    Attributes:
        name: e.g. ``"disc21"``, ``"exam"``.
        split: e.g. ``"dev-I"``; ``"all"`` where there is only one.
        queries: sorted by key.
        references: sorted by key, distractors included.
        truth: (query key, reference key), sorted, each pair once; a query may have none, one or several.
        facts: by query key; may be empty.
        training: for fitting whitening and centring; may be empty.
        background: unrelated to both sides, for score normalisation; may be empty.
        protocol: which figures it is quoted by.
        rule: the candidate rule of its makers.
    """

    name: str
    split: str
    queries: tuple[Picture, ...] = field(repr=False)
    references: tuple[Picture, ...] = field(repr=False)
    truth: tuple[tuple[str, str], ...] = field(repr=False)
    facts: Mapping[str, QueryFacts] = field(default_factory=dict, repr=False)
    training: tuple[Picture, ...] = field(default=(), repr=False)
    background: tuple[Picture, ...] = field(default=(), repr=False)
    protocol: Protocol = "micro"
    rule: CandidateRule = CandidateRule()


@dataclass(frozen=True)
class Predictions:
    """Candidate pairs with their scores, each pair at most once; in no particular order.

    Attributes:
        queries: ``(M,) int64``, positions in `Benchmark.queries`.
        references: ``(M,) int64``, positions in `Benchmark.references`.
        scores: ``(M,) float32``, higher is more alike; not bounded once they are normalised.
    """

    queries: Ints
    references: Ints
    scores: Scores


@dataclass(frozen=True)
class Judged:
    """Predictions joined with the truth: all that the metrics look at.

    Attributes:
        queries: ``(M,) int64``, which query each candidate belongs to, 0..Q-1.
        scores: ``(M,) float32``.
        hits: ``(M,) bool``, whether the candidate is a true pair.
        positives: ``(Q,) int64``, how many true pairs each query has, found or not.
    """

    queries: Ints
    scores: Scores
    hits: npt.NDArray[np.bool_]
    positives: Ints
