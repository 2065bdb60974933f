"""Things laid on a picture: how much they cover, and that the rest stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.evaluation.edits import STRENGTHS, Picture, Strength
from copylens.evaluation.edits.captions import banner, meme, text
from copylens.evaluation.edits.overlays import (
    blend,
    image_overlay,
    logo,
    redact,
    scribbles,
    stickers,
    stripes,
    watermark,
)
from exam_samples import GREEN, MAGENTA, box_of, edit, noise, others_of, photograph, pixels, plain, share_of

SEEDS = range(15)
GROUND = others_of(plain(GREEN))


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def covered(result: Picture, before: Picture) -> float:
    """Which share of the pixels is not what it was."""
    return float((np.abs(pixels(result) - pixels(before)).max(axis=2) > 3).mean())


@pytest.mark.parametrize(("count", "coverage"), [(1, 0.05), (4, 0.15), (10, 0.4)])
def test_stickers_cover_at_most_their_squares(count: int, coverage: float) -> None:
    before = plain((120, 120, 120), (300, 220))
    found = [
        covered(stickers(before, chance(seed), count=count, coverage=coverage), before) for seed in SEEDS
    ]
    assert max(found) <= coverage * 1.1
    assert float(np.mean(found)) > 0.3 * coverage


@pytest.mark.parametrize("coverage", [0.1, 0.3, 0.55])
def test_stripes_cover_their_share(coverage: float) -> None:
    before = plain((120, 120, 120), (300, 220))
    for seed in SEEDS:
        result = stripes(before, chance(seed), coverage=coverage)
        assert covered(result, before) == pytest.approx(coverage, abs=0.035)
        assert len(result.getcolors() or ()) == 2


@pytest.mark.parametrize("style", ["corner", "centre", "tiled"])
def test_watermarks_lie_where_they_shall(style: str) -> None:
    before = plain((120, 120, 120), (300, 220))
    for seed in SEEDS:
        changed = np.abs(
            pixels(watermark(before, chance(seed), style=style, opacity=0.8)) - pixels(before)
        ).max(axis=2)
        assert changed.max() > 60
        rows, columns = np.nonzero(changed > 20)
        if style == "corner":
            assert np.ptp(rows) < 40
            assert np.ptp(columns) < 110
            assert rows.max() < 60 or rows.min() > 160
        elif style == "centre":
            assert changed[60:160, 60:240].max() > 60
        else:
            quarters = [
                changed[top : top + 110, left : left + 150].max() > 60
                for top in (0, 110)
                for left in (0, 150)
            ]
            assert all(quarters)


def test_a_fainter_watermark_changes_less() -> None:
    before = plain((120, 120, 120), (300, 220))
    faint, strong = (
        np.abs(pixels(watermark(before, chance(1), style="tiled", opacity=opacity)) - pixels(before)).mean()
        for opacity in (0.3, 0.9)
    )
    assert strong > 2 * faint


@pytest.mark.parametrize("share", [0.1, 0.3, 0.55])
@pytest.mark.parametrize("size", [(240, 160), (120, 300)])
def test_an_overlay_covers_its_share_and_lies_inside(share: float, size: tuple[int, int]) -> None:
    for seed in SEEDS:
        before = plain(MAGENTA, size)
        result = image_overlay(before, chance(seed), GROUND, share=share)
        assert result.size == size
        kept = share_of(result, MAGENTA, 3)
        assert 1 - kept == pytest.approx(share, rel=0.12)
        left, top, right, bottom = box_of(result, GREEN, 60)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


def test_a_blend_is_the_weighted_mean() -> None:
    picture, other = photograph("lemurs"), photograph("owl")
    result = blend(picture, chance(0), others_of(other.resize(picture.size)), opacity=0.25)
    expected = 0.75 * pixels(picture) + 0.25 * pixels(other.resize(picture.size))
    assert np.abs(pixels(result) - expected).max() < 1.01


@pytest.mark.parametrize(("count", "coverage"), [(1, 0.06), (3, 0.2), (6, 0.45)])
def test_redactions_hide_their_share(count: int, coverage: float) -> None:
    before = noise()
    found = [covered(redact(before, chance(seed), count=count, coverage=coverage), before) for seed in SEEDS]
    assert max(found) <= coverage * 1.06
    assert float(np.mean(found)) > 0.75 * coverage


def test_redactions_are_of_three_kinds() -> None:
    before = noise()
    spreads = []
    for seed in SEEDS:
        values = pixels(redact(before, chance(seed), count=1, coverage=0.3))
        changed = np.abs(values - pixels(before)).max(axis=2) > 3
        spreads.append(len(np.unique(values[changed], axis=0)))
    assert min(spreads) == 1
    assert max(spreads) > 50


def test_scribbles_are_as_wide_as_their_pen() -> None:
    before = plain((120, 120, 120), (300, 220))
    thin, thick = (
        float(np.mean([covered(scribbles(before, chance(s), lines=3, width=width), before) for s in SEEDS]))
        for width in (0.01, 0.04)
    )
    assert thick > 2.5 * thin


@pytest.mark.parametrize("share", [0.03, 0.2])
def test_a_logo_lies_in_a_corner(share: float) -> None:
    before = plain((120, 120, 120), (300, 220))
    for seed in SEEDS:
        result = logo(before, chance(seed), share=share)
        assert 0.2 * share < covered(result, before) <= share * 1.05
        changed = np.abs(pixels(result) - pixels(before)).max(axis=2) > 3
        rows, columns = np.nonzero(changed)
        assert columns.min() < 15 or columns.max() > 285
        assert rows.min() < 15 or rows.max() > 205


@pytest.mark.parametrize("share", [0.15, 0.3, 0.55])
def test_memes_write_on_bars_or_on_the_picture(share: float) -> None:
    outlined = 0
    for seed in SEEDS:
        before = plain(MAGENTA)
        result = meme(before, chance(seed), share=share)
        if result.size == before.size:
            outlined += 1
            assert covered(result, before) > 0.01
            middle = pixels(result)[75:85]
            assert (np.abs(middle - np.array(MAGENTA)).max(axis=2) < 3).mean() > (0.9 if share < 0.5 else 0.3)
        else:
            assert share_of(result, MAGENTA, 3) == pytest.approx(1 - share, abs=0.03)
            assert share_of(result, (0, 0, 0), 90) > 0.005
    assert 0 < outlined < len(SEEDS)


@pytest.mark.parametrize("coverage", [0.06, 0.2, 0.5])
def test_text_stays_within_its_box(coverage: float) -> None:
    before = plain((120, 120, 120), (300, 220))
    found = [covered(text(before, chance(seed), coverage=coverage), before) for seed in SEEDS]
    assert max(found) <= coverage * 1.05
    assert min(found) > 0.003


@pytest.mark.parametrize("height", [0.12, 0.45])
def test_a_banner_lies_across_the_lower_part(height: float) -> None:
    before = plain((120, 120, 120), (300, 220))
    for seed in SEEDS:
        result = banner(before, chance(seed), height=height)
        changed = np.abs(pixels(result) - pixels(before)).max(axis=2) > 3
        rows = np.flatnonzero(changed.any(axis=1))
        assert len(rows) == pytest.approx(height * 220, abs=2)
        assert rows.min() > 220 * (1 - height - 0.07) - 2
        assert changed[rows].mean() > 0.97


OVERLAYS = [
    "banner",
    "image_overlay",
    "logo",
    "redact",
    "scribbles",
    "stickers",
    "stripes",
    "text",
    "watermark",
]


def mean_covered(name: str, strength: Strength) -> float:
    before = noise()
    return float(
        np.mean([covered(edit(name).apply(before, strength, chance(seed), GROUND), before) for seed in SEEDS])
    )


@pytest.mark.parametrize("name", OVERLAYS)
def test_more_is_covered_the_harder(name: str) -> None:
    found = [mean_covered(name, strength) for strength in STRENGTHS]
    assert found == sorted(found)
    assert found[2] > 1.5 * found[0]
