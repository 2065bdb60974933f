"""What each picture is made from: parts do not overlap, edits are dealt out evenly, names tell nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from copylens.evaluation.edits import EDITS, STRENGTHS
from copylens.evaluation.making_plan import ExamPlan, plan_exam, stream
from copylens.evaluation.making_settings import ExamSettings

SETTINGS = ExamSettings(references=60, distractors=20, queries=300, unmatched=40, background=15)
COUNT = 150


@pytest.fixture(scope="module")
def plan() -> ExamPlan:
    return plan_exam(COUNT, SETTINGS)


def test_equal_settings_make_equal_plans(plan: ExamPlan) -> None:
    assert plan_exam(COUNT, SETTINGS) == plan
    other = plan_exam(COUNT, ExamSettings(references=60, distractors=20, queries=300, unmatched=40, seed=1))
    assert [query.steps for query in other.queries] != [query.steps for query in plan.queries]
    assert [picture.photograph for picture in other.references] != [
        picture.photograph for picture in plan.references
    ]


def test_no_photograph_has_two_parts(plan: ExamPlan) -> None:
    parts = [
        {picture.photograph for picture in plan.references},
        {query.photograph for query in plan.queries if not query.reference},
        {picture.photograph for picture in plan.background},
        set(plan.others),
    ]
    assert [len(part) for part in parts] == [60, 40, 15, 15]
    assert len(set.union(*parts)) == sum(map(len, parts)) == plan.counts.photographs
    assert set.union(*parts) <= set(range(COUNT))


def test_the_truth_names_the_reference_of_the_same_photograph(plan: ExamPlan) -> None:
    references = {picture.name: picture.photograph for picture in plan.references}
    matched = [query for query in plan.queries if query.reference]
    assert len(matched) == 300
    assert all(references[query.reference] == query.photograph for query in matched)
    edited = Counter(query.reference for query in matched)
    assert len(edited) == 40
    assert set(edited.values()) == {7, 8}
    assert all(query.kind == "none" for query in plan.queries if not query.reference)


def test_names_are_numbers_in_order(plan: ExamPlan) -> None:
    assert [query.name[:6] for query in plan.queries] == [f"q{number:05d}" for number in range(1, 341)]
    assert [picture.name for picture in plan.references] == [f"r{number:05d}.jpg" for number in range(1, 61)]
    assert [picture.name for picture in plan.background] == [f"b{number:05d}.jpg" for number in range(1, 16)]
    assert all(query.name[6:] == f".{query.steps[-1].edit.suffix}" for query in plan.queries)
    assert {query.name[6:] for query in plan.queries} == {".jpg", ".png", ".webp"}


def test_numbers_tell_nothing(plan: ExamPlan) -> None:
    half = len(plan.queries) // 2
    unmatched = [not query.reference for query in plan.queries]
    assert 8 < sum(unmatched[:half]) < 32
    edited = {query.reference for query in plan.queries}
    first = [picture.name in edited for picture in plan.references[:30]]
    assert 12 < sum(first) < 28
    numbers = [(int(query.name[1:6]), int(query.reference[1:6])) for query in plan.queries if query.reference]
    assert abs(np.corrcoef(np.array(numbers).T)[0, 1]) < 0.2


def test_kinds_come_in_turn(plan: ExamPlan) -> None:
    kinds = Counter(query.kind for query in plan.queries)
    assert kinds["none"] == 40
    assert abs(kinds["single"] - kinds["multi"]) <= 40
    for query in plan.queries:
        if query.kind == "single":
            assert len(query.steps) == 1
            assert query.steps[0].strength == query.strength
        elif query.kind == "multi":
            assert 2 <= len(query.steps) <= 4
            assert query.strength in {step.strength for step in query.steps}
    both = [len(query.steps) == 1 for query in plan.queries if not query.reference]
    assert sum(both) == 20


def test_edits_and_strengths_are_dealt_out_evenly() -> None:
    rounds = 3
    queries = rounds * len(EDITS)
    plan = plan_exam(
        400, ExamSettings(references=100, distractors=0, queries=queries, kinds=("single",), unmatched=0)
    )
    dealt = Counter((query.edits[0], query.strength) for query in plan.queries)
    assert len(dealt) == len(EDITS) * len(STRENGTHS)
    assert set(dealt.values()) == {1}


def test_only_what_was_asked_for_is_used() -> None:
    settings = ExamSettings(edits=("crop", "meme", "jpeg"), strengths=("hard",), unmatched=5)
    plan = plan_exam(60, settings)
    assert {name for query in plan.queries for name in query.edits} == {"crop", "meme", "jpeg"}
    assert {query.strength for query in plan.queries} == {"hard"}
    assert plan.others == ()


def test_one_original_and_one_query_are_an_exam() -> None:
    settings = ExamSettings(references=1, unmatched=0, queries=1, edits=("crop", "jpeg"))
    plan = plan_exam(1, settings)
    assert [(query.name, query.reference, query.kind) for query in plan.queries] == [
        ("q00001.jpg", "r00001.jpg", "single")
    ]


def test_many_pictures_get_longer_numbers() -> None:
    settings = ExamSettings(references=1, unmatched=0, queries=100_000, kinds=("single",), edits=("crop",))
    plan = plan_exam(1, settings)
    assert plan.queries[0].name == "q000001.jpg"
    assert plan.queries[-1].name == "q100000.jpg"


def test_streams_differ_by_seed_and_name() -> None:
    draws = {stream(seed, name).integers(2**62) for seed in range(5) for name in ("a", "b", "1 a")}
    assert len(draws) == 15
    assert stream(3, "a").integers(2**62) == stream(3, "a").integers(2**62)
