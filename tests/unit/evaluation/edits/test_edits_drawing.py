"""Letters, stickers and words: what edits draw with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from copylens.evaluation.edits import words
from copylens.evaluation.edits.canvas import (
    bounded,
    covering,
    faded,
    fitted,
    gradient,
    ink_on,
    pasted,
    rounded,
    shadowed,
)
from copylens.evaluation.edits.lettering import block, font, wrapped, written
from copylens.evaluation.edits.shapes import SHAPES, sticker
from exam_samples import MAGENTA, pixels, places, plain

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def alpha(layer: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(layer.getchannel("A"))


@pytest.mark.parametrize(("width", "height"), [(200, 60), (60, 200), (300, 20), (12, 9), (1, 1), (500, 300)])
def test_a_block_fits_its_box(width: int, height: int) -> None:
    for text in ("hi", "when the coffee runs out", words.paragraph(chance(), 3)):
        for outline in (None, BLACK):
            layer = block(text, width, height, WHITE, weight=0.03, outline=outline)
            assert layer.mode == "RGBA"
            assert 1 <= layer.width <= width
            assert 1 <= layer.height <= height


def test_a_block_fills_its_box_one_way() -> None:
    for width, height in ((300, 80), (200, 200), (400, 40)):
        layer = block("when the coffee runs out", width, height, WHITE)
        assert layer.width > 0.6 * width or layer.height > 0.6 * height
        assert alpha(layer).max() == 255


def test_lines_are_broken_between_words_and_fit() -> None:
    text = words.paragraph(chance(2), 4)
    lines = wrapped(text, 16, 150).split("\n")
    assert " ".join(lines) == text
    assert max(font(16).getlength(line) for line in lines) <= 150
    assert len(lines) > 3


def test_bold_and_outlined_letters_are_larger() -> None:
    plain_ink = alpha(written("copy", 40, WHITE)).astype(float).sum()
    bold_ink = alpha(written("copy", 40, WHITE, weight=0.04)).astype(float).sum()
    outlined = written("copy", 40, WHITE, weight=0.04, outline=BLACK)
    assert bold_ink > 1.1 * plain_ink
    assert alpha(outlined).astype(float).sum() > 1.2 * bold_ink
    solid = np.asarray(outlined)[alpha(outlined) == 255][:, :3]
    assert {tuple(colour) for colour in solid.tolist()} > {WHITE, BLACK}


def test_tiny_letters_are_drawn_larger_and_reduced() -> None:
    assert written("copy", 3, WHITE).height < written("copy", 7, WHITE).height


@pytest.mark.parametrize("name", SHAPES)
def test_stickers_are_whole_and_smooth(name: str) -> None:
    layer = sticker(name, 64, chance(1))
    assert layer.size == (64, 64)
    seen = alpha(layer)
    assert 0.08 < (seen > 0).mean() < 0.98
    assert ((seen > 0) & (seen < 255)).any()
    assert (seen > 0).any(axis=0).sum() > 40
    for corner in (seen[0, 0], seen[0, -1], seen[-1, 0], seen[-1, -1]):
        assert corner < 255


@pytest.mark.parametrize("name", SHAPES)
def test_stickers_can_be_as_small_as_a_pixel(name: str) -> None:
    for side in (0.2, 1, 2, 5):
        assert sticker(name, side, chance(1)).size == (max(1, round(side)),) * 2


def test_stickers_differ() -> None:
    drawn = {sticker(name, 48, chance(1)).tobytes() for name in SHAPES}
    assert len(drawn) == len(SHAPES) >= 12


WORDS: tuple[Callable[[np.random.Generator], str], ...] = (
    words.short,
    words.opener,
    words.closer,
    words.sentence,
    words.headline,
    words.handle,
    words.name,
    words.site,
    words.clock,
)


@pytest.mark.parametrize("make", WORDS)
def test_words_vary_and_can_be_written(make: Callable[[np.random.Generator], str]) -> None:
    made = [make(chance(seed)) for seed in range(60)]
    assert len(set(made)) >= 8
    assert made == [make(chance(seed)) for seed in range(60)]
    assert all(text.isascii() and text == text.strip() and text for text in made)


def test_sites_belong_to_nobody() -> None:
    assert all(words.site(chance(seed)).endswith(".example") for seed in range(20))


def test_covering_cuts_evenly_and_fitting_keeps_all() -> None:
    cut = pixels(covering(places(240, 160), 100, 100))
    assert cut.shape == (100, 100, 3)
    assert abs(int(cut[50, 0, 0]) - 42) < 6
    assert abs(int(cut[50, -1, 0]) - 213) < 6
    assert fitted(places(240, 160), 60, 60).size == (60, 40)
    assert covering(plain(MAGENTA, (1, 600)), 300, 200).size == (300, 200)


def test_bounding_never_enlarges() -> None:
    assert bounded(plain(MAGENTA, (80, 40)), 100).size == (80, 40)
    assert bounded(plain(MAGENTA, (80, 40)), 40).size == (40, 20)


def test_pasting_leaves_the_base_alone_and_cuts_what_sticks_out() -> None:
    base = plain(BLACK, (50, 50))
    result = pasted(base, plain(WHITE, (30, 30)), 40, -10)
    assert pixels(base).max() == 0
    assert pixels(result)[:20, 40:].min() == 255
    assert pixels(result)[:, :40].max() == 0
    half = pasted(base, faded(plain(WHITE, (50, 50)), 0.5), 0, 0)
    assert np.abs(pixels(half) - 128).max() <= 1


def test_round_corners_are_clear() -> None:
    layer = rounded(plain(MAGENTA, (60, 40)), 10)
    assert alpha(layer)[0, 0] == 0
    assert alpha(layer)[20, 30] == 255
    assert alpha(layer)[0, 30] == 255


def test_a_shadow_is_dark_and_soft() -> None:
    values = pixels(shadowed(plain(WHITE, (100, 100)), (30, 30, 70, 70), 4.0, 0.6))[..., 0]
    assert values[52, 52] == pytest.approx(102, abs=6)
    assert values[0, 0] == 255
    assert len(np.unique(values)) > 20


def test_a_gradient_runs_from_one_colour_to_the_other() -> None:
    values = pixels(gradient(100, 50, BLACK, WHITE, 0.0))[..., 0]
    assert (values[:, 0].max(), values[:, -1].min()) == (0, 255)
    assert (np.diff(values[0]) >= 0).all()


def test_ink_can_be_read() -> None:
    assert ink_on((255, 205, 30)) == BLACK
    assert ink_on((95, 60, 190)) == WHITE
