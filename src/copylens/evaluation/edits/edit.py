"""A picture and a strength in, an edited picture out: what an edit is, and the ranges its parameters are drawn from.

Edits are made with Pillow and NumPy alone. The views that networks are trained on are another implementation by
intent, so that training cannot simply fit this one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from PIL import Image

from copylens.errors import UsageError

Picture: TypeAlias = Image.Image
"""A Pillow image of mode RGB, at least 1 x 1."""

Strength: TypeAlias = Literal["mild", "medium", "hard"]
STRENGTHS: tuple[Strength, ...] = ("mild", "medium", "hard")

Stage: TypeAlias = Literal["geometry", "colour", "detail", "overlay", "container", "encoding"]
STAGES: tuple[Stage, ...] = ("geometry", "colour", "detail", "overlay", "container", "encoding")
"""In the order in which a composition applies them."""

Others: TypeAlias = Callable[[np.random.Generator], Picture]
"""A supply of other photographs: draws one with the generator given."""

Value: TypeAlias = float | int | str


@dataclass(frozen=True, slots=True)
class Span:
    """A number, evenly from [low, high]."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> Value:
        """One value."""
        return float(rng.uniform(self.low, self.high))

    def holds(self, value: Value) -> bool:
        """Whether the value lies in the range."""
        return isinstance(value, float) and self.low <= value <= self.high

    def text(self, unit: str) -> str:
        """The range as the table shows it; ``"%"`` shows shares of 1."""
        scale = 100 if unit == "%" else 1
        return _range_text(f"{self.low * scale:.3g}", f"{self.high * scale:.3g}", unit)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, evenly from low to high, both included."""

    low: int
    high: int

    def draw(self, rng: np.random.Generator) -> Value:
        """One value."""
        return int(rng.integers(self.low, self.high + 1))

    def holds(self, value: Value) -> bool:
        """Whether the value lies in the range."""
        return isinstance(value, int) and self.low <= value <= self.high

    def text(self, unit: str) -> str:
        """The range as the table shows it."""
        return _range_text(str(self.low), str(self.high), unit)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several values, each as likely."""

    options: tuple[Value, ...]

    def draw(self, rng: np.random.Generator) -> Value:
        """One value."""
        return self.options[int(rng.integers(len(self.options)))]

    def holds(self, value: Value) -> bool:
        """Whether the value is among the options."""
        return value in self.options

    def text(self, unit: str) -> str:
        """The options as the table shows them."""
        return ", ".join(str(option) for option in self.options) + unit


def _range_text(low: str, high: str, unit: str) -> str:
    gap = " " if unit[:1].isalpha() else ""
    return f"{low}{gap}{unit}" if low == high else f"{low}–{high}{gap}{unit}"


Range: TypeAlias = Span | Whole | OneOf


@dataclass(frozen=True, slots=True)
class Parameter:
    """What makes an edit harder: one argument of its function, with a range for each strength.

    Attributes:
        name: of the argument.
        meaning: for the table.
        mild, medium, hard: where its values come from.
        unit: ``"%"`` for shares of 1, ``"°"``, ``"x"``, or nothing.
    """

    name: str
    meaning: str
    mild: Range
    medium: Range
    hard: Range
    unit: str = ""

    def at(self, strength: Strength) -> Range:
        """The range of one strength."""
        return {"mild": self.mild, "medium": self.medium, "hard": self.hard}[strength]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as the bytes of a file, for edits that are a way of storing.

    Attributes:
        data: the file.
        suffix: without a dot.
    """

    data: bytes = field(repr=False)
    suffix: str

    def picture(self) -> Picture:
        """The picture that a reader of the file sees."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.convert("RGB")


@dataclass(frozen=True)
class Edit:
    """A named edit.

    Attributes:
        name: as the truth of an exam lists it.
        title: what it does, a few words.
        stage: where it stands in a composition.
        function: ``f(picture, [rng, [others,]] **values)``, pure: equal arguments give equal pixels.
        uses: what the function takes besides the picture and the values: nothing, chance for choices that are no
            matter of difficulty (sides, colours, words), or other photographs too.
        parameters: what makes it harder.
        suffix: how people would store the result, without a dot.
        weight: how common it is in compositions, relative to the others of its stage.
    """

    name: str
    title: str
    stage: Stage
    function: Callable[..., Picture | Encoded] = field(repr=False)
    parameters: tuple[Parameter, ...] = ()
    uses: Literal["values", "chance", "others"] = "values"
    suffix: str = "jpg"
    weight: float = 1.0

    @property
    def needs_others(self) -> bool:
        """Whether other photographs appear in the result."""
        return self.uses == "others"

    def draw(self, strength: Strength, rng: np.random.Generator) -> dict[str, Value]:
        """Parameters of a strength, by name."""
        return {parameter.name: parameter.at(strength).draw(rng) for parameter in self.parameters}

    def produce(
        self,
        picture: Picture,
        values: Mapping[str, Value],
        rng: np.random.Generator,
        others: Others | None = None,
    ) -> Picture | Encoded:
        """Apply the edit with given parameters; an edit that is a way of storing gives the file.

        Raises:
            UsageError: the edit shows other photographs, and there are none.
        """
        given: tuple[Any, ...] = () if self.uses == "values" else (rng,)
        if self.needs_others:
            if others is None:
                raise UsageError(f"The edit {self.name} needs other photographs.")
            given = (rng, others)
        return self.function(picture, *given, **values)

    def apply(
        self, picture: Picture, strength: Strength, rng: np.random.Generator, others: Others | None = None
    ) -> Picture:
        """Draw the parameters of a strength and apply the edit.

        Args:
            picture: the original; it is not changed.
            strength: how hard the result is to recognise.
            rng: all that is drawn comes from here.
            others: needed by edits that show other photographs.
        """
        return decoded(self.produce(picture, self.draw(strength, rng), rng, others))


def decoded(result: Picture | Encoded) -> Picture:
    """What an edit gave, as a picture."""
    return result.picture() if isinstance(result, Encoded) else result
