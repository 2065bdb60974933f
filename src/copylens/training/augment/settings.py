"""The augmentation part of a recipe in, resolved probabilities and ranges per view out; the presets stand here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from copylens.errors import UsageError

Fonts: TypeAlias = Literal["bundled", "system"]
Range: TypeAlias = tuple[float, float]

OPERATORS = (
    "flip",
    "vertical_flip",
    "rotate90",
    "aspect",
    "text",
    "sticker",
    "scribble",
    "rotate",
    "perspective",
    "crop",
    "inset",
    "screenshot",
    "caption",
    "border",
    "overlay",
    "stripes",
    "jitter",
    "grey",
    "halftone",
    "pixelate",
    "smear",
    "blur",
    "noise",
    "jpeg",
)
"""Every operator, in the order in which it acts on the picture.

The aspect acts through the crop: a whole picture fills the square view whatever its shape.
"""

WEAK_BLUR: Range = (0.1, 2.0)
STRONG_BLUR: Range = (1.0, 5.0)

RANGES: dict[str, Range] = {
    "aspect.factor": (0.67, 1.5),
    "text.size": (0.1, 0.3),
    "text.opacity": (0.1, 1.0),
    "sticker.size": (0.1, 0.5),
    "sticker.opacity": (0.7, 1.0),
    "scribble.size": (0.5, 1.2),
    "scribble.opacity": (0.7, 1.0),
    "rotate.degrees": (0.0, 360.0),
    "perspective.shift": (0.05, 0.3),
    "crop.scale": (0.08, 1.0),
    "crop.ratio": (3 / 4, 4 / 3),
    "inset.size": (0.35, 0.75),
    "caption.height": (0.1, 0.28),
    "border.width": (0.03, 0.2),
    "overlay.size": (0.2, 0.5),
    "overlay.opacity": (0.7, 1.0),
    "stripes.count": (2.0, 10.0),
    "stripes.coverage": (0.1, 0.55),
    "jitter.brightness": (0.2, 1.8),
    "jitter.contrast": (0.2, 1.8),
    "jitter.saturation": (0.2, 1.8),
    "jitter.hue": (-0.2, 0.2),
    "halftone.period": (2.0, 9.0),
    "halftone.tones": (2.0, 4.0),
    "pixelate.cells": (24.0, 72.0),
    "smear.length": (4.0, 36.0),
    "blur.radius": STRONG_BLUR,
    "noise.deviation": (0.01, 0.12),
    "jpeg.quality": (0.0, 100.0),
}
"""What is drawn uniformly, by operator and parameter; factors and ratios on a logarithmic scale.

Sizes are parts of the shorter side (of the view for border, caption, inset and overlay). The blur's radius is the
deviation of the Gaussian in pixels of a view of 224, whatever the size of the view; so are the period of a halftone's
dots and the length of a smear.
"""

LIMITS: dict[str, Range] = {
    "aspect.factor": (0.1, 10.0),
    "text.size": (0.01, 2.0),
    "text.opacity": (0.0, 1.0),
    "sticker.size": (0.01, 2.0),
    "sticker.opacity": (0.0, 1.0),
    "scribble.size": (0.01, 2.0),
    "scribble.opacity": (0.0, 1.0),
    "rotate.degrees": (-360.0, 360.0),
    "perspective.shift": (0.0, 0.45),
    "crop.scale": (0.001, 1.0),
    "crop.ratio": (0.1, 10.0),
    "inset.size": (0.05, 1.0),
    "caption.height": (0.01, 0.9),
    "border.width": (0.0, 0.45),
    "overlay.size": (0.01, 1.0),
    "overlay.opacity": (0.0, 1.0),
    "stripes.count": (1.0, 100.0),
    "stripes.coverage": (0.0, 1.0),
    "jitter.brightness": (0.0, 10.0),
    "jitter.contrast": (0.0, 10.0),
    "jitter.saturation": (0.0, 10.0),
    "jitter.hue": (-0.5, 0.5),
    "halftone.period": (1.0, 100.0),
    "halftone.tones": (2.0, 256.0),
    "pixelate.cells": (1.0, 4096.0),
    "smear.length": (0.0, 60.0),
    "blur.radius": (0.01, 20.0),
    "noise.deviation": (0.0, 1.0),
    "jpeg.quality": (0.0, 100.0),
}
"""Between what a range may lie."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How one view is augmented.

    Attributes:
        probability: by operator; all of `OPERATORS` are present.
        ranges: by operator and parameter; all of `RANGES` are present.
    """

    probability: Mapping[str, float]
    ranges: Mapping[str, Range]


@dataclass(frozen=True, slots=True)
class _Preset:
    mild: Strength
    hard: Strength


def _strength(probability: Mapping[str, float], ranges: Mapping[str, Range] | None = None) -> Strength:
    return Strength(
        {name: probability.get(name, 0.0) for name in OPERATORS},
        {name: (ranges or {}).get(name, default) for name, default in RANGES.items()},
    )


_SIMCLR = {"crop": 1.0, "flip": 0.5, "jitter": 0.8, "grey": 0.2, "blur": 0.5}
_ADVANCED = {**_SIMCLR, "rotate90": 0.05, "text": 0.1, "sticker": 0.2, "rotate": 0.05, "jpeg": 0.2}
_MILD = {"crop": 1.0, "flip": 0.5, "jitter": 0.5, "grey": 0.05, "blur": 0.2, "text": 0.05, "jpeg": 0.3}
_MILD_RANGES: dict[str, Range] = {
    "crop.scale": (0.4, 1.0),
    "jitter.brightness": (0.7, 1.3),
    "jitter.contrast": (0.7, 1.3),
    "jitter.saturation": (0.7, 1.3),
    "jitter.hue": (-0.05, 0.05),
    "blur.radius": WEAK_BLUR,
    "jpeg.quality": (40.0, 100.0),
}
_HARD = {
    **_ADVANCED,
    "vertical_flip": 0.1,
    "rotate90": 0.1,
    "rotate": 0.1,
    "aspect": 0.2,
    "perspective": 0.1,
    "inset": 0.08,
    "screenshot": 0.08,
    "caption": 0.08,
    "border": 0.08,
    "overlay": 0.08,
    "pixelate": 0.08,
    "noise": 0.1,
    "jpeg": 0.3,
}
_MARKED = {
    **_HARD,
    "scribble": 0.1,
    "stripes": 0.06,
    "halftone": 0.08,
    "smear": 0.08,
    "overlay": 0.15,
}
_MARKED_RANGES: dict[str, Range] = {
    "overlay.size": (0.2, 0.8),
    "overlay.opacity": (0.4, 1.0),
    "blur.radius": (1.0, 9.0),
}


def _same(strength: Strength) -> _Preset:
    return _Preset(strength, strength)


_PRESETS: dict[str, _Preset] = {
    "simclr": _same(_strength(_SIMCLR, {"blur.radius": WEAK_BLUR})),
    "strong_blur": _same(_strength(_SIMCLR)),
    "advanced": _same(_strength(_ADVANCED)),
    "advanced_mixup": _same(_strength(_ADVANCED)),
    "copylens": _Preset(_strength(_MILD, _MILD_RANGES), _strength(_HARD)),
    "copylens_marked": _Preset(_strength(_MILD, _MILD_RANGES), _strength(_MARKED, _MARKED_RANGES)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentSettings:
    """How pictures become views.

    Attributes:
        preset: ``"simclr"``, ``"strong_blur"``, ``"advanced"``, ``"advanced_mixup"`` (the same with mixing: see
            `copylens.training.mixing`), ``"copylens"`` (ours: even views are mild, odd ones hard), or
            ``"copylens_marked"`` (the same, and hard views are also drawn on, striped, printed in few tones, smeared,
            and under larger pictures).
        probability: probabilities in [0, 1] that replace the preset's, by operator, in all views.
        hard_probability: the same for the odd views only; these come before `probability`.
        ranges: pairs (low, high) that replace the preset's, by operator and parameter, such as ``"blur.radius"``.
        fonts: ``"bundled"`` draws text in the font that comes with Pillow and in invented scripts, the same on every
            machine; ``"system"`` takes the machine's fonts too.
    """

    preset: str = "advanced"
    probability: dict[str, float] = field(default_factory=dict)
    hard_probability: dict[str, float] = field(default_factory=dict)
    ranges: dict[str, Range] = field(default_factory=dict)
    fonts: Fonts = "bundled"

    def __post_init__(self) -> None:
        """Find what cannot be meant.

        Raises:
            UsageError: names the key, and the nearest known one.
        """
        _known("augment.preset", self.preset, _PRESETS)
        for key, chances in (("probability", self.probability), ("hard_probability", self.hard_probability)):
            for name, chance in chances.items():
                _known(f"augment.{key}: operator", name, OPERATORS)
                if not 0.0 <= chance <= 1.0:
                    raise UsageError(f"augment.{key}.{name} is {chance:g}: give a number from 0 to 1.")
        for name, pair in self.ranges.items():
            _known("augment.ranges: range", name, RANGES)
            low, high = LIMITS[name]
            if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
                raise UsageError(
                    f"augment.ranges.{name} is {list(pair)}: give [low, high] within {low:g} and {high:g}."
                )

    def strength(self, view: int) -> Strength:
        """How view number `view` is augmented; presets with one strength have the same for all."""
        preset = _PRESETS[self.preset]
        base, own = (preset.hard, self.hard_probability) if view % 2 else (preset.mild, {})
        return Strength({**base.probability, **self.probability, **own}, {**base.ranges, **self.ranges})


def only(
    operator: str, *, ranges: Mapping[str, Range] | None = None, fonts: Fonts = "bundled"
) -> AugmentSettings:
    """Settings under which one operator always acts and the others never; for previews and tests."""
    chances = {name: float(name == operator) for name in OPERATORS}
    return AugmentSettings(preset="advanced", probability=chances, ranges=dict(ranges or {}), fonts=fonts)


def _known(what: str, name: str, names: Iterable[str]) -> None:
    known = tuple(names)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
        raise UsageError(f"{what} {name!r} does not exist; {hint}")


PRESETS: dict[str, AugmentSettings] = {name: AugmentSettings(preset=name) for name in _PRESETS}
"""The presets by name."""
