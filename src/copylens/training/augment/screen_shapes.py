"""Pens in, pages drawn with them out: shapes of screens, each with places for the picture and for others beside it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeAlias

from PIL import ImageDraw

Pen: TypeAlias = ImageDraw.ImageDraw
Box: TypeAlias = tuple[float, float, float, float]
Boxes: TypeAlias = tuple[Box, ...]
Shade: TypeAlias = tuple[int, int, int]

SIDE = 512
"""Pixels of the square that shapes are drawn on."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of one screen."""

    page: Shade
    bar: Shade
    ink: Shade
    faint: Shade
    accent: Shade


def look_of(chance: random.Random, *, light: bool) -> Look:
    """Colours that go together."""
    accent = (chance.randrange(20, 230), chance.randrange(20, 200), chance.randrange(60, 256))
    if light:
        return Look((255, 255, 255), (238, 240, 243), (35, 38, 43), (190, 194, 200), accent)
    return Look((22, 24, 28), (42, 45, 51), (232, 234, 237), (95, 100, 108), accent)


def _box(pen: Pen, box: Box, fill: Shade, *, round_by: float = 0.0) -> None:
    pen.rounded_rectangle([part * SIDE for part in box], radius=round_by * SIDE, fill=fill)


def _disc(pen: Pen, x: float, y: float, radius: float, fill: Shade) -> None:
    _box(pen, (x - radius, y - radius, x + radius, y + radius), fill, round_by=radius)


def _lines(pen: Pen, chance: random.Random, box: Box, count: int, fill: Shade) -> None:
    """Lines of text too small to read."""
    left, top, right, bottom = box
    pitch = (bottom - top) / count
    for number in range(count):
        y, x = top + number * pitch, left
        end = right if number < count - 1 else left + (right - left) * chance.uniform(0.3, 0.8)
        while x < end - 0.02:
            word = min(chance.uniform(0.02, 0.09), end - x)
            _box(pen, (x, y + 0.2 * pitch, x + word, y + 0.7 * pitch), fill, round_by=0.1 * pitch)
            x += word + 0.012


