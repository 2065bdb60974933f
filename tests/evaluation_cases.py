"""Random predictions with many ties, and evaluations made of small exams, for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from copylens.evaluation.nouns import Benchmark, Ints, Picture, Predictions, QueryFacts, QueryKind, Scores
from copylens.evaluation.predicting import Predicted
from copylens.workflows.describer import Describer

EDITS = ("crop", "blur", "pip", "flip")
STRENGTHS = ("", "hard", "mild", "odd")


@dataclass(frozen=True)
class Case:
    """A benchmark without files, candidates, and a score for every true pair."""

    benchmark: Benchmark
    truth: Ints
    predictions: Predictions
    truth_scores: Scores

    @property
    def predicted(self) -> Predicted:
        return Predicted("none", 8, 8, self.predictions, self.truth_scores)


def random_case(seed: int, *, queries: int = 12, references: int = 9, levels: int = 6) -> Case:
    """Queries with none to three true pairs and none to all references as candidates; `levels` distinct scores."""
    draw = np.random.default_rng(seed)
    scores: Scores = (draw.integers(0, levels, (queries, references)) / levels).astype(np.float32)
    is_true = draw.random((queries, references)) < 0.12
    is_true[0, 0] = True
    listed = draw.random((queries, references)) < draw.choice([0.2, 0.7, 1.0])
    order = draw.permutation(int(listed.sum()))
    rows, columns = (values[order] for values in np.nonzero(listed))
    truth = np.argwhere(is_true).astype(np.int64)
    facts = [_facts(draw, bool(is_true[query].any())) for query in range(queries)]
    benchmark = Benchmark(
        name="random",
        split="all",
        queries=tuple(Picture(f"q{number:02}", f"q/{number:02}.jpg") for number in range(queries)),
        references=tuple(Picture(f"r{number:02}", f"r/{number:02}.jpg") for number in range(references)),
        truth=tuple((f"q{query:02}", f"r{reference:02}") for query, reference in truth.tolist()),
        facts={f"q{number:02}": fact for number, fact in enumerate(facts)},
    )
    predictions = Predictions(rows.astype(np.int64), columns.astype(np.int64), scores[rows, columns])
    return Case(benchmark, truth, predictions, scores[truth[:, 0], truth[:, 1]])


def _facts(draw: np.random.Generator, has_truth: bool) -> QueryFacts:
    edits = tuple(str(edit) for edit in draw.choice(EDITS, draw.integers(0, 4)))
    kind: QueryKind = "none" if not has_truth else "multi" if len(edits) > 1 else "single"
    return QueryFacts(kind, edits, str(draw.choice(STRENGTHS)))


@dataclass
class Counted:
    """How many pictures the network has described."""

    pictures: int = 0


@contextmanager
def counting_network() -> Iterator[Counted]:
    """Count what goes through the network; the pictures are described as ever."""
    counted = Counted()
    real = Describer.describe_prepared

    def describe_prepared(self: Describer, batch: object) -> object:
        rows = real(self, batch)  # type: ignore[arg-type]
        counted.pictures += len(rows)
        return rows

    with mock.patch.object(Describer, "describe_prepared", describe_prepared):
        yield counted


@contextmanager
def nothing_may_run() -> Iterator[None]:
    """Let loading a model, describing, fitting and searching fail; reading from disk and scoring go on."""
    forbidden = (
        "copylens.evaluation.describing.load_from_settings",
        "copylens.evaluation.describing.ingest_found",
        "copylens.evaluation.predicting.find_candidates",
        "copylens.evaluation.predicting.Chain.fit",
    )
    patches = [mock.patch(name, side_effect=AssertionError(f"{name} ran")) for name in forbidden]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def files_below(folder: Path) -> dict[str, int]:
    """Every file below a folder with its time of change."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }
