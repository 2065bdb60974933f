"""A picture in, the same picture with other colours or another light out."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from copylens.evaluation.edits.canvas import chance, from_numbers, grid, luminance, numbers
from copylens.evaluation.edits.edit import Edit, Parameter, Picture, Span

_SEPIA = np.array(((0.393, 0.349, 0.272), (0.769, 0.686, 0.534), (0.189, 0.168, 0.131)), np.float32)

_DUOTONES: tuple[tuple[tuple[int, int, int], tuple[int, int, int]], ...] = (
    ((20, 20, 80), (255, 170, 120)), ((40, 0, 60), (80, 240, 200)), ((120, 0, 40), (255, 235, 200)),
    ((0, 40, 50), (250, 240, 110)), ((30, 30, 30), (255, 90, 150)), ((10, 60, 30), (240, 250, 220)),
)  # fmt: skip


def _either_way(rng: np.random.Generator, factor: float) -> float:
    return factor if chance(rng, 0.5) else 1 / factor


def brightness(picture: Picture, rng: np.random.Generator, *, factor: float) -> Picture:
    """Brighter or darker, by a factor; a bright picture rarely gets brighter, since nothing would be left of it."""
    values = numbers(picture)
    brighter = rng.random() * 255 > 1.4 * float(luminance(values).mean())
    return from_numbers(values * (factor if brighter else 1 / factor))


def contrast(picture: Picture, rng: np.random.Generator, *, factor: float) -> Picture:
    """More or less contrast around the picture's mean, by a factor."""
    values = numbers(picture)
    mean = float(luminance(values).mean())
    return from_numbers(mean + (values - mean) * _either_way(rng, factor))


def gamma(picture: Picture, rng: np.random.Generator, *, exponent: float) -> Picture:
    """Lighter or darker middle tones; black and white stay."""
    power = _either_way(rng, exponent)
    table = [round(255 * (level / 255) ** power) for level in range(256)]
    return picture.point(table * 3)


def saturation(picture: Picture, rng: np.random.Generator, *, factor: float) -> Picture:
    """Stronger or paler colours, by a factor."""
    values = numbers(picture)
    grey = luminance(values)[..., None]
    return from_numbers(grey + (values - grey) * _either_way(rng, factor))


def hue(picture: Picture, rng: np.random.Generator, *, angle: float) -> Picture:
    """Every colour moved along the colour wheel, to either side."""
    side = 1 if chance(rng, 0.5) else -1
    wheel, strong, light = picture.convert("HSV").split()
    shift = round(side * angle * 256 / 360)
    moved = wheel.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (moved, strong, light)).convert("RGB")


def temperature(picture: Picture, rng: np.random.Generator, *, shift: float) -> Picture:
    """Warmer (redder) or colder (bluer) light."""
    side = shift if chance(rng, 0.5) else -shift
    return from_numbers(numbers(picture) * np.array((1 + side, 1, 1 - side), np.float32))


def grey(picture: Picture, *, contrast: float) -> Picture:
    """Black and white, with more contrast the harder."""
    shades = luminance(numbers(picture))
    shades = shades.mean() + (shades - shades.mean()) * contrast
    return from_numbers(np.repeat(shades[..., None], 3, axis=2))


def sepia(picture: Picture, *, amount: float, fading: float) -> Picture:
    """Brown as an old print, and paler."""
    values = numbers(picture)
    brown = np.minimum(values @ _SEPIA, 255)
    mixed = values + (brown - values) * amount
    return from_numbers(mixed + (np.float32(200) - mixed) * fading)


def duotone(picture: Picture, rng: np.random.Generator, *, amount: float) -> Picture:
    """Two colours in place of black and white."""
    dark, light = (np.array(c, np.float32) for c in _DUOTONES[int(rng.integers(len(_DUOTONES)))])
    values = numbers(picture)
    shade = luminance(values)[..., None] / 255
    return from_numbers(values + (dark + (light - dark) * shade - values) * amount)


def invert(picture: Picture, *, above: float) -> Picture:
    """Turn levels above a limit into their negative, as the solarise filter does; from 0 on it is a negative."""
    limit = round(255 * above)
    return picture.point([255 - level if level >= limit else level for level in range(256)] * 3)


def vignette(picture: Picture, *, darkness: float) -> Picture:
    """Dark towards the corners."""
    rows, columns = grid(picture.height, picture.width)
    x = (columns + 0.5) / picture.width * 2 - 1
    y = (rows + 0.5) / picture.height * 2 - 1
    from_centre = np.clip((np.sqrt(x * x + y * y) - 0.25) / 1.0, 0, 1)
    fall = from_centre * from_centre * (3 - 2 * from_centre)
    return from_numbers(numbers(picture) * (1 - darkness * fall)[..., None])


