"""A picture in, a screenshot that shows it out: desktops with a viewer or browser, phones with an app."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from copylens.evaluation.edits import words
from copylens.evaluation.edits.canvas import (
    Colour,
    chance,
    covering,
    gradient,
    pasted,
    resized,
    size_of,
)
from copylens.evaluation.edits.containers import canvas_side
from copylens.evaluation.edits.edit import Edit, Parameter, Picture, Span
from copylens.evaluation.edits.lettering import block, shrunk, wrapped, written

_SCALE = 2
_TILE_COLOURS: tuple[Colour, ...] = (
    (66, 133, 244), (52, 168, 83), (251, 188, 5), (234, 67, 53), (120, 90, 200), (0, 160, 170), (240, 120, 60),
)  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """Colours of an application."""

    paper: Colour
    panel: Colour
    ink: Colour
    faint: Colour
    accent: Colour = (48, 120, 230)


LIGHT = Theme((255, 255, 255), (240, 241, 244), (28, 30, 34), (150, 154, 162))
DARK = Theme((18, 19, 22), (38, 40, 46), (232, 234, 238), (118, 122, 132))


class Sheet:
    """A screen to draw on at twice its size.

    Args:
        ground: the empty screen.
        unit: pixels of the finished screen that one step of every length below means.

    Attributes:
        width, height: of the screen, in units.
    """

    def __init__(self, ground: Picture, unit: float = 1.0) -> None:
        self.width, self.height = ground.width / unit, ground.height / unit
        self._large = ground.resize((ground.width * _SCALE, ground.height * _SCALE))
        self._pen = ImageDraw.Draw(self._large)
        self._step = unit * _SCALE

    def box(self, x: float, y: float, width: float, height: float, colour: Colour, radius: float = 0) -> None:
        """A filled rectangle by its corner and size."""
        left, top = x * self._step, y * self._step
        right, bottom = left + width * self._step - 1, top + height * self._step - 1
        if right >= left and bottom >= top:
            self._pen.rounded_rectangle((left, top, right, bottom), radius * self._step, colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, *, hollow: bool = False) -> None:
        """A circle by its centre."""
        box = [(x - radius), (y - radius), (x + radius), (y + radius)]
        edges = [place * self._step for place in box]
        if hollow:
            self._pen.ellipse(edges, outline=colour, width=max(1, round(0.25 * radius * self._step)))
        else:
            self._pen.ellipse(edges, colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        """A line through points."""
        large = [(x * self._step, y * self._step) for x, y in points]
        self._pen.line(large, colour, max(1, round(width * self._step)), joint="curve")

    def write(
        self, text: str, x: float, y: float, height: float, colour: Colour, *, bold: bool = False, room: float
    ) -> None:
        """A line of text by its left end and vertical middle, narrowed to `room`."""
        layer = written(text, height * self._step, colour, weight=0.03 if bold else 0.0)
        layer = shrunk(layer, min(1.0, max(1.0, room * self._step) / layer.width))
        self._paste(layer, x * self._step, y * self._step - layer.height / 2)

    def fill(
        self, text: str, x: float, y: float, width: float, height: float, size: float, ink: Colour
    ) -> None:
        """A paragraph from the upper left corner of a box; what does not fit is cut."""
        if width < size or height < size:
            return
        lines = wrapped(text, size * self._step, width * self._step).split("\n")
        for index, line in enumerate(lines[: int(height / (size * 1.45))]):
            self.write(line, x, y + (index + 0.6) * size * 1.45, size, ink, room=width)

    def title(self, text: str, x: float, y: float, width: float, height: float, ink: Colour) -> None:
        """Text as large as a box allows, from its upper left corner."""
        layer = block(text, max(1, width * self._step), max(1, height * self._step), ink, weight=0.03)
        self._paste(layer, x * self._step, y * self._step)

    def show(self, picture: Picture, x: float, y: float, width: float, height: float) -> None:
        """Another picture, cut to fill a box."""
        self._paste(
            covering(picture, width * self._step, height * self._step), x * self._step, y * self._step
        )

    def _paste(self, layer: Image.Image, left: float, top: float) -> None:
        self._large.paste(layer, (round(left), round(top)), layer if layer.mode == "RGBA" else None)

    def finished(self) -> Picture:
        """The screen at its size."""
        return self._large.reduce(_SCALE)


Placed: TypeAlias = tuple[Sheet, float, float, Image.Image]
"""A screen, and a picture with its left and upper edge in it, in units."""


def desktop_screenshot(picture: Picture, rng: np.random.Generator, *, share: float) -> Picture:
    """A computer's screen: the picture in a viewer's window, on a web page, or on a slide."""
    side = max(160, canvas_side(picture, 1.3))
    aspect = (16 / 10, 16 / 9, 3 / 2)[int(rng.integers(3))]
    size = size_of(side, side / aspect)
    style: Callable[..., Placed] = (_viewer, _browser, _browser, _slide)[int(rng.integers(4))]
    wide = math.sqrt(share * size[0] * size[1] * picture.width / picture.height)
    sheet, left, top, shown = style(picture, rng, size, wide)
    return pasted(sheet.finished(), shown, left, top)


def _within(picture: Picture, width: float, max_width: float, max_height: float) -> Picture:
    """The picture at a width, or smaller where the room is."""
    width = max(1.0, min(width, max_width, max_height * picture.width / picture.height))
    return resized(picture, width, width * picture.height / picture.width)


def _wallpaper(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    first, second = (_TILE_COLOURS[int(index)] for index in rng.choice(len(_TILE_COLOURS), 2, replace=False))
    dark = tuple(int(level * 0.45) for level in first)
    return gradient(*size, (dark[0], dark[1], dark[2]), second, float(rng.uniform(0, 180)))


def _taskbar(sheet: Sheet, rng: np.random.Generator, theme: Theme) -> float:
    """Draw the bar with programs at the bottom; returns its height."""
    tall = 0.05 * sheet.height
    top = sheet.height - tall
    sheet.box(0, top, sheet.width, tall, theme.panel)
    for index in range(int(rng.integers(5, 10))):
        colour = _TILE_COLOURS[int(rng.integers(len(_TILE_COLOURS)))]
        sheet.box((0.35 + index * 1.15) * tall, top + 0.2 * tall, 0.6 * tall, 0.6 * tall, colour, 0.12 * tall)
    sheet.write(
        words.clock(rng), sheet.width - 2.2 * tall, top + tall / 2, 0.4 * tall, theme.ink, room=2 * tall
    )
    return tall


def _buttons(sheet: Sheet, right: float, y: float, size: float, theme: Theme, *, round_ones: bool) -> None:
    """The three buttons of a window, ending at `right`."""
    colours: tuple[Colour, ...] = ((255, 95, 87), (254, 188, 46), (40, 200, 64))
    for index, colour in enumerate(colours):
        x = right - (2 - index) * 1.7 * size
        if round_ones:
            sheet.disc(x, y, size / 2, colour)
        elif index == 2:
            sheet.line([(x - size / 3, y - size / 3), (x + size / 3, y + size / 3)], theme.ink, size / 9)
            sheet.line([(x + size / 3, y - size / 3), (x - size / 3, y + size / 3)], theme.ink, size / 9)
        else:
            sheet.line([(x - size / 3, y), (x + size / 3, y)], theme.ink, size / 9)


def _viewer(picture: Picture, rng: np.random.Generator, size: tuple[int, int], wide: float) -> Placed:
    """A window with the picture alone, on the desktop."""
    theme = DARK if chance(rng, 0.6) else LIGHT
    sheet = Sheet(_wallpaper(size, rng))
    bar = _taskbar(sheet, rng, LIGHT if chance(rng, 0.5) else DARK)
    title = 0.055 * size[1]
    room = size[1] - bar
    shown = _within(picture, wide, size[0] * 0.98, room - title - 2)
    spare = float(rng.uniform(1.0, 1.3))
    width = min(size[0], max(shown.width * spare, 0.25 * size[0]))
    height = min(room, shown.height * spare + title)
    x, y = (size[0] - width) * rng.uniform(0, 1), (room - height) * rng.uniform(0, 1)
    sheet.box(x, y, width, height, theme.paper)
    sheet.box(x, y, width, title, theme.panel)
    name = f"{words.site(rng).split('.')[0]}-{rng.integers(10, 999)}.jpg"
    sheet.write(name, x + 0.5 * title, y + title / 2, 0.42 * title, theme.ink, room=0.5 * width)
    _buttons(sheet, x + width - 0.5 * title, y + title / 2, 0.38 * title, theme, round_ones=chance(rng, 0.5))
    left, top = x + (width - shown.width) / 2, y + title + (height - title - shown.height) / 2
    return sheet, float(left), float(top), shown


def _browser(picture: Picture, rng: np.random.Generator, size: tuple[int, int], wide: float) -> Placed:
    """A web page with a headline, the picture and text around it."""
    theme = DARK if chance(rng, 0.2) else LIGHT
    sheet = Sheet(Image.new("RGB", size, theme.paper))
    bar = _taskbar(sheet, rng, theme) if chance(rng, 0.6) else 0.0
    chrome = _address_bar(sheet, rng, theme)
    margin = 0.025 * size[0]
    shown = _within(picture, wide, size[0] - 2 * margin, size[1] - bar - chrome - margin)
    top = chrome + margin * 0.6
    room = size[1] - bar - top - shown.height
    if room > 0.12 * size[1]:
        tall = min(0.09 * size[1], 0.5 * room)
        sheet.title(words.headline(rng), margin, top, 0.7 * size[0], tall, theme.ink)
        top += tall + 0.02 * size[1]
    left = margin if chance(rng, 0.7) else max(margin, size[0] - margin - shown.width)
    letters = 0.024 * size[1]
    beside = left + shown.width + margin if left == margin else margin
    column = size[0] - shown.width - 3 * margin
    story = words.paragraph(rng, 24)
    if column > 0.15 * size[0]:
        sheet.fill(story, beside, top, column, size[1] - bar - top, letters, theme.ink)
    under = top + shown.height + 0.5 * letters
    sheet.fill(words.paragraph(rng, 12), left, under, shown.width, size[1] - bar - under, letters, theme.ink)
    return sheet, left, top, shown


def _address_bar(sheet: Sheet, rng: np.random.Generator, theme: Theme) -> float:
    """Tabs, buttons and the address at the top; returns their height."""
    tall = 0.1 * sheet.height
    sheet.box(0, 0, sheet.width, tall, theme.panel)
    for tab in range(int(rng.integers(1, 5))):
        x = (0.06 + 0.2 * tab) * sheet.width
        if tab == 0:
            sheet.box(x, 0.08 * tall, 0.19 * sheet.width, 0.45 * tall, theme.paper, 0.1 * tall)
        tint = _TILE_COLOURS[int(rng.integers(len(_TILE_COLOURS)))]
        sheet.disc(x + 0.2 * tall, 0.27 * tall, 0.1 * tall, tint)
        sheet.write(
            words.headline(rng)[:22],
            x + 0.4 * tall,
            0.27 * tall,
            0.2 * tall,
            theme.ink,
            room=0.15 * sheet.width,
        )
    sheet.box(0, 0.46 * tall, sheet.width, 0.54 * tall, theme.paper)
    sheet.box(0.12 * sheet.width, 0.54 * tall, 0.7 * sheet.width, 0.36 * tall, theme.panel, 0.18 * tall)
    sheet.write(
        words.site(rng), 0.14 * sheet.width, 0.72 * tall, 0.2 * tall, theme.ink, room=0.5 * sheet.width
    )
    for index in range(3):
        x = (0.025 + 0.03 * index) * sheet.width
        sheet.line(
            [(x + 0.06 * tall, 0.64 * tall), (x - 0.04 * tall, 0.72 * tall), (x + 0.06 * tall, 0.8 * tall)],
            theme.faint, 0.03 * tall,
        )  # fmt: skip
    _buttons(sheet, 0.05 * sheet.width, 0.27 * tall, 0.16 * tall, theme, round_ones=True)
    return tall


def _slide(picture: Picture, rng: np.random.Generator, size: tuple[int, int], wide: float) -> Placed:
    """A slide with a title and points beside the picture."""
    theme = DARK if chance(rng, 0.3) else LIGHT
    accent = _TILE_COLOURS[int(rng.integers(len(_TILE_COLOURS)))]
    sheet = Sheet(Image.new("RGB", size, theme.paper))
    margin = 0.04 * size[0]
    shown = _within(picture, wide, size[0] - 2 * margin, 0.8 * size[1])
    sheet.title(words.headline(rng), margin, 0.04 * size[1], 0.85 * size[0], 0.09 * size[1], theme.ink)
    sheet.box(margin, 0.145 * size[1], 0.2 * size[0], 0.008 * size[1], accent)
    right = chance(rng, 0.6)
    left = size[0] - margin - shown.width if right else margin
    top = 0.18 * size[1] + float(rng.uniform(0, max(0.0, 0.8 * size[1] - shown.height)))
    column = size[0] - shown.width - 3.5 * margin
    if column > 0.16 * size[0]:
        x = 1.5 * margin if right else left + shown.width + 1.5 * margin
        for index in range(int(rng.integers(3, 6))):
            y = (0.22 + 0.14 * index) * size[1]
            sheet.disc(x - 0.015 * size[0], y + 0.02 * size[1], 0.006 * size[0], accent)
            sheet.fill(words.headline(rng), x, y, column, 0.13 * size[1], 0.03 * size[1], theme.ink)
    return sheet, left, top, shown


SCREENS: tuple[Edit, ...] = (
    Edit(
        "desktop_screenshot", "in a window on a computer's screen", "container", desktop_screenshot,
        (Parameter("share", "share of the screen, at most", Span(0.45, 0.6), Span(0.24, 0.34), Span(0.09, 0.14), "%"),),
        uses="chance", suffix="png", weight=1.2,
    ),
)  # fmt: skip
