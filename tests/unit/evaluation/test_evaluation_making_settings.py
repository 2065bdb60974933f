"""What an exam shall hold: wrong wishes are refused with the option's name, and photographs are shared out."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.evaluation.edits import EDITS
from copylens.evaluation.making_settings import ExamSettings, count_parts


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"references": 0}, "--references must be at least 1, got 0"),
        ({"distractors": -1}, "--distractors must be at least 0, got -1"),
        ({"queries": 0}, "--queries must be at least 1, got 0"),
        ({"unmatched": -2}, "--unmatched must be at least 0, got -2"),
        ({"background": -1}, "--background must be at least 0, got -1"),
        ({"seed": -1}, "--seed must be between 0 and"),
        ({"size": 10}, "--size must be between 64 and 4096, got 10"),
        ({"quality": 101}, "--quality must be between 30 and 100, got 101"),
        ({"dedupe_threshold": 1.5}, "--dedupe-threshold must be a score from -1 to 1, got 1.5"),
        ({"dedupe_threshold": float("nan")}, "--dedupe-threshold must be a score"),
        ({"kinds": ("double",)}, "--kinds double: give one or more of single, multi"),
        ({"kinds": ()}, "--kinds"),
        ({"strengths": ("mild", "mild")}, "--strengths mild,mild: give one or more of mild, medium, hard"),
        ({"edits": ("cropp",)}, "There is no edit 'cropp'; did you mean crop?"),
        ({"without_edits": tuple(EDITS)}, "No edit is left"),
        ({"edits": ("crop",)}, "--kinds single"),
    ],
)
def test_wrong_wishes_are_refused(wishes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        ExamSettings(**wishes)
    assert said in str(refused.value)


def test_one_edit_will_do_for_single_edits() -> None:
    settings = ExamSettings(edits=("crop",), kinds=("single",))
    assert [edit.name for edit in settings.chosen_edits()] == ["crop"]


def test_the_defaults_use_every_photograph() -> None:
    counts = count_parts(ExamSettings(), 100)
    assert (counts.others, counts.unmatched, counts.references) == (10, 15, 75)
    assert (counts.originals, counts.distractors, counts.queries) == (38, 37, 76)
    assert counts.photographs == 100
    assert counts.to_dict() == {
        "references": 75,
        "distractors": 37,
        "queries": 91,
        "matched": 76,
        "unmatched": 15,
        "background": 0,
    }


def test_the_defaults_stay_within_bounds() -> None:
    counts = count_parts(ExamSettings(), 1_000_000)
    assert (counts.references, counts.originals, counts.queries) == (10_000, 1_000, 2_000)
    assert (counts.unmatched, counts.others) == (500, 200)


def test_no_photograph_lies_inside_others_where_no_edit_needs_it() -> None:
    settings = ExamSettings(edits=("crop", "jpeg"))
    assert count_parts(settings, 100).others == 0


def test_wishes_are_met() -> None:
    settings = ExamSettings(references=40, distractors=30, queries=55, unmatched=7, background=9)
    counts = count_parts(settings, 100)
    assert (counts.references, counts.originals, counts.distractors) == (40, 10, 30)
    assert (counts.queries, counts.unmatched, counts.background) == (55, 7, 9)
    assert counts.photographs == 40 + 7 + 9 + 10


def test_few_queries_need_few_originals() -> None:
    counts = count_parts(ExamSettings(references=40, queries=5), 100)
    assert (counts.originals, counts.distractors, counts.queries) == (5, 35, 5)


@pytest.mark.parametrize(
    ("settings", "photographs", "said"),
    [
        (ExamSettings(), 4, "4 usable photographs are too few: the exam needs 5"),
        (
            ExamSettings(references=90, unmatched=20),
            100,
            "the exam needs 120 (90 for references, 20 for queries",
        ),
        (ExamSettings(background=80), 100, "80 for background"),
        (ExamSettings(distractors=90), 100, "too few"),
        (ExamSettings(references=10, distractors=10), 100, "--distractors 10 leaves no reference"),
        (ExamSettings(references=20, distractors=5, queries=3), 100, "--queries 3 are fewer than the 15"),
    ],
)
def test_what_cannot_be_met_is_refused(settings: ExamSettings, photographs: int, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        count_parts(settings, photographs)
    assert said in str(refused.value)


counts_or_none = st.none() | st.integers(0, 60)


@given(
    photographs=st.integers(1, 200),
    references=st.none() | st.integers(1, 60),
    distractors=counts_or_none,
    queries=st.none() | st.integers(1, 90),
    unmatched=counts_or_none,
    background=st.integers(0, 20),
)
def test_parts_fit_or_are_refused(
    photographs: int,
    references: int | None,
    distractors: int | None,
    queries: int | None,
    unmatched: int | None,
    background: int,
) -> None:
    settings = ExamSettings(
        references=references,
        distractors=distractors,
        queries=queries,
        unmatched=unmatched,
        background=background,
    )
    counts = None
    with contextlib.suppress(UsageError):
        counts = count_parts(settings, photographs)
    assume(counts is not None)
    assert counts is not None
    assert counts.photographs <= photographs
    assert counts.originals >= 1
    assert counts.queries >= counts.originals
    assert counts.others >= 3
    for wish, value in (
        (references, counts.references),
        (distractors, counts.distractors),
        (queries, counts.queries),
        (unmatched, counts.unmatched),
    ):
        assert wish is None or wish == value
