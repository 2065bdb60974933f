"""Presets say what the recipe says; what cannot be meant names the nearest."""

from __future__ import annotations

import pytest

from copylens.config import from_mapping, to_mapping
from copylens.errors import UsageError
from copylens.training.augment import OPERATORS, PRESETS, RANGES, AugmentSettings
from copylens.training.augment.settings import LIMITS

SIMCLR = {"crop": 1.0, "flip": 0.5, "jitter": 0.8, "grey": 0.2, "blur": 0.5}
ADVANCED = {**SIMCLR, "rotate90": 0.05, "text": 0.1, "sticker": 0.2, "rotate": 0.05, "jpeg": 0.2}


@pytest.mark.parametrize(
    ("name", "chances", "radius"),
    [
        ("simclr", SIMCLR, (0.1, 2.0)),
        ("strong_blur", SIMCLR, (1.0, 5.0)),
        ("advanced", ADVANCED, (1.0, 5.0)),
        ("advanced_mixup", ADVANCED, (1.0, 5.0)),
    ],
)
@pytest.mark.parametrize("view", [0, 1])
def test_presets_are_the_papers(
    name: str, chances: dict[str, float], radius: tuple[float, float], view: int
) -> None:
    strength = PRESETS[name].strength(view)
    assert {k: v for k, v in strength.probability.items() if v} == chances
    assert strength.ranges["blur.radius"] == radius
    for key, pair in {
        "crop.scale": (0.08, 1.0),
        "crop.ratio": (3 / 4, 4 / 3),
        "jitter.brightness": (0.2, 1.8),
        "jitter.contrast": (0.2, 1.8),
        "jitter.saturation": (0.2, 1.8),
        "jitter.hue": (-0.2, 0.2),
        "text.size": (0.1, 0.3),
        "text.opacity": (0.1, 1.0),
        "sticker.size": (0.1, 0.5),
        "sticker.opacity": (0.7, 1.0),
        "jpeg.quality": (0.0, 100.0),
    }.items():
        assert strength.ranges[key] == pair


MARKING = {"scribble", "stripes", "halftone", "smear"}


@pytest.mark.parametrize(("preset", "left_out"), [("copylens", MARKING), ("copylens_marked", set())])
def test_our_presets_pair_mild_with_hard_views(preset: str, left_out: set[str]) -> None:
    mild, hard = PRESETS[preset].strength(0), PRESETS[preset].strength(1)
    assert {name for name in OPERATORS if not hard.probability[name]} == left_out
    assert not any(mild.probability[name] for name in MARKING)
    assert mild.ranges["crop.scale"][0] > hard.ranges["crop.scale"][0]
    assert not any(
        mild.probability[name] for name in ("overlay", "inset", "rotate", "perspective", "pixelate")
    )


def test_the_marked_preset_is_the_other_one_and_more() -> None:
    plain, marked = PRESETS["copylens"].strength(1), PRESETS["copylens_marked"].strength(1)
    assert PRESETS["copylens"].strength(0) == PRESETS["copylens_marked"].strength(0)
    assert all(marked.probability[name] >= plain.probability[name] for name in OPERATORS)
    wider = {name for name in RANGES if marked.ranges[name] != plain.ranges[name]}
    assert wider == {"overlay.size", "overlay.opacity", "blur.radius"}
    assert all(marked.ranges[name][0] <= plain.ranges[name][0] for name in wider)
    assert all(marked.ranges[name][1] >= plain.ranges[name][1] for name in wider)


def test_every_default_lies_within_its_limits() -> None:
    assert RANGES.keys() == LIMITS.keys()
    for name in RANGES:
        assert AugmentSettings(ranges={name: RANGES[name]}).strength(0).ranges[name] == RANGES[name]
        assert name.split(".")[0] in OPERATORS


def test_recipes_replace_probabilities_and_ranges_in_all_views() -> None:
    table = {
        "preset": "copylens",
        "probability": {"blur": 1},
        "ranges": {"blur.radius": [2, 3.5]},
        "fonts": "system",
    }
    settings = from_mapping(AugmentSettings, table, where="recipe.toml")
    for view in (0, 1):
        assert settings.strength(view).probability["blur"] == 1.0
        assert settings.strength(view).ranges["blur.radius"] == (2.0, 3.5)
    assert from_mapping(AugmentSettings, to_mapping(settings), where="again") == settings


def test_recipes_replace_probabilities_of_the_hard_views_alone() -> None:
    table = {
        "preset": "copylens",
        "probability": {"inset": 0.5},
        "hard_probability": {"inset": 0.9, "text": 0},
    }
    settings = from_mapping(AugmentSettings, table, where="recipe.toml")
    mild, hard = (settings.strength(view).probability for view in (2, 3))
    assert (mild["inset"], hard["inset"]) == (0.5, 0.9)
    assert mild["text"] == AugmentSettings(preset="copylens").strength(0).probability["text"]
    assert hard["text"] == 0.0
    assert from_mapping(AugmentSettings, to_mapping(settings), where="again") == settings


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"preset": "advancd"}, "did you mean 'advanced'"),
        ({"preset": "zzz"}, "known are simclr, strong_blur"),
        ({"probability": {"blurr": 0.5}}, "did you mean 'blur'"),
        ({"probability": {"blur": 1.5}}, "augment.probability.blur is 1.5"),
        ({"probability": {"blur": float("nan")}}, "from 0 to 1"),
        ({"hard_probability": {"blurr": 0.5}}, "hard_probability: operator 'blurr' .* did you mean 'blur'"),
        ({"hard_probability": {"blur": -1}}, "augment.hard_probability.blur is -1"),
        ({"ranges": {"blur.radus": [1, 2]}}, "did you mean 'blur.radius'"),
        ({"ranges": {"blur.radius": [2, 1]}}, r"augment.ranges.blur.radius is \[2.0, 1.0\]"),
        ({"ranges": {"blur.radius": [1]}}, "give \\[low, high\\]"),
        ({"ranges": {"crop.scale": [0, 1]}}, "within 0.001 and 1"),
        ({"fonts": "none"}, "'none' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_said(table: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_mapping(AugmentSettings, table, where="recipe.toml")
