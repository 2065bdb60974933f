"""What holds for every edit: pictures stay pictures, something changes, and equal chance gives equal pixels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from copylens.errors import UsageError
from copylens.evaluation.edits import EDITS, STRENGTHS, Encoded, Strength, decoded
from copylens.evaluation.edits.edit import OneOf, Span, Whole
from exam_samples import NAMES, noise, others_of, photo_others, photograph, pixels

STRANGE_SIZES = [(16, 16), (700, 18), (18, 700), (300, 1), (1, 300), (2, 2), (1, 1), (97, 64)]

THE_SAME_EVERYWHERE = {"flip_horizontal", "flip_vertical", "turn"}
"""Edits that have no strength."""

every_edit = pytest.mark.parametrize("name", EDITS)
every_strength = pytest.mark.parametrize("strength", STRENGTHS)


def chance(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_there_are_enough_of_every_stage() -> None:
    assert len(EDITS) >= 40
    stages = [edit.stage for edit in EDITS.values()]
    assert {stage: stages.count(stage) for stage in dict.fromkeys(stages)} == {
        "geometry": 9,
        "colour": 12,
        "detail": 11,
        "overlay": 11,
        "container": 8,
        "encoding": 6,
    }


@every_edit
@every_strength
def test_a_photograph_stays_a_picture_and_changes(name: str, strength: Strength) -> None:
    for number, photo in enumerate(NAMES):
        picture = photograph(photo)
        before = picture.tobytes()
        result = EDITS[name].apply(picture, strength, chance(number), photo_others())
        assert picture.tobytes() == before
        assert result.mode == "RGB"
        array = np.asarray(result)
        assert array.dtype == np.uint8
        assert array.shape == (result.height, result.width, 3)
        assert 16 <= max(result.size) <= 2.6 * max(picture.size)
        if result.size == picture.size:
            assert np.abs(pixels(result) - pixels(picture)).mean() > 0.05, photo


@every_edit
@every_strength
def test_equal_chance_gives_equal_pixels(name: str, strength: Strength) -> None:
    picture = photograph("lemurs")
    first, second = (EDITS[name].apply(picture, strength, chance(8), photo_others()) for _ in range(2))
    assert first.size == second.size
    assert first.tobytes() == second.tobytes()


@every_edit
@every_strength
def test_strange_sizes_pass(name: str, strength: Strength) -> None:
    for size in STRANGE_SIZES:
        picture = noise(size)
        for others in (others_of(noise((40, 30))), others_of(noise((1, 50)))):
            result = EDITS[name].apply(picture, strength, chance(5), others)
            assert result.mode == "RGB"
            assert min(result.size) >= 1


@every_edit
def test_flat_and_grey_pictures_pass(name: str) -> None:
    for picture in (
        Image.new("RGB", (90, 60), "black"),
        Image.new("RGB", (90, 60), "white"),
        photograph("cameraman").convert("L").convert("RGB"),
    ):
        for strength in STRENGTHS:
            assert EDITS[name].apply(picture, strength, chance(6), photo_others()).mode == "RGB"


@every_edit
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), strength=st.sampled_from(STRENGTHS))
def test_parameters_stay_in_their_ranges(name: str, seed: int, strength: Strength) -> None:
    edit = EDITS[name]
    values = edit.draw(strength, chance(seed))
    assert list(values) == [parameter.name for parameter in edit.parameters]
    for parameter in edit.parameters:
        assert parameter.at(strength).holds(values[parameter.name])


@every_edit
def test_ranges_move_one_way_and_do_not_cross(name: str) -> None:
    edit = EDITS[name]
    assert bool(edit.parameters) == (name not in THE_SAME_EVERYWHERE - {"turn"})
    moved = []
    for parameter in edit.parameters:
        ranges = [parameter.at(strength) for strength in STRENGTHS]
        if name in THE_SAME_EVERYWHERE or isinstance(ranges[0], OneOf):
            continue
        bounds = [(part.low, part.high) for part in ranges if isinstance(part, (Span, Whole))]
        assert all(low <= high for low, high in bounds)
        middles = [low + high for low, high in bounds]
        assert middles in (sorted(middles), sorted(middles, reverse=True)), parameter.name
        moved.append(len(set(middles)) == 3 and _apart(sorted(bounds)))
    assert name in THE_SAME_EVERYWHERE or any(moved)


def _apart(bounds: list[tuple[float, float]]) -> bool:
    return all(before[1] < after[0] for before, after in pairwise(bounds))


@every_edit
def test_the_suffix_is_that_of_the_file(name: str) -> None:
    edit = EDITS[name]
    assert edit.suffix in ("jpg", "png", "webp")
    result = edit.produce(photograph("lemurs"), edit.draw("medium", chance()), chance(), photo_others())
    assert isinstance(result, Encoded) == (edit.stage == "encoding" and name != "thumbnail")
    if isinstance(result, Encoded):
        assert result.suffix == edit.suffix
    assert decoded(result).mode == "RGB"


@every_edit
def test_other_photographs_are_asked_for_only_where_they_are_needed(name: str) -> None:
    edit = EDITS[name]
    if edit.needs_others:
        with pytest.raises(UsageError, match=f"{name} needs other photographs"):
            edit.apply(photograph("lemurs"), "mild", chance())
    else:
        assert edit.apply(photograph("lemurs"), "mild", chance()).mode == "RGB"


def test_ranges_know_their_values() -> None:
    assert Span(0.1, 0.2).holds(0.1)
    assert not Span(0.1, 0.2).holds(0.21)
    assert not Span(0, 2).holds(1)
    assert Whole(1, 3).holds(3)
    assert not Whole(1, 3).holds(4)
    assert not Whole(1, 3).holds(2.0)
    assert OneOf(("a", "b")).holds("b")
    assert not OneOf(("a", "b")).holds("c")


def test_ranges_as_text() -> None:
    assert Span(0.1, 0.25).text("%") == "10–25%"
    assert Span(3, 10).text("°") == "3–10°"
    assert Span(1.0, 1.0).text("x") == "1 x"
    assert Whole(3, 5).text("") == "3–5"
    assert Whole(2, 2).text("") == "2"
    assert OneOf((90, 180)).text("°") == "90, 180°"
