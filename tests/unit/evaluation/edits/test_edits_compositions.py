"""Sequences of edits: how many, in which order, which never together, and that doing them is doing each in turn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.evaluation.edits import (
    EDITS,
    STRENGTHS,
    Encoded,
    Step,
    Strength,
    can_compose,
    choose_edits,
    decoded,
    draw_composition,
    perform,
)
from copylens.evaluation.edits.edit import STAGES
from exam_samples import edit, photo_others, photograph

ALL = tuple(EDITS.values())


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), strength=st.sampled_from(STRENGTHS))
def test_sequences_are_sensible(seed: int, strength: Strength) -> None:
    steps = draw_composition(ALL, strength, chance(seed))
    names = [step.edit.name for step in steps]
    low, high = {"mild": (2, 2), "medium": (2, 3), "hard": (3, 4)}[strength]
    assert low <= len(steps) <= high
    assert len(set(names)) == len(names)
    stages = [STAGES.index(step.edit.stage) for step in steps]
    assert stages == sorted(stages)
    counts = Counter(step.edit.stage for step in steps)
    assert counts["geometry"] <= 2
    assert counts["overlay"] <= 2
    assert max(counts[stage] for stage in ("colour", "detail", "container", "encoding")) <= 1
    strengths = [step.strength for step in steps]
    assert strengths.count(strength) == (len(steps) if strength == "mild" else 1)
    assert (
        set(strengths)
        <= {"mild": {"mild"}, "medium": {"mild", "medium"}, "hard": {"medium", "hard"}}[strength]
    )
    assert not {"thumbnail", "picture_in_picture"} <= set(names)
    assert not {"dither", "halftone"} <= set(names)


def test_equal_chance_gives_equal_sequences() -> None:
    assert draw_composition(ALL, "hard", chance(4)) == draw_composition(ALL, "hard", chance(4))
    assert len({draw_composition(ALL, "hard", chance(seed)) for seed in range(50)}) > 45


def test_every_edit_occurs_and_common_ones_more_often() -> None:
    drawn = Counter(
        step.edit.name for seed in range(2500) for step in draw_composition(ALL, "medium", chance(seed))
    )
    assert drawn.keys() == EDITS.keys()
    assert drawn["crop"] > 4 * drawn["flip_vertical"]
    assert drawn["meme"] > 2 * drawn["stripes"]


def test_what_cannot_be_combined_is_refused() -> None:
    for names in (
        ["crop"],
        ["jpeg", "webp"],
        ["grey", "hue"],
        ["thumbnail", "collage"],
        ["crop", "jpeg", "x"][:1],
    ):
        chosen = choose_edits(names, ())
        assert not can_compose(chosen)
        with pytest.raises(UsageError, match="edits that go together"):
            draw_composition(chosen, "mild", chance())
    for names in (["crop", "jpeg"], ["crop", "rotate"], ["meme", "stickers", "grey"]):
        assert can_compose(choose_edits(names, ()))


def test_few_edits_make_short_sequences() -> None:
    chosen = choose_edits(["crop", "jpeg"], ())
    for seed in range(20):
        names = [step.edit.name for step in draw_composition(chosen, "hard", chance(seed))]
        assert names == ["crop", "jpeg"]


def test_performing_is_doing_each_in_turn() -> None:
    picture = photograph("lemurs")
    steps = (Step(edit("crop"), "mild"), Step(edit("grey"), "mild"), Step(edit("picture_in_picture"), "mild"))
    result = decoded(perform(picture, steps, chance(3), photo_others()))
    rng, expected = chance(3), picture
    for step in steps:
        expected = step.edit.apply(expected, step.strength, rng, photo_others())
    assert result.tobytes() == expected.tobytes()


def test_the_file_of_a_last_encoding_is_the_result() -> None:
    steps = (Step(edit("flip_horizontal"), "mild"), Step(edit("webp"), "hard"))
    result = perform(photograph("lemurs"), steps, chance(), None)
    assert isinstance(result, Encoded)
    assert result.suffix == "webp"
    assert decoded(result).size == photograph("lemurs").size


def test_no_step_grows_beyond_the_limit() -> None:
    steps = (Step(edit("meme"), "hard"), Step(edit("phone_screenshot"), "mild"))
    free = decoded(perform(photograph("lemurs"), steps, chance(1), photo_others()))
    bounded = decoded(perform(photograph("lemurs"), steps, chance(1), photo_others(), 400))
    assert max(free.size) > 400
    assert max(bounded.size) == 400


@pytest.mark.parametrize("strength", STRENGTHS)
def test_compositions_end_in_pictures(strength: Strength) -> None:
    for seed in range(25):
        rng = chance(seed)
        steps = draw_composition(ALL, strength, rng)
        result = decoded(perform(photograph("pink-tulips"), steps, rng, photo_others(), 512))
        assert result.mode == "RGB"
        assert 16 <= max(result.size) <= 512
        assert np.asarray(result).std() > 5
