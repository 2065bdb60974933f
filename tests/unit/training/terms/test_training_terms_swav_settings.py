"""What a recipe may say of SwAV, and what it may not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from copylens.errors import ConfigError, UsageError
from copylens.training.terms.swav_settings import SwavSettings
from training_samples import tiny


def test_defaults_are_the_paper_s() -> None:
    # Caron et al. 2020, sections 3.1, 3.2 and 4, appendix A; 6 small crops of 96 pixels.
    settings = SwavSettings()
    assert (settings.prototypes, settings.dims, settings.head, settings.on) == (3000, 128, "mlp", "pooled")
    assert (settings.temperature, settings.epsilon, settings.iterations) == (0.1, 0.05, 3)
    assert (settings.crops, settings.crop_size, settings.crop_scale) == (6, 96, (0.05, 0.14))
    assert settings.weight == 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": -1.0}, r"swav\.weight is -1: it cannot be negative"),
        ({"weight": float("nan")}, r"swav\.weight is nan"),
        ({"prototypes": 1}, r"swav\.prototypes is 1: give at least 2"),
        ({"iterations": 0}, r"swav\.iterations is 0: give at least 1"),
        ({"crop_size": 16}, r"swav\.crop_size is 16: give at least 32"),
        ({"queue": -1}, r"swav\.queue is -1"),
        ({"temperature": 0.0}, r"swav\.temperature is 0: it must be positive"),
        ({"epsilon": -0.1}, r"swav\.epsilon is -0\.1"),
        ({"crop_scale": (0.5, 0.1)}, r"swav\.crop_scale is \[0\.5, 0\.1\]: give \[low, high\]"),
        ({"crop_scale": (0.5,)}, r"swav\.crop_scale"),
    ],
)
def test_what_cannot_be_meant_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        dataclasses.replace(SwavSettings(), **change)


def test_a_recipe_sets_it() -> None:
    settings = tiny("swav.weight=0.5", "swav.crop_scale=[0.1, 0.2]", "swav.codes=hard").swav
    assert (settings.weight, settings.crop_scale, settings.codes) == (0.5, (0.1, 0.2), "hard")
    with pytest.raises(ConfigError, match="'soft', 'hard'"):
        tiny("swav.codes=harder")
