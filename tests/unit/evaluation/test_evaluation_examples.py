"""The worst misses and false matches, against a plain sort of all pairs."""

from __future__ import annotations

import pytest

from copylens.evaluation import examples
from copylens.evaluation.examples import worst_false_matches, worst_misses
from copylens.evaluation.standings import standings_of
from evaluation_cases import Case, random_case

SEEDS = range(25)


def arguments(case: Case) -> tuple[object, ...]:
    standings = standings_of(case.predictions, case.truth, len(case.benchmark.queries))
    return case.benchmark, case.truth, case.truth_scores, case.predictions, standings


def candidates(case: Case) -> dict[tuple[str, str], float]:
    p = case.predictions
    return {
        (case.benchmark.queries[q].key, case.benchmark.references[r].key): round(float(s), 6)
        for q, r, s in zip(p.queries, p.references, p.scores, strict=True)
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_misses_are_the_true_pairs_behind_wrong_ones(seed: int) -> None:
    case = random_case(seed)
    listed, true = candidates(case), set(case.benchmark.truth)
    expected = []
    for (query, reference), score in zip(case.benchmark.truth, case.truth_scores, strict=True):
        wrong = sorted((-s, r) for (q, r), s in listed.items() if q == query and (q, r) not in true)
        found = (query, reference) in listed
        if not found or (wrong and -wrong[0][0] >= round(float(score), 6)):
            expected.append((round(float(score), 6), query, reference, wrong[0][::-1] if wrong else None))
    misses = worst_misses(*arguments(case))  # type: ignore[arg-type]
    assert [(m.score, m.query.key, m.reference.key) for m in misses] == sorted(row[:3] for row in expected)
    instead = {(query, reference): wrong for _, query, reference, wrong in expected}
    for miss in misses:
        best = instead[miss.query.key, miss.reference.key]
        seen = None if miss.found is None else (miss.found.key, -(miss.found_score or 0.0))
        assert seen == best
        assert (miss.rank is None) == ((miss.query.key, miss.reference.key) not in listed)
        assert miss.query.path == f"q/{miss.query.key[1:]}.jpg"
        facts = case.benchmark.facts[miss.query.key]
        assert (miss.kind, miss.edits, miss.strength) == (facts.kind, facts.edits, facts.strength)


@pytest.mark.parametrize("seed", SEEDS)
def test_false_matches_are_the_best_wrong_candidates(seed: int) -> None:
    case = random_case(seed)
    true = dict.fromkeys(case.benchmark.truth)
    wrong = [(-score, pair) for pair, score in candidates(case).items() if pair not in true]
    matches = worst_false_matches(*arguments(case))  # type: ignore[arg-type]
    assert [(-m.score, (m.query.key, m.reference.key)) for m in matches] == sorted(wrong)[: examples.EXAMPLES]
    scores = dict(zip(case.benchmark.truth, case.truth_scores.tolist(), strict=True))
    for match in matches:
        own = [round(score, 6) for (query, _), score in scores.items() if query == match.query.key]
        assert match.expected_score == (max(own) if own else None)
        if match.expected is not None:
            expected = scores[match.query.key, match.expected.key]
            assert round(expected, 6) == match.expected_score


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(2)
    every = worst_misses(*arguments(case)), worst_false_matches(*arguments(case))  # type: ignore[arg-type]
    assert min(map(len, every)) > 2
    monkeypatch.setattr(examples, "EXAMPLES", 2)
    assert worst_misses(*arguments(case)) == every[0][:2]  # type: ignore[arg-type]
    assert worst_false_matches(*arguments(case)) == every[1][:2]  # type: ignore[arg-type]
