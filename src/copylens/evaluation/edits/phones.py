"""A picture in, a phone's screenshot that shows it out: a post, a chat, a viewer, a gallery, a list of finds.

A phone is 100 units wide; all lengths are in these units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from copylens.evaluation.edits import words
from copylens.evaluation.edits.canvas import (
    BLACK,
    Colour,
    chance,
    covering,
    ink_on,
    pasted,
    resized,
    rounded,
    size_of,
)
from copylens.evaluation.edits.containers import canvas_side
from copylens.evaluation.edits.edit import Edit, Others, Parameter, Picture, Span
from copylens.evaluation.edits.screens import DARK, LIGHT, Placed, Sheet, Theme

_AVATARS: tuple[Colour, ...] = (
    (235, 110, 90), (90, 160, 230), (110, 190, 130), (240, 180, 70), (160, 120, 210), (90, 100, 120),
)  # fmt: skip
_CHAT_PAPERS: dict[Theme, Colour] = {LIGHT: (222, 214, 202), DARK: (12, 20, 26)}
_OWN_MESSAGES: dict[Theme, Colour] = {LIGHT: (170, 222, 165), DARK: (20, 90, 75)}
_BOTTOM = 13.0
"""Height of the symbols at the bottom."""


@dataclass
class _Phone:
    """What an app draws with: the picture, chance, other photographs, the empty screen and its unit in pixels."""

    picture: Picture
    rng: np.random.Generator
    others: Others
    size: tuple[int, int]
    width: float

    def sheet(self, paper: Colour) -> Sheet:
        return Sheet(Image.new("RGB", self.size, paper), self.unit)

    @property
    def unit(self) -> float:
        return self.size[0] / 100

    def shown(self, width: float, limit: float) -> tuple[Picture, float, float]:
        """The picture at a width in units, or smaller where it is taller than the limit; with its size in units."""
        width = min(width, limit * self.picture.width / self.picture.height)
        layer = resized(
            self.picture, width * self.unit, width * self.unit * self.picture.height / self.picture.width
        )
        return layer, layer.width / self.unit, layer.height / self.unit


def phone_screenshot(picture: Picture, rng: np.random.Generator, others: Others, *, width: float) -> Picture:
    """A phone's screen with status bar and an app; the picture takes a share of its width, less when it is tall."""
    tall = max(200, canvas_side(picture, 1.5))
    phone = _Phone(picture, rng, others, size_of(tall / rng.uniform(1.85, 2.15), tall), width * 100)
    apps: tuple[Callable[[_Phone], Placed], ...]
    if width > 0.85:
        apps = (_post, _post, _viewer)
    elif width > 0.45:
        apps = (_chat,)
    else:
        apps = (_gallery, _finds)
    sheet, left, top, shown = apps[int(rng.integers(len(apps)))](phone)
    return pasted(sheet.finished(), shown, left * phone.unit, top * phone.unit)


def _post(phone: _Phone) -> Placed:
    """A network's post with its author, likes and a comment; below, the next post begins."""
    rng, theme = phone.rng, DARK if chance(phone.rng, 0.4) else LIGHT
    sheet = phone.sheet(theme.paper)
    y = _status_bar(sheet, rng, theme.ink)
    sheet.write(words.site(rng).split("-")[0], 5, y + 5, 5.5, theme.ink, bold=True, room=50)
    sheet.box(0, y + 10, 100, 0.3, theme.panel)
    _author(sheet, rng, theme, y + 16)
    y += 23
    shown, width, height = phone.shown(phone.width, 0.55 * sheet.height)
    left, top = (100 - width) / 2, y
    y += height + 5
    _symbols(sheet, theme, y)
    likes = f"{rng.integers(3, 5000):,} likes"
    sheet.write(likes, 5, y + 6, 3.1, theme.ink, bold=True, room=60)
    sheet.fill(f"{words.handle(rng)} {words.sentence(rng)}", 5, y + 9, 90, 14, 3.1, theme.ink)
    y += 26
    if y + 20 < sheet.height:
        _author(sheet, rng, theme, y)
        sheet.show(phone.others(rng), 0, y + 7, 100, sheet.height - y - 7)
    _navigation(sheet, theme)
    return sheet, left, top, shown


