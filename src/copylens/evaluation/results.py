"""What an evaluation found, as frozen dataclasses of plain values; pages, tables and JSON are made from these alone.

Scores are inner products, or inner products less the query's bias after score normalisation. A score in a result is
rounded to 6 decimals, but thresholds are exact, so that ``score >= threshold`` can be asked again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FIGURES: dict[str, str] = {
    "micro_average_precision": "µAP",
    "recall_at_precision_90": "R@P90",
    "recall_at_precision_99": "R@P99",
    "accuracy_at_1": "Acc@1",
    "recall_at_10": "R@10",
    "micro_average_precision_trapezoid": "µAP (trapezoid)",
    "mean_average_precision": "mAP",
    "mean_average_precision_trapezoid": "mAP (trapezoid)",
}
"""Figures of a list of predictions, with the names that tables show; the last three for the protocol "copydays"."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its bootstrap interval.

    Attributes:
        value: on all queries.
        low, high: bounds of the interval at `Origin.level`; None without a bootstrap.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score from which a wanted precision holds, at the greatest recall.

    Attributes:
        wanted: the precision asked for, e.g. 0.9.
        precision: what is reached there; at least `wanted`.
        recall: share of the true pairs found there; 0 where the precision is reached nowhere.
        threshold: predictions with ``score >= threshold`` count; None where the precision is reached nowhere.
    """

    wanted: float
    precision: float
    recall: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """How scores of copies and of others lie.

    Attributes:
        edges: B + 1 bounds, ascending; a bin holds its lower bound, the last one both.
        copies: B counts of true pairs, found or not.
        non_copies: B counts of queries by the score of their best wrong candidate.
    """

    edges: tuple[float, ...]
    copies: tuple[int, ...]
    non_copies: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A precision-recall curve, thinned for drawing; recall ascends.

    Attributes:
        recall, precision: of the predictions with ``score >= threshold``.
        thresholds: descending.
    """

    recall: tuple[float, ...]
    precision: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """One list of predictions, judged.

    Attributes:
        post_processing: the chain that made the scores; "none" changes nothing.
        dims: dimensions after the chain, score normalisation not counted.
        figures: by the keys of `FIGURES`.
        thresholds: at 90 % and at 99 % precision.
        histogram: of scores.
        curve: precision against recall.
    """

    post_processing: str
    dims: int
    figures: dict[str, Figure]
    thresholds: tuple[Threshold, ...]
    histogram: ScoreHistogram = field(repr=False)
    curve: Curve = field(repr=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the queries, judged by the plain scores (before score normalisation).

    Attributes:
        name: what they share.
        queries: how many there are.
        pairs: how many true pairs they have.
        recall_at_1: share of the queries with a true pair whose best candidate is one; None without true pairs.
        recall_at_10: share of a query's true pairs among its first 10 candidates, averaged over the queries with a true
            pair; None without true pairs.
        found: share of the true pairs that reach the threshold at 90 % precision; None without true pairs.
        mean_score: of the true pairs, found or not; None without true pairs.
        false_alarms: share of the queries with a wrong candidate that reaches that threshold.
    """

    name: str
    queries: int
    pairs: int
    recall_at_1: float | None
    recall_at_10: float | None
    found: float | None
    mean_score: float | None
    false_alarms: float


@dataclass(frozen=True, slots=True)
class EditSlice:
    """Queries made with a named edit.

    Attributes:
        name: of the edit.
        alone: queries with this edit only; None where there are none.
        within: queries with this and other edits; None where there are none.
    """

    name: str
    alone: Slice | None
    within: Slice | None


@dataclass(frozen=True, slots=True)
class Place:
    """A picture of the benchmark.

    Attributes:
        key: its name in the truth.
        path: where it lies.
    """

    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Miss:
    """A true pair that wrong candidates outrank.

    Attributes:
        query: whose copy was not found.
        reference: what should have been found.
        score: of the two.
        rank: of the reference among the query's candidates, from 1, behind wrong ones of equal score; None when it
            is not among them.
        found: the query's best wrong candidate; None when it has none.
        found_score: of that one.
        kind, edits, strength: how the query was made, as `QueryFacts`.
    """

    query: Place
    reference: Place
    score: float
    rank: int | None
    found: Place | None
    found_score: float | None
    kind: str
    edits: tuple[str, ...]
    strength: str


@dataclass(frozen=True, slots=True)
class FalseMatch:
    """A wrong pair with a high score.

    Attributes:
        query, reference: the two pictures.
        score: of the two.
        expected: the true reference of the query with the best score; None when it has none.
        expected_score: of that one.
        kind, edits, strength: how the query was made, as `QueryFacts`.
    """

    query: Place
    reference: Place
    score: float
    expected: Place | None
    expected_score: float | None
    kind: str
    edits: tuple[str, ...]
    strength: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where figures come from; without it a number means nothing.

    Attributes:
        benchmark, split, protocol: what was asked, as `Benchmark`.
        benchmark_digest: of its truth and of its pictures' names and sizes, wherever they lie; figures of two digests
            cannot be compared.
        rule: which candidates were judged, in words.
        queries, references, pairs: how many there are.
        without_reference: queries that have no true pair.
        training, background: pictures that post-processing learned from.
        model, fingerprint: what made the descriptors.
        source: the file of saved descriptors; empty when the model was run.
        precision: of the model's arithmetic; empty for saved descriptors.
        views: how many views described each picture; empty for saved descriptors.
        dims: dimensions before post-processing.
        post_processing: the chain asked for, as it was given; "none" changes nothing.
        samples, level, seed: of the bootstrap; 0 samples mean that there are no intervals.
        command: the command line; empty when called as a library.
        copylens: the version that computed the figures.
    """

    benchmark: str
    split: str
    protocol: str
    benchmark_digest: str
    rule: str
    queries: int
    references: int
    pairs: int
    without_reference: int
    training: int
    background: int
    model: str
    fingerprint: str
    source: str
    precision: str
    dims: int
    post_processing: str
    samples: int
    level: float
    seed: int
    command: str
    copylens: str
    views: str = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResult:
    """A system's figures and where it fails.

    Attributes:
        label: names it in tables; unique within an evaluation.
        origin: where the figures come from.
        plain: without score normalisation.
        normalised: with it; None without background pictures.
        by_edit: every named edit, what fails most first.
        several_edits: queries made with more than one edit; None where there are none.
        by_strength: each strength; empty where the benchmark has none.
        by_kind: one edit, several, none; empty where the benchmark does not say.
        misses: true pairs that were not found, lowest score first.
        false_matches: wrong pairs, highest score first.
    """

    label: str
    origin: Origin
    plain: Scored
    normalised: Scored | None
    by_edit: tuple[EditSlice, ...] = field(repr=False)
    several_edits: Slice | None = field(repr=False)
    by_strength: tuple[Slice, ...] = field(repr=False)
    by_kind: tuple[Slice, ...] = field(repr=False)
    misses: tuple[Miss, ...] = field(repr=False)
    false_matches: tuple[FalseMatch, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of one system less that of another, with its paired bootstrap interval.

    Attributes:
        value: on all queries; above 0 when the second system is better.
        low, high: bounds of the interval at `Origin.level`; None without a bootstrap.
        better: share of the resamples in which the second system is better; None without a bootstrap.
    """

    value: float
    low: float | None = None
    high: float | None = None
    better: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A system less another, on the same queries.

    Attributes:
        first, second: labels.
        plain: second less first, by the keys of `FIGURES`.
        normalised: the same after score normalisation; None unless both have it.
    """

    first: str
    second: str
    plain: dict[str, Difference]
    normalised: dict[str, Difference] | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Systems on one benchmark.

    Attributes:
        systems: in the order asked.
        comparisons: each further system with the first.
    """

    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
