"""What the benchmark of view sets computes: scores, figures, the greedy choice; on arrays of an exam without files."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.view_sets import EDITS, Described, candidate_groups, figures, greedy, table

from copylens.evaluation.nouns import Benchmark, Picture, QueryFacts
from copylens.images import VIEW_SETS, view_key
from copylens.records import INSETS

VIEWS = list(VIEW_SETS["thorough"])
QUERIES = 6


def exam(seed: int = 0) -> Described:
    """Query n is a copy of reference n: the first three as wholes, the others by the first view of the query alone."""
    draw = np.random.default_rng(seed)
    benchmark = Benchmark(
        name="exam",
        split="all",
        queries=tuple(Picture(f"q{n}", f"q{n}.jpg") for n in range(QUERIES)),
        references=tuple(Picture(f"r{n:02}", f"r{n}.jpg") for n in range(20)),
        truth=tuple((f"q{n}", f"r{n:02}") for n in range(QUERIES)),
        facts={f"q{n}": QueryFacts("single", (EDITS[0] if n < 3 else EDITS[1],), "") for n in range(QUERIES)},
    )
    rows = [draw.normal(size=(count, 1 + len(VIEWS), 64)) for count in (QUERIES, 20)]
    queries, references = ((r / np.linalg.norm(r, axis=-1, keepdims=True)).astype(np.float32) for r in rows)
    queries[:3, 0] = references[:3, 0]
    queries[3:, 1] = references[3:QUERIES, 0]
    place = {view_key(view): row for row, view in enumerate(VIEWS, start=1)}
    return Described(benchmark, place, queries, references)


def test_scores_are_the_best_of_the_compared() -> None:
    described = exam()
    q, r = described.queries, described.references
    found = described.scores(VIEWS, 0.125)
    for a in range(QUERIES):
        for b in range(5):
            free = 1 + len(INSETS)
            insets = [*(q[a, 1:free] @ r[b, 0]), *(r[b, 1:free] @ q[a, 0])]
            parts = [*(q[a, free:] @ r[b, 0]), *(r[b, free:] @ q[a, 0])]
            best = max(q[a, 0] @ r[b, 0], *insets, max(parts) - 0.125)
            assert found[a, b] == pytest.approx(best, abs=1e-6)
    only_queries = described.scores(VIEWS, 0.0, sides="queries")
    assert only_queries[4, 2] == pytest.approx(max(q[4] @ r[2, 0]), abs=1e-6)
    crossed = described.scores(VIEWS, 0.0, crossed=True)
    assert crossed[4, 2] == pytest.approx((q[4] @ r[2].T).max(), abs=1e-6)


def test_a_view_that_was_not_found_scores_nothing() -> None:
    described = exam()
    q, r = described.queries, described.references
    # Everything is opposed, so that a row of zeros would be the best of all.
    r[:] = -np.abs(r)
    q[:] = np.abs(q)
    q[2, 1:] = 0.0
    r[3, 1:] = 0.0
    found = described.scores(VIEWS, 0.0)
    assert found[2, 3] == pytest.approx(q[2, 0] @ r[3, 0], abs=1e-6)
    assert found[2, 4] == pytest.approx(max(q[2, 0] @ r[4, 0], *(r[4, 1:] @ q[2, 0])), abs=1e-6)
    assert found.max() < 0.0


def test_descriptors_are_counted_where_there_are_any() -> None:
    described = exam()
    described.queries[:3, 1:] = 0.0
    assert described.count(()) == 1.0
    # Half of the queries have none of the four, every reference has all.
    assert described.count(VIEWS[:4]) == pytest.approx((1 + 4 / 2 + 1 + 4) / 2)


def test_figures_tell_what_views_find() -> None:
    described = exam()
    wholes, views = (figures(described, described.scores(chosen, 0.1)) for chosen in ((), VIEWS[:1]))
    assert wholes[3][EDITS[0]] == 1
    assert wholes[3][EDITS[1]] < 1
    assert views[:3] == (1.0, 1.0, 1.0)
    assert (views[3][EDITS[0]], views[3][EDITS[1]]) == (1, 1)


def test_the_greedy_choice_begins_with_the_view_that_shows_the_copies() -> None:
    lines = greedy(exam(), 0.1, 2)
    assert len(lines) == 2
    assert lines[0].startswith(f"| + insets | {1 + len(INSETS):.1f} | 1.0000 |")


def test_the_table_has_a_line_for_each_set_and_variant() -> None:
    lines = table(exam(), dict.fromkeys(VIEW_SETS, 0.1))
    assert [line.count("|") for line in lines] == [lines[0].count("|")] * (2 + len(VIEW_SETS) + 4)


def test_no_view_is_in_two_groups() -> None:
    keys = [view_key(view) for views in candidate_groups().values() for view in views]
    assert len(keys) == len(set(keys))
    assert set(map(view_key, VIEWS)) <= set(keys)