def _viewer(phone: _Phone) -> Placed:
    """The picture alone on black, as a phone's own viewer shows it, with its neighbours below."""
    rng, theme = phone.rng, DARK
    sheet = phone.sheet(BLACK)
    y = _status_bar(sheet, rng, theme.ink)
    sheet.line([(8, y + 2), (5, y + 5), (8, y + 8)], theme.accent, 0.8)
    sheet.write(words.name(rng), 42, y + 4, 3.6, theme.ink, bold=True, room=40)
    shown, width, height = phone.shown(phone.width, sheet.height - y - 60)
    for index in range(10):
        neighbour = phone.picture if index == 4 else phone.others(rng)
        sheet.show(neighbour, 0.3 + 10 * index, sheet.height - 24, 9.4, 9.4)
    bottom = sheet.height - 7
    sheet.line([(8, bottom + 2), (8, bottom - 2)], theme.accent, 0.7)
    sheet.line([(6.5, bottom - 0.6), (8, bottom - 2.2), (9.5, bottom - 0.6)], theme.accent, 0.7)
    sheet.disc(50, bottom, 2, theme.accent, hollow=True)
    sheet.box(88, bottom - 2.2, 4, 4.6, theme.accent, 1)
    return sheet, (100 - width) / 2, (sheet.height - height) / 2, shown


def _chat(phone: _Phone) -> Placed:
    """Messages before and after the picture."""
    rng, theme = phone.rng, DARK if chance(phone.rng, 0.4) else LIGHT
    sheet = phone.sheet(theme.paper if chance(rng, 0.4) else _CHAT_PAPERS[theme])
    bar = _chat_head(sheet, rng, theme)
    shown, width, height = phone.shown(phone.width, 0.55 * sheet.height)
    spare = sheet.height - bar - height - 26
    y = bar + 3
    for _ in range(int(rng.integers(0, max(1, int(spare / 11)) + 1))):
        y = _message(sheet, rng, theme, y)
    right = chance(rng, 0.5)
    left = 96 - width if right else 4.0
    bubble = _OWN_MESSAGES[theme] if right else theme.panel
    sheet.box(left - 1, y, width + 2, height + 6, bubble, 2)
    sheet.write(words.clock(rng), left + width - 9, y + height + 3.4, 2.6, theme.faint, room=9)
    top = y + 1
    y += height + 9
    while y < sheet.height - 26:
        y = _message(sheet, rng, theme, y)
    sheet.box(0, sheet.height - 14, 100, 14, theme.panel)
    sheet.box(10, sheet.height - 11.5, 70, 8, theme.paper, 4)
    sheet.disc(91, sheet.height - 7.5, 4.4, theme.accent)
    return sheet, left, top, rounded(shown, 1.6 * phone.unit)


def _gallery(phone: _Phone) -> Placed:
    """A grid of square thumbnails, one of them the picture's."""
    rng, theme = phone.rng, DARK if chance(phone.rng, 0.4) else LIGHT
    sheet = phone.sheet(theme.paper)
    y = _status_bar(sheet, rng, theme.ink)
    sheet.write("Photos", 4, y + 6, 6, theme.ink, bold=True, room=50)
    y += 13
    columns = max(2, round(100 / phone.width))
    cell = 100 / columns
    own_row = int(rng.integers(max(1, math.floor((sheet.height - y - _BOTTOM) / cell))))
    own_column = int(rng.integers(columns))
    for row in range(math.ceil((sheet.height - y) / cell)):
        for column in range(columns):
            if (row, column) != (own_row, own_column):
                sheet.show(phone.others(rng), column * cell, y + row * cell, cell - 0.5, cell - 0.5)
    _navigation(sheet, theme)
    side = (cell - 0.5) * phone.unit
    return sheet, own_column * cell, y + own_row * cell, covering(phone.picture, side, side)


def _finds(phone: _Phone) -> Placed:
    """A list of finds, each with a small picture and words beside it."""
    rng, theme = phone.rng, DARK if chance(phone.rng, 0.3) else LIGHT
    sheet = phone.sheet(theme.paper)
    y = _status_bar(sheet, rng, theme.ink)
    sheet.box(4, y + 2, 92, 9, theme.panel, 4.5)
    sheet.write(words.short(rng), 9, y + 6.5, 3.6, theme.ink, room=60)
    y += 16
    shown, _, height = phone.shown(phone.width, phone.width)
    step = max(height, 0.7 * phone.width) + 5
    own = int(rng.integers(max(1, math.floor((sheet.height - y - _BOTTOM) / step))))
    for index in range(math.ceil((sheet.height - y) / step)):
        top, x = y + index * step, phone.width + 8
        if index != own:
            sheet.show(phone.others(rng), 4, top, phone.width, min(step - 5, 0.75 * phone.width))
        sheet.fill(words.headline(rng), x, top, 96 - x, 0.6 * step, 3.4, theme.ink)
        sheet.write(words.site(rng), x, top + 0.72 * step, 2.8, theme.faint, room=96 - x)
    _navigation(sheet, theme)
    return sheet, 4, y + own * step, shown