def glare(picture: Picture, rng: np.random.Generator, *, size: float, light: float) -> Picture:
    """A flash, a lamp or a light leak over a part of the picture."""
    rows, columns = grid(picture.height, picture.width)
    x = (columns + 0.5) / picture.width - rng.uniform(0.1, 0.9)
    y = (rows + 0.5) / picture.height - rng.uniform(0.1, 0.9)
    turn, flat = rng.uniform(0, math.pi), rng.uniform(0.5, 1.0)
    along = x * math.cos(turn) + y * math.sin(turn)
    across = (y * math.cos(turn) - x * math.sin(turn)) / flat
    spot = np.exp(-((along / size) ** 2 + (across / size) ** 2))[..., None] * light
    warm = np.array((255, rng.uniform(225, 255), rng.uniform(180, 255)), np.float32)
    values = numbers(picture)
    return from_numbers(values + (warm - values) * spot)


COLOURS: tuple[Edit, ...] = (
    Edit(
        "brightness", "brighter or darker", "colour", brightness,
        (Parameter("factor", "factor or its inverse", Span(1.2, 1.35), Span(1.55, 1.9), Span(2.4, 3.4), "x"),),
        uses="chance",
    ),
    Edit(
        "contrast", "more or less contrast", "colour", contrast,
        (Parameter("factor", "factor or its inverse", Span(1.25, 1.45), Span(1.8, 2.4), Span(3.2, 5), "x"),),
        uses="chance",
    ),
    Edit(
        "gamma", "lighter or darker middle tones", "colour", gamma,
        (Parameter("exponent", "exponent or its inverse", Span(1.25, 1.45), Span(1.7, 2.2), Span(2.7, 3.6)),),
        uses="chance", weight=0.7,
    ),
    Edit(
        "saturation", "stronger or paler colours", "colour", saturation,
        (Parameter("factor", "factor or its inverse", Span(1.4, 1.7), Span(2.2, 3), Span(4.5, 8), "x"),),
        uses="chance",
    ),
    Edit(
        "hue", "colours moved along the wheel", "colour", hue,
        (Parameter("angle", "angle", Span(12, 25), Span(40, 75), Span(110, 180), "°"),),
        uses="chance", weight=0.6,
    ),
    Edit(
        "temperature", "warmer or colder light", "colour", temperature,
        (Parameter("shift", "gain of red, loss of blue", Span(0.08, 0.14), Span(0.2, 0.3), Span(0.45, 0.6), "%"),),
        uses="chance", weight=1.2,
    ),
    Edit(
        "grey", "black and white", "colour", grey,
        (Parameter("contrast", "contrast", Span(1.0, 1.1), Span(1.5, 2), Span(3.5, 6), "x"),),
        weight=1.5,
    ),
    Edit(
        "sepia", "brown as an old print", "colour", sepia,
        (
            Parameter("amount", "amount", Span(0.35, 0.5), Span(0.7, 0.85), Span(0.95, 1.0), "%"),
            Parameter("fading", "fading", Span(0.0, 0.08), Span(0.15, 0.25), Span(0.4, 0.55), "%"),
        ),
        weight=0.7,
    ),
    Edit(
        "duotone", "two colours in place of black and white", "colour", duotone,
        (Parameter("amount", "amount", Span(0.35, 0.5), Span(0.65, 0.8), Span(0.95, 1.0), "%"),),
        uses="chance", weight=0.5,
    ),
    Edit(
        "invert", "negative, or solarised", "colour", invert,
        (Parameter("above", "levels inverted from", Span(0.72, 0.85), Span(0.42, 0.55), Span(0.0, 0.0), "%"),),
        weight=0.3,
    ),
    Edit(
        "vignette", "dark towards the corners", "colour", vignette,
        (Parameter("darkness", "darkness of the corners", Span(0.4, 0.55), Span(0.7, 0.82), Span(0.95, 1.0), "%"),),
        weight=0.7,
    ),
    Edit(
        "glare", "a flash or light leak", "colour", glare,
        (
            Parameter("size", "size", Span(0.15, 0.22), Span(0.3, 0.4), Span(0.55, 0.75), "%"),
            Parameter("light", "light", Span(0.5, 0.65), Span(0.7, 0.85), Span(0.9, 0.97), "%"),
        ),
        uses="chance", weight=0.5,
    ),
)  # fmt: skip
