"""Views of pictures whose colours are their coordinates: what is read from the pixels is what the traces say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.training.augment import OPERATORS, Augmenter, AugmentSettings
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import NOBODY, PictureBatch, Traces, Views

GEOMETRIC = ("flip", "vertical_flip", "rotate90", "aspect", "rotate", "perspective", "crop")
AROUND = ("inset", "screenshot", "caption", "border", "overlay")
SIDE, OWN = 96, 8
"""Pixels of a stored picture; how many pictures of a batch have their coordinates on them."""
SHAPES = (0.6, 1.0, 1.5, 2.2)


def map_batch(own: int = OWN) -> PictureBatch:
    """Red is x, green is y, blue is full; then as many black pictures, to be partners."""
    ramp = (torch.arange(SIDE) + 0.5) / SIDE * 255.0
    full = torch.full((SIDE, SIDE), 255.0)
    coded = torch.stack([ramp.expand(SIDE, SIDE), ramp[:, None].expand(SIDE, SIDE), full]).round().byte()
    pixels = torch.cat([coded.expand(own, -1, -1, -1), torch.zeros_like(coded).expand(own, -1, -1, -1)])
    aspects = torch.tensor([SHAPES[n % 4] for n in range(2 * own)])
    return PictureBatch(pixels, aspects, torch.arange(2 * own))


def traced(
    *operators: str,
    size: int = 32,
    seed: int = 0,
    own: int = OWN,
    mixing: MixingSettings | None = None,
) -> Views:
    """One view of every picture of `map_batch` under these operators, always."""
    chances = {name: float(name in operators) for name in OPERATORS}
    augmenter = Augmenter(AugmentSettings(probability=chances), size)
    mixing = mixing or MixingSettings()
    return make_views(augmenter, map_batch(own), mixing, seed=seed, epoch=0, step=0, views=1, trace=True)


def naive_point(traces: Traces, row: int, x: float, y: float) -> tuple[float, float] | None:
    """Which point of the picture a point of a view shows, by the words of `Traces`."""
    h = traces.maps[row].double().tolist()
    u, v, d = (h[k][0] * x + h[k][1] * y + h[k][2] for k in range(3))
    if d <= 0.0:
        return None
    left, top, right, bottom = traces.shown[row].tolist()
    if not (left <= x <= right and top <= y <= bottom and 0.0 <= u / d <= 1.0 and 0.0 <= v / d <= 1.0):
        return None
    left, top, right, bottom = traces.covered[row].tolist()
    if left < x < right and top < y < bottom:
        return None
    return u / d, v / d


def naive_points(traces: Traces, row: int, size: int) -> np.ndarray:
    """``(size, size, 2)``; no number where the picture is not seen."""
    centres = (np.arange(size) + 0.5) / size
    points = [[naive_point(traces, row, x, y) or (np.nan, np.nan) for x in centres] for y in centres]
    return np.array(points)


def eroded(mask: np.ndarray) -> np.ndarray:
    """What lies in a mask with all eight neighbours; pixels at an edge are mixed of both sides."""
    padded = np.pad(mask, 1)
    sides = [padded[i : i + len(mask), j : j + len(mask)] for i in range(3) for j in range(3)]
    return np.asarray(np.logical_and.reduce(sides))


def compare(views: Views) -> tuple[int, int]:
    """Read the coordinates back; gives how many pixels were seen, and how many not."""
    assert views.traces is not None
    size, seen, hidden = views.pixels.shape[-1], 0, 0
    for row in range(len(views.pixels) // 2):
        if NOBODY < int(views.sources[row, 1]) < len(views.pixels) // 2:
            continue  # The partner has coordinates too: nothing tells them apart.
        points = naive_points(views.traces, row, size)
        visible = ~np.isnan(points[..., 0])
        red, green, blue = views.pixels[row].double().numpy()
        inside, outside = eroded(visible), eroded(~visible)
        # As far as the next pixel of the view, and one of the stored picture.
        steps = [np.abs(np.diff(points, axis=axis)).max(-1) for axis in (0, 1)]
        reach = np.pad(np.nan_to_num(np.fmax(steps[0][:, :-1], steps[1][:-1])), ((0, 1), (0, 1)), "edge")
        near = np.maximum(abs(red - points[..., 0]), abs(green - points[..., 1])) < 1.5 * reach + 1.0 / SIDE
        assert (blue[inside] > 0.99).all()
        assert near[inside].all()
        alike = near_anywhere(red, green, blue, views.traces, row)
        assert (alike & outside).sum() <= 0.05 * outside.sum() + 1
        seen, hidden = seen + int(inside.sum()), hidden + int(outside.sum())
    return seen, hidden


def near_anywhere(
    red: np.ndarray, green: np.ndarray, blue: np.ndarray, traces: Traces, row: int
) -> np.ndarray:
    """Where a view has the colours that the map alone would give, as if nothing were hidden."""
    size = len(red)
    everything = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(len(traces), 4)
    points = naive_points(replace(traces, shown=everything, covered=torch.zeros(len(traces), 4)), row, size)
    return np.asarray(
        (blue > 0.95) & (abs(red - points[..., 0]) < 0.03) & (abs(green - points[..., 1]) < 0.03)
    )


def test_a_plain_view_is_its_picture() -> None:
    views = traced()
    assert views.traces is not None
    assert len(views.traces) == 2 * OWN
    assert torch.equal(views.traces.maps, torch.eye(3).expand(2 * OWN, 3, 3))
    assert compare(views) == (OWN * 30 * 30, 0)


@pytest.mark.parametrize("operator", [*GEOMETRIC, *AROUND])
def test_every_operator_is_traced(operator: str) -> None:
    # A change of the aspect is seen through a crop only.
    seen, hidden = compare(traced(operator, *(["crop"] if operator == "aspect" else [])))
    assert seen > 1000
    assert (hidden > 100) == (operator in {*AROUND, "rotate", "perspective"})


@pytest.mark.parametrize("around", AROUND)
def test_all_operators_together_are_traced(around: str) -> None:
    seen, hidden = compare(traced(*GEOMETRIC, around))
    assert seen > 500
    assert hidden > 300


@given(
    operators=st.sets(st.sampled_from([*GEOMETRIC, *AROUND])),
    seed=st.integers(0, 2**31),
    size=st.sampled_from([16, 25, 40]),
)
@settings(max_examples=25, deadline=None)
def test_any_composition_is_traced(operators: set[str], seed: int, size: int) -> None:
    compare(traced(*operators, seed=seed, size=size, own=4))


def test_what_is_cut_in_is_covered_and_what_is_blended_is_not_seen() -> None:
    cut = traced("crop", mixing=MixingSettings(probability=1.0, mixup_share=0.0))
    seen, hidden = compare(cut)
    assert seen > 500
    assert hidden > 500
    blended = traced("crop", mixing=MixingSettings(probability=1.0, mixup_share=1.0))
    assert (blended.sources[:, 1] != NOBODY).all()
    assert blended.traces is not None
    assert torch.equal(blended.traces.covered, torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(2 * OWN, 4))
    assert compare(blended) == (0, (OWN - _with_coordinates(blended)) * 30 * 30)


def _with_coordinates(views: Views) -> int:
    own = views.sources[:OWN, 1]
    return int(((own >= 0) & (own < OWN)).sum())


def test_text_stickers_and_colours_leave_the_traces_as_they_are() -> None:
    plain = traced(*GEOMETRIC, "border").traces
    drawn = ("text", "sticker", "scribble", "stripes")
    content = (*drawn, "jitter", "grey", "halftone", "pixelate", "smear", "blur", "noise", "jpeg")
    edited = traced(*GEOMETRIC, "border", *content).traces
    assert plain is not None
    assert edited is not None
    for name in ("maps", "shown", "covered"):
        assert torch.equal(getattr(plain, name), getattr(edited, name)), name


@pytest.mark.parametrize("preset", ["advanced_mixup", "copylens", "copylens_marked"])
def test_tracing_changes_no_pixel_and_is_not_done_unasked(preset: str) -> None:
    augmenter, batch = Augmenter(preset, 24), map_batch()
    mixing = MixingSettings(probability=0.5)
    asked, unasked = (
        make_views(augmenter, batch, mixing, seed=3, epoch=1, step=0, trace=trace) for trace in (True, False)
    )
    assert unasked.traces is None
    assert torch.equal(asked.pixels, unasked.pixels)
    assert torch.equal(asked.sources, unasked.sources)
    assert asked.traces is not None
    assert len(asked.traces) == len(asked.pixels)
    # Row v * B + b is view v of picture b, and traces of chunks come in order.
    for view in range(2):
        alone = augmenter.augment(batch, seed=3, epoch=1, view=view).traces()
        rows = asked.traces.rows(slice(16 * view, 16 * view + 16))
        assert torch.equal(rows.maps, alone.maps)
        assert torch.equal(rows.shown, alone.shown)


def test_traces_of_no_pictures_are_none() -> None:
    batch = map_batch()
    none = PictureBatch(batch.pixels[:0], batch.aspects[:0], batch.keys[:0])
    traces = Augmenter("copylens", 16).augment(none, seed=0, epoch=0, view=0).traces()
    assert (len(traces), traces.shown.shape, traces.covered.shape) == (0, (0, 4), (0, 4))