def _status_bar(sheet: Sheet, rng: np.random.Generator, ink: Colour) -> float:
    """Time, reception and battery; returns its height."""
    sheet.write(words.clock(rng), 6, 3.6, 3.4, ink, bold=True, room=20)
    for bar in range(4):
        sheet.box(72 + 1.7 * bar, 4.6 - 0.7 * bar, 1.1, 0.8 + 0.7 * bar, ink)
    for reach in (0.6, 1.6, 2.6):
        arc = [(82.5 + reach * math.sin(a), 5.2 - reach * math.cos(a)) for a in (-0.8, -0.4, 0.0, 0.4, 0.8)]
        sheet.line(arc, ink, 0.5)
    sheet.box(88, 2.1, 6.4, 3.2, ink, 0.8)
    sheet.box(94.7, 3.1, 0.6, 1.2, ink)
    used = 5.4 * float(rng.uniform(0.05, 0.7))
    sheet.box(93.9 - used, 2.6, used, 2.2, ink_on(ink))
    return 7.0


def _navigation(sheet: Sheet, theme: Theme) -> None:
    """Symbols of an app at the bottom: house, lens, plus, heart's place, own face."""
    top = sheet.height - _BOTTOM
    y = top + 5
    sheet.box(0, top, 100, _BOTTOM, theme.paper)
    sheet.box(0, top, 100, 0.3, theme.panel)
    house = [(7.5, y + 2), (7.5, y - 0.5), (10, y - 2.8), (12.5, y - 0.5), (12.5, y + 2), (7.5, y + 2)]
    sheet.line(house, theme.ink, 0.6)
    sheet.disc(29.6, y - 0.4, 1.9, theme.ink, hollow=True)
    sheet.line([(31, y + 1), (32.6, y + 2.6)], theme.ink, 0.6)
    sheet.line([(47.6, y), (52.4, y)], theme.ink, 0.6)
    sheet.line([(50, y - 2.4), (50, y + 2.4)], theme.ink, 0.6)
    sheet.disc(70, y, 2.3, theme.ink, hollow=True)
    sheet.disc(90, y, 2.5, theme.accent)
    sheet.box(35, sheet.height - 2, 30, 0.9, theme.ink, 0.4)


def _author(sheet: Sheet, rng: np.random.Generator, theme: Theme, y: float) -> None:
    """Who posted: a face's place, a name, and when."""
    sheet.disc(8, y, 4.4, _AVATARS[int(rng.integers(len(_AVATARS)))])
    sheet.write(words.handle(rng), 15, y - 1.6, 3.2, theme.ink, bold=True, room=60)
    sheet.write(f"{rng.integers(2, 24)} h", 15, y + 2.2, 2.6, theme.faint, room=30)
    for dot in range(3):
        sheet.disc(90 + 2 * dot, y, 0.5, theme.ink)


def _symbols(sheet: Sheet, theme: Theme, y: float) -> None:
    """Heart, comment, send."""
    red = (230, 50, 70)
    for x in (6.2, 8.6):
        sheet.disc(x, y - 0.5, 1.35, red)
    for step in range(12):
        reach = 2.5 * (1 - step / 12)
        sheet.box(7.4 - reach, y - 0.1 + step * 0.22, 2 * reach, 0.35, red)
    sheet.disc(16, y, 2.2, theme.ink, hollow=True)
    sheet.line([(23, y - 2), (28, y - 2), (25.5, y + 2.2), (23, y - 2)], theme.ink, 0.5)


def _chat_head(sheet: Sheet, rng: np.random.Generator, theme: Theme) -> float:
    """The status bar and a chat's name below it; returns their height."""
    sheet.box(0, 0, 100, 21, theme.panel)
    y = _status_bar(sheet, rng, theme.ink)
    sheet.line([(7, y + 4), (4, y + 7), (7, y + 10)], theme.ink, 0.7)
    sheet.disc(15, y + 7, 4.6, _AVATARS[int(rng.integers(len(_AVATARS)))])
    sheet.write(words.name(rng), 22, y + 5.4, 3.8, theme.ink, bold=True, room=50)
    sheet.write("online", 22, y + 9.6, 2.7, theme.faint, room=50)
    return 21.0


def _message(sheet: Sheet, rng: np.random.Generator, theme: Theme, y: float) -> float:
    """A message of either side; returns where the next one begins."""
    text = words.short(rng) if chance(rng, 0.5) else words.sentence(rng)
    width = min(74.0, 10 + 1.9 * len(text))
    mine = chance(rng, 0.5)
    left = 97 - width if mine else 3.0
    sheet.box(left, y, width, 9, _OWN_MESSAGES[theme] if mine else theme.panel, 2.5)
    sheet.write(text, left + 3, y + 4.4, 3.4, theme.ink, room=width - 6)
    return y + 11


PHONES: tuple[Edit, ...] = (
    Edit(
        "phone_screenshot", "in an app on a phone's screen", "container", phone_screenshot,
        (Parameter("width", "share of the width, at most", Span(0.93, 1.0), Span(0.55, 0.7), Span(0.24, 0.35), "%"),),
        uses="others", suffix="png", weight=2.0,
    ),
)  # fmt: skip
