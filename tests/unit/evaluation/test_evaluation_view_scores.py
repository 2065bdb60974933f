"""Scores by views against nested loops, and an evaluation with views from pictures to figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_folders import build_exam
from copylens.evaluation import view_scores
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.nouns import Benchmark, CandidateRule
from copylens.evaluation.running import evaluate, load_evaluation
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.evaluation.view_scores import ViewSides, find_view_candidates
from copylens.images import VIEW_SETS
from copylens.matching import Limits
from copylens.models import InsetNetwork, ModelPackage
from copylens.records import INSETS, View
from copylens.workflows.describer import Describer, load_model
from copylens.workflows.insets import inset_finder
from copylens.workflows.settings import ModelSettings
from copylens.workflows.viewing import PENALTIES
from evaluation_cases import counting_network, nothing_may_run
from small_models import SmallNetwork

Rows = npt.NDArray[np.float32]


def quarters(seed: int, *shape: int) -> Rows:
    """Whole quarters: every product is exact in float32."""
    return (np.random.default_rng(seed).integers(-3, 4, shape) / 4).astype(np.float32)


def random_sides(
    seed: int, queries: int, references: int, count: int, penalty: float, free: int = 1
) -> tuple[ViewSides, Rows]:
    """Sides, and the scores of all pairs by nested loops; some views are none."""
    asked, known = quarters(seed, queries, 3), quarters(seed + 1, references, 3)
    asked_views, known_views = quarters(seed + 2, queries, count, 3), quarters(seed + 3, references, count, 3)
    for some in (asked_views, known_views):
        some[np.random.default_rng(seed).random(some.shape[:2]) < 0.3] = 0.0
    twin = np.empty((queries, references), np.float32)
    for q in range(queries):
        for r in range(references):
            best = [
                float(view @ whole) - (0.0 if n < free else penalty)
                for views, whole in ((asked_views[q], known[r]), (known_views[r], asked[q]))
                for n, view in enumerate(views)
                if any(view)
            ]
            twin[q, r] = max([float(asked[q] @ known[r]), *best])
    losses = Limits(0.0, penalty, free).penalties(count)
    sides = ViewSides(
        asked, known, lambda which: asked_views[which], lambda which: known_views[which], losses
    )
    return sides, twin


CASES = {
    "seed": st.integers(0, 1000),
    "queries": st.integers(1, 7),
    "references": st.integers(1, 7),
    "count": st.integers(1, 3),
    "size": st.sampled_from([1, 10, 1 << 20]),
}


@settings(max_examples=40, deadline=None)
@given(**CASES)
def test_scores_equal_the_nested_loops(
    seed: int, queries: int, references: int, count: int, size: int
) -> None:
    sides, twin = random_sides(seed, queries, references, count, 0.25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_scores, "BLOCK_VALUES", size)
        np.testing.assert_array_equal(sides.block(0, queries), twin)
        first, second = (axis.reshape(-1) for axis in np.indices(twin.shape))
        np.testing.assert_array_equal(sides.pair_scores(first, second), twin.reshape(-1))


@settings(max_examples=40, deadline=None)
@given(**CASES, wanted=st.integers(1, 9), overall=st.booleans())
def test_candidates_are_the_best_in_the_documented_order(
    seed: int, queries: int, references: int, count: int, size: int, wanted: int, overall: bool
) -> None:
    sides, twin = random_sides(seed, queries, references, count, 0.25)
    rule = CandidateRule(per_query=None, overall=wanted) if overall else CandidateRule(per_query=wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_scores, "BLOCK_VALUES", size)
        found = find_view_candidates(sides, rule)
    pairs = [(-float(twin[q, r]), q, r) for q in range(queries) for r in range(references)]
    if overall:
        expected = sorted(pairs)[:wanted]
    else:
        expected = [pair for q in range(queries) for pair in sorted(p for p in pairs if p[1] == q)[:wanted]]
    columns = (found.queries.tolist(), found.references.tolist(), found.scores.tolist())
    assert [(-score, q, r) for q, r, score in zip(*columns, strict=True)] == expected


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return SmallNetwork().package(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root, photos=5, negatives=2, background=0)
    return open_exam(root)


def test_an_evaluation_with_views_scores_every_pair_by_its_best(
    model: ModelPackage, exam: Benchmark, tmp_path: Path
) -> None:
    whole = ModelSystem(settings=ModelSettings(model=str(model.directory)))
    systems = [whole, replace(whole, views="balanced")]
    options = EvaluationSettings(folder=str(tmp_path), samples=0, rule=CandidateRule(per_query=1000))
    views = VIEW_SETS["balanced"]
    with counting_network() as counted:
        result = evaluate(exam, systems, options)
    pictures = {picture.path for picture in (*exam.queries, *exam.references)}
    assert counted.pictures <= len(pictures) * (1 + len(views))
    assert [system.label for system in result.systems] == ["small", "small, balanced"]
    assert [system.origin.views for system in result.systems] == ["whole", "balanced"]
    assert load_evaluation(tmp_path) == result
    with nothing_may_run():
        again = evaluate(exam, systems, options)
    assert again == result
    assert _scores(tmp_path, result.systems[1].origin.views) == pytest.approx(
        _twin(exam, load_model(model.directory)), abs=1e-3
    )


def _scores(folder: Path, views: str) -> list[float]:
    """All scores of the predictions with views on disk, sorted: those that are higher in sum."""
    assert views == "balanced"
    files = [np.load(file) for file in (folder / "predictions").glob("*.npz")]
    sums = [float(file["scores"].sum()) for file in files]
    assert len(files) == 2
    return sorted(files[int(np.argmax(sums))]["scores"].tolist())


def _twin(exam: Benchmark, describer: Describer) -> list[float]:
    from copylens.images import cut, decode, decode_box, prepare, read_file

    def rows(path: str) -> tuple[Rows, Rows, Rows]:
        pixels = decode(read_file(path)).pixels
        seen = decode(read_file(path), box=decode_box(describer.input)).pixels
        insets = inset_finder().find(
            lambda view: prepare(seen if view == View() else cut(pixels, view), InsetNetwork.input)
        )
        parts = [view for view in VIEW_SETS["balanced"] if view not in INSETS]
        described = describer.describe([pixels, *(cut(pixels, view) for view in (*insets, *parts))])
        return described[0], described[1 : 1 + len(insets)], described[1 + len(insets) :]

    queries = [rows(picture.path) for picture in exam.queries]
    references = [rows(picture.path) for picture in exam.references]
    penalty = PENALTIES["balanced"]
    return sorted(
        max(
            float(q @ r),
            *(found @ r).tolist(),
            *(held @ q).tolist(),
            float((qs @ r).max()) - penalty,
            float((rs @ q).max()) - penalty,
        )
        for q, found, qs in queries
        for r, held, rs in references
    )
