"""Standings and how the queries were made in; rates by edit, by strength and by kind out.

Shapes: Q queries, T true pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.evaluation.nouns import Ints, Predictions, QueryFacts, Scores
from copylens.evaluation.results import EditSlice, Slice
from copylens.evaluation.standings import ABSENT, Standings

Mask = npt.NDArray[np.bool_]

FIRST = 10
"""Ranks that `Slice.recall_at_10` looks at."""

DIGITS = 6

STRENGTHS = ("mild", "medium", "hard")
"""Strengths in this order; others follow by name."""

KINDS = {"single": "one edit", "multi": "several edits", "none": "no reference"}


@dataclass(frozen=True)
class Slicer:
    """Judges any subset of the queries.

    Attributes:
        facts: Q, how each query was made; empty facts where nobody knows.
        pair_queries: ``(T,) int64``, the query of each true pair.
        pair_scores: ``(T,) float32``, the score of each true pair, found or not.
        standings: of the true pairs among the candidates.
        found: ``(T,) bool``, whether the pair is a candidate that reaches the threshold at 90 % precision.
        alarmed: ``(Q,) bool``, whether a wrong candidate reaches it.
    """

    facts: Sequence[QueryFacts]
    pair_queries: Ints
    pair_scores: Scores
    standings: Standings
    found: Mask
    alarmed: Mask

    @cached_property
    def recalled(self) -> npt.NDArray[np.float64]:
        """Share of each query's true pairs that are among its first candidates, ``(Q,)``; 0 for none."""
        ranks = self.standings.ranks
        listed = self.pair_queries[(ranks != ABSENT) & (ranks <= FIRST)]
        positives = np.bincount(self.pair_queries, minlength=len(self.facts))
        return np.bincount(listed, minlength=len(self.facts)) / np.maximum(positives, 1)

    @classmethod
    def at_threshold(
        cls,
        facts: Sequence[QueryFacts],
        truth: Ints,
        pair_scores: Scores,
        predictions: Predictions,
        standings: Standings,
        threshold: float | None,
    ) -> Slicer:
        """Judge by a threshold; None, a precision that is reached nowhere, finds nothing and alarms nobody."""
        limit = np.inf if threshold is None else threshold
        hits = standings.pairs != ABSENT
        accepted = predictions.scores >= limit
        found = np.zeros(len(truth), np.bool_)
        found[standings.pairs[hits & accepted]] = True
        alarmed = np.zeros(len(facts), np.bool_)
        alarmed[predictions.queries[~hits & accepted]] = True
        return cls(facts, truth[:, 0], pair_scores, standings, found, alarmed)

    def by_edit(self) -> tuple[EditSlice, ...]:
        """Judge every named edit, alone and together with others; what fails most comes first."""
        counts = np.array([len(fact.edits) for fact in self.facts], np.int64)
        names = sorted({edit for fact in self.facts for edit in fact.edits})
        slices = []
        for name in names:
            used = self._mask(name in fact.edits for fact in self.facts)
            slices.append(
                EditSlice(
                    name, self._slice(name, used & (counts == 1)), self._slice(name, used & (counts > 1))
                )
            )
        return tuple(sorted(slices, key=_failing))

    def several_edits(self) -> Slice | None:
        """Judge the queries made with more than one edit."""
        return self._slice("several edits", self._mask(len(fact.edits) > 1 for fact in self.facts))

    def by_strength(self) -> tuple[Slice, ...]:
        """Judge each strength, the weakest first."""
        names = {fact.strength for fact in self.facts} - {""}
        known = [name for name in STRENGTHS if name in names]
        ordered = [*known, *sorted(names - set(known))]
        return self._slices((name, name, "strength") for name in ordered)

    def by_kind(self) -> tuple[Slice, ...]:
        """Judge queries with one edit, with several, and with no reference."""
        return self._slices((title, kind, "kind") for kind, title in KINDS.items())

    def _slices(self, wanted: Iterable[tuple[str, str, str]]) -> tuple[Slice, ...]:
        """Slices of (title, value, field), without empty ones."""
        slices = (
            self._slice(title, self._mask(getattr(fact, field) == value for fact in self.facts))
            for title, value, field in wanted
        )
        return tuple(part for part in slices if part is not None)

    def _mask(self, values: Iterable[bool]) -> Mask:
        return np.fromiter(values, np.bool_, len(self.facts))

    def _slice(self, name: str, queries: Mask) -> Slice | None:
        if not queries.any():
            return None
        pairs = queries[self.pair_queries]
        with_truth = np.zeros(len(queries), np.bool_)
        with_truth[self.pair_queries[pairs]] = True
        return Slice(
            name=name,
            queries=int(queries.sum()),
            pairs=int(pairs.sum()),
            recall_at_1=_mean(self.standings.best_is_true[with_truth]),
            recall_at_10=_mean(self.recalled[with_truth]),
            found=_mean(self.found[pairs]),
            mean_score=_mean(self.pair_scores[pairs]),
            false_alarms=_mean(self.alarmed[queries]) or 0.0,
        )


def _mean(values: npt.NDArray[Any]) -> float | None:
    return round(float(values.mean(dtype=np.float64)), DIGITS) if len(values) else None


def _failing(edit: EditSlice) -> tuple[float, str]:
    """Sort key: the rate of the edit alone, or within others where it never is alone."""
    judged = edit.alone or edit.within
    rate = judged.recall_at_1 if judged is not None else None
    return (2.0 if rate is None else rate, edit.name)