def _browser(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """A window with a tab, an address, and the picture on a page."""
    _box(pen, (0, 0, 1, 0.13), look.bar)
    for number, colour in enumerate(((236, 106, 94), (245, 191, 79), (98, 197, 84))):
        _disc(pen, 0.03 + 0.035 * number, 0.035, 0.012, colour)
    _box(pen, (0.15, 0.012, 0.15 + chance.uniform(0.2, 0.4), 0.066), look.page, round_by=0.015)
    _lines(pen, chance, (0.17, 0.022, 0.3, 0.056), 1, look.ink)
    _box(pen, (0.1, 0.075, 0.95, 0.12), look.page, round_by=0.022)
    _lines(pen, chance, (0.13, 0.084, 0.13 + chance.uniform(0.2, 0.5), 0.112), 1, look.faint)
    side = chance.choice((0.0, 0.22))
    if side:
        _lines(pen, chance, (0.03, 0.2, side - 0.03, 0.85), chance.randint(7, 13), look.faint)
    bottom = chance.uniform(0.78, 0.96)
    if bottom < 0.9:
        _lines(pen, chance, (side + 0.03, bottom + 0.02, 0.97, 0.98), 3, look.ink)
    return ((side + 0.03, 0.16, 0.97, bottom),)


def _viewer(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """A phone's viewer: clock and signal above, buttons below."""
    _lines(pen, chance, (0.05, 0.01, 0.14, 0.045), 1, look.ink)
    for number in range(3):
        _disc(pen, 0.86 + 0.045 * number, 0.028, 0.012, look.ink)
    top = chance.choice((0.06, 0.14))
    if top > 0.1:
        _lines(pen, chance, (0.08, 0.07, 0.45, 0.125), 1, look.ink)
    bottom = chance.uniform(0.84, 0.92)
    count = chance.randint(3, 5)
    for number in range(count):
        x, y = (number + 0.5) / count, (bottom + 1.0) / 2
        fill = look.accent if number == 0 else look.faint
        if chance.random() < 0.5:
            _disc(pen, x, y, 0.024, fill)
        else:
            _box(pen, (x - 0.024, y - 0.02, x + 0.024, y + 0.02), fill, round_by=0.006)
    return ((0.0, top, 1.0, bottom),)


def _feed(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """A post: who, the picture, signs of approval, some text."""
    _disc(pen, 0.085, 0.075, 0.045, look.accent)
    _lines(pen, chance, (0.16, 0.035, 0.16 + chance.uniform(0.2, 0.4), 0.075), 1, look.ink)
    _lines(pen, chance, (0.16, 0.08, 0.16 + chance.uniform(0.1, 0.25), 0.112), 1, look.faint)
    above = chance.random() < 0.4
    top = 0.14
    if above:
        _lines(pen, chance, (0.04, 0.14, 0.96, 0.22), 2, look.ink)
        top = 0.24
    bottom = chance.uniform(0.8, 0.88)
    for number in range(3):
        fill = (225, 45, 70) if number == 0 else look.faint
        _disc(pen, 0.07 + 0.1 * number, bottom + 0.045, 0.022, fill)
    _lines(pen, chance, (0.04, bottom + 0.08, 0.96, 0.99), 1 if bottom > 0.84 else 2, look.ink)
    margin = chance.choice((0.0, 0.04))
    return ((margin, top, 1.0 - margin, bottom),)


def _chat(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """Messages, the picture being one of them."""
    _box(pen, (0, 0, 1, 0.11), look.bar)
    _disc(pen, 0.08, 0.055, 0.035, look.accent)
    _lines(pen, chance, (0.14, 0.03, 0.14 + chance.uniform(0.2, 0.4), 0.08), 1, look.ink)
    mine = chance.random() < 0.5
    left, right = (0.22, 0.96) if mine else (0.04, 0.78)
    said = 0.04 + chance.uniform(0.3, 0.6)
    _box(pen, (0.04, 0.14, said, 0.21), look.bar, round_by=0.03)
    _lines(pen, chance, (0.08, 0.155, said, 0.195), 1, look.ink)
    bottom = chance.uniform(0.76, 0.84)
    _box(pen, (left, 0.24, right, bottom + 0.02), look.accent if mine else look.bar, round_by=0.02)
    _box(pen, (0.04, 0.92, 0.86, 0.985), look.bar, round_by=0.03)
    _disc(pen, 0.93, 0.952, 0.032, look.accent)
    return ((left + 0.02, 0.26, right - 0.02, bottom),)


def _desk(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """A wide page in columns, the picture small in one of them, with bars beside or above it as often as not."""
    bar = chance.uniform(0.04, 0.1)
    _box(pen, (0, 0, 1, bar), look.bar)
    _lines(pen, chance, (0.04, 0.2 * bar, 0.04 + chance.uniform(0.1, 0.3), 0.8 * bar), 1, look.faint)
    _disc(pen, chance.uniform(0.8, 0.96), bar / 2, 0.3 * bar, look.accent)
    left, right = chance.choice((0.04, 0.14, 0.22)), chance.choice((0.6, 0.68, 0.78, 0.96))
    if left > 0.1:
        _entries(pen, look, chance, (0.02, bar + 0.04, left - 0.03, chance.uniform(0.4, 0.98)))
    beside: Boxes = ()
    if right < 0.9:
        beside = _aside(pen, look, chance, (right + 0.03, bar + 0.04, 0.98, 0.98))
    top = bar + 0.03
    if chance.random() < 0.6:
        for number in range(int((right - left) / 0.07)):
            _disc(pen, left + 0.04 + 0.07 * number, top + 0.05, 0.024, _colour(chance))
        top += 0.11
    for _ in range(chance.randint(0, 2)):
        _disc(pen, left + 0.03, top + 0.03, 0.022, look.faint)
        _lines(pen, chance, (left + 0.07, top + 0.01, right - 0.02, top + 0.06), 2, look.ink)
        top += 0.09
    height = chance.uniform(0.3, 0.6)
    bottom = min(top + height, 1.0 if chance.random() < 0.5 else 0.9)
    if bottom < 0.95:
        count = max(1, int((0.96 - bottom) / 0.045))
        _lines(pen, chance, (left + 0.02, bottom + 0.02, right - 0.02, 0.98), count, look.ink)
    return _within_bars(pen, chance, (left, top, right, bottom)), *beside


def _colour(chance: random.Random) -> Shade:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def _entries(pen: Pen, look: Look, chance: random.Random, box: Box) -> None:
    """A menu: signs with a word each."""
    left, top, right, bottom = box
    y = top
    while y < bottom:
        _disc(pen, left + 0.012, y + 0.014, 0.01, look.faint)
        _lines(pen, chance, (left + 0.035, y, right, y + 0.028), 1, look.ink)
        y += 0.055


def _aside(pen: Pen, look: Look, chance: random.Random, box: Box) -> Boxes:
    """Cards one below the other, with words, signs, or a picture that is not the one; the places of such."""
    left, top, right, bottom = box
    y, places = top, []
    while y < bottom - 0.15:
        end = min(y + chance.uniform(0.12, 0.35), bottom)
        _box(pen, (left, y, right, end), look.bar, round_by=0.01)
        if chance.random() < 0.5:
            places.append((left + 0.015, y + 0.015, right - 0.015, end - 0.05))
            _view(pen, chance, places[-1])
        _lines(pen, chance, (left + 0.02, end - 0.04, right - 0.02, end - 0.01), 1, look.ink)
        y = end + 0.03
    return tuple(places)


def _view(pen: Pen, chance: random.Random, box: Box) -> None:
    """Something with the colours of a picture: bands and spots."""
    left, top, right, bottom = box
    bands = chance.randint(2, 6)
    for number in range(bands):
        low, high = (top + (bottom - top) * part / bands for part in (number, number + 1))
        _box(pen, (left, low, right, high), _colour(chance))
    for _ in range(chance.randint(1, 5)):
        radius = chance.uniform(0.1, 0.3) * min(right - left, bottom - top)
        x, y = chance.uniform(left + radius, right - radius), chance.uniform(top + radius, bottom - radius)
        _disc(pen, x, y, radius, _colour(chance))


def _within_bars(pen: Pen, chance: random.Random, box: Box) -> Box:
    """Fill a box with one colour and say what of it the picture takes: all, or a part with bars on two sides."""
    left, top, right, bottom = box
    _box(pen, box, (0, 0, 0) if chance.random() < 0.7 else _colour(chance))
    width, height, part = right - left, bottom - top, chance.uniform(0.5, 1.0)
    style = chance.random()
    if style < 0.5:
        margin = (1.0 - part) / 2 * width
        return left + margin, top, right - margin, bottom
    if style < 0.65:
        margin = (1.0 - part) / 2 * height
        return left, top + margin, right, bottom - margin
    return box


def _wall(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """A page of cards in columns: with words, with nothing much, with pictures; the largest is the one."""
    _box(pen, (0, 0, 1, 1), look.bar)
    top = 0.0
    if chance.random() < 0.7:
        top = chance.uniform(0.04, 0.1)
        _box(pen, (0, 0, 1, top), look.page if chance.random() < 0.5 else look.accent)
        _lines(pen, chance, (0.04, 0.2 * top, chance.uniform(0.15, 0.5), 0.8 * top), 1, look.ink)
    shares = [chance.uniform(0.25, 1.0) for _ in range(chance.randint(1, 3))]
    gap = chance.uniform(0.01, 0.04)
    places: list[Box] = []
    left = gap
    for share in shares:
        right = left + (1.0 - gap) * share / sum(shares) - gap
        y = top + gap
        while y < 0.95:
            bottom = y + chance.uniform(0.08, 0.55)
            places += _card(pen, look, chance, (left, y, right, bottom))
            y = bottom + gap
        left = right + gap
    if not places:
        places.append((gap, top + gap, 1.0 - gap, chance.uniform(0.6, 1.0 - gap)))
    return tuple(sorted(places, key=lambda box: (box[0] - box[2]) * (box[3] - box[1])))


def _card(pen: Pen, look: Look, chance: random.Random, box: Box) -> Boxes:
    """One card, which may end below the screen; the place of the picture on it, where it has one."""
    left, top, right, bottom = box
    _box(pen, box, look.page, round_by=chance.choice((0.0, 0.01, 0.02)))
    margin = min(chance.choice((0.0, 0.015, 0.03)), (right - left) / 5)
    y = top + max(margin, 0.01)
    if chance.random() < 0.6:
        _disc(pen, left + 0.04, y + 0.025, 0.02, look.accent)
        _lines(pen, chance, (left + 0.08, y + 0.005, right - 0.02, y + 0.045), 1, look.ink)
        y += 0.06
    kind, end = chance.random(), min(bottom, 1.0)
    if kind < 0.45 and end - y > 0.1 and right - left > 0.15:
        below = chance.choice((margin, 0.06))
        return ((left + margin, y, right - margin, max(end - below, y + 0.08)),)
    if kind < 0.75 and end - y > 0.05:
        count = chance.randint(1, max(1, int((end - y) / 0.035)))
        _lines(pen, chance, (left + 0.02, y, right - 0.02, y + 0.035 * count), count, look.ink)
    elif kind < 0.85:
        _disc(pen, (left + right) / 2, (y + bottom) / 2, chance.uniform(0.02, 0.06), look.accent)
    return ()


def _collage(pen: Pen, look: Look, chance: random.Random) -> Boxes:
    """Two to six pictures side by side, with one colour between them or nothing; any of them is the one."""
    shade = chance.choice((look.page, look.bar, (0, 0, 0), (255, 255, 255), _colour(chance)))
    _box(pen, (0, 0, 1, 1), shade)
    gap = chance.choice((0.0, chance.uniform(0.0, 0.04)))
    boxes: list[Box] = [(0.0, 0.0, 1.0, chance.choice((1.0, 1.0, chance.uniform(0.6, 1.0))))]
    for _ in range(chance.randint(1, 5)):
        boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        left, top, right, bottom = boxes.pop()
        part = chance.choice((0.5, chance.uniform(0.3, 0.7)))
        if (right - left) * chance.uniform(0.6, 1.6) > bottom - top:
            middle = left + (right - left) * part
            boxes += [(left, top, middle, bottom), (middle, top, right, bottom)]
        else:
            middle = top + (bottom - top) * part
            boxes += [(left, top, right, middle), (left, middle, right, bottom)]
    chance.shuffle(boxes)
    return tuple((a + gap / 2, b + gap / 2, c - gap / 2, d - gap / 2) for a, b, c, d in boxes)


SHAPES = (_browser, _viewer, _feed, _chat, _desk, _wall, _collage)
"""What a screen may look like. Each draws it and says where the picture goes, and then where others may."""
