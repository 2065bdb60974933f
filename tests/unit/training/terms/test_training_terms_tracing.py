"""The overlap of cells by points against exact clipping of polygons, and what must hold for any two views."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.training.augment import OPERATORS, Augmenter, AugmentSettings
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import Traces
from copylens.training.terms.tracing import POINTS, Grid, cell_overlap, cell_points
from picture_batches import picture_batch
from polygon_overlap import exact_overlap

PICTURES = 6
FREE = ("crop", "rotate", "perspective", "flip", "rotate90")


def two_views(
    *operators: str, seed: int = 0, mixing: MixingSettings | None = None, pictures: int = PICTURES
) -> tuple[Traces, Traces]:
    chances = {name: float(name in operators) for name in OPERATORS}
    augmenter = Augmenter(AugmentSettings(probability=chances), 16)
    batch = picture_batch(pictures, side=16)
    views = make_views(augmenter, batch, mixing or MixingSettings(), seed=seed, epoch=0, step=0, trace=True)
    assert views.traces is not None
    return views.traces.rows(slice(0, pictures)), views.traces.rows(slice(pictures, None))


def plain(*maps: np.ndarray) -> Traces:
    """Views that show nothing but their picture."""
    count = len(maps)
    shown, covered = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.zeros(1, 4)
    stacked = torch.from_numpy(np.stack(maps)).float()
    return Traces(stacked, shown.expand(count, 4), covered.expand(count, 4))


WHOLE = np.eye(3)
MIRRORED = np.array([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
LEFT_HALF = np.diag([0.5, 1.0, 1.0])
RIGHT_HALF = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("operators", "grid", "most"),
    [
        (("crop", "flip"), (3, 3), 0.05),
        (("crop", "inset"), (2, 4), 0.05),
        (("crop", "screenshot", "rotate90"), (3, 3), 0.05),
        (("crop", "overlay"), (3, 3), 0.05),
        (("crop", "rotate"), (4, 3), 0.08),
        (("perspective",), (3, 3), 0.08),
        ((*FREE, "overlay"), (4, 4), 0.08),
        ((*FREE, "border"), (3, 3), 0.08),
    ],
)
def test_shares_are_those_of_clipped_polygons(operators: tuple[str, ...], grid: Grid, most: float) -> None:
    a, b = two_views(*operators)
    found = cell_overlap(a, b, grid).double().numpy()
    exact = np.stack([exact_overlap(a, b, row, grid) for row in range(PICTURES)])
    error = np.abs(found - exact)
    assert (exact > 0.0).any()
    assert error.max() < most
    assert error[exact > 0.0].mean() < 0.012
    assert np.abs(found.sum(2) - exact.sum(2)).max() < 0.05


def test_cut_in_pictures_are_clipped_out_too() -> None:
    a, b = two_views("crop", mixing=MixingSettings(probability=1.0, mixup_share=0.0))
    exact = np.stack([exact_overlap(a, b, row, (3, 3)) for row in range(PICTURES)])
    assert np.abs(cell_overlap(a, b, (3, 3)).numpy() - exact).max() < 0.05
    uncovered = cell_overlap(Traces(a.maps, a.shown, b.covered * 0), b, (3, 3))
    assert (cell_overlap(a, b, (3, 3)) < uncovered).any()


def test_a_view_meets_itself_cell_by_cell() -> None:
    for grid in ((1, 1), (2, 5), (7, 7)):
        cells = grid[0] * grid[1]
        assert torch.equal(cell_overlap(plain(WHOLE), plain(WHOLE), grid)[0], torch.eye(cells))


def test_a_mirrored_view_meets_the_mirrored_cells() -> None:
    found = cell_overlap(plain(WHOLE), plain(MIRRORED), (2, 3))[0].view(2, 3, 2, 3)
    assert torch.equal(found.flip(3).reshape(6, 6), torch.eye(6))


def test_a_half_is_seen_in_full_and_its_whole_in_half() -> None:
    half_in_whole = cell_overlap(plain(LEFT_HALF), plain(WHOLE), (1, 4))[0]
    assert torch.equal(half_in_whole, torch.eye(4)[[0, 0, 1, 1]])
    whole_in_half = cell_overlap(plain(WHOLE), plain(LEFT_HALF), (1, 4))[0]
    assert whole_in_half[:2].sum(1).tolist() == [1.0, 1.0]
    assert whole_in_half[0, :2].tolist() == pytest.approx([0.5, 0.5], abs=1 / POINTS)
    assert not whole_in_half[2:].any()


def test_halves_of_one_picture_have_nothing_in_common() -> None:
    assert not cell_overlap(plain(LEFT_HALF), plain(RIGHT_HALF), (3, 3)).any()


def test_frames_and_covers_hide_on_either_side() -> None:
    box = torch.tensor([[0.0, 0.0, 0.5, 1.0]])
    whole = plain(WHOLE)
    framed = Traces(whole.maps, box, whole.covered)
    hidden = Traces(whole.maps, whole.shown, box)
    left, right = torch.diag(torch.tensor([1.0, 0.0])), torch.diag(torch.tensor([0.0, 1.0]))
    assert torch.equal(cell_overlap(framed, whole, (1, 2))[0], left)
    assert torch.equal(cell_overlap(whole, framed, (1, 2))[0], left)
    assert torch.equal(cell_overlap(hidden, whole, (1, 2))[0], right)
    assert torch.equal(cell_overlap(whole, hidden, (1, 2))[0], right)
    assert not cell_overlap(framed, hidden, (1, 2)).any()


def test_nothing_is_seen_beyond_a_horizon() -> None:
    # x / (1 - x / 0.6): the horizon runs through the view at x = 0.6, and mirrors the picture behind it.
    tilted = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1 / 0.6, 0.0, 1.0]])
    found = cell_overlap(plain(tilted), plain(WHOLE), (1, 5))[0]
    assert found[0].sum() > 0.5
    assert not found[3:].any()
    back = cell_overlap(plain(WHOLE), plain(tilted), (1, 5))[0]
    assert not back[:, 3:].any()


def test_a_map_that_flattens_the_picture_gives_nothing() -> None:
    flat = np.diag([1.0, 0.0, 1.0])
    found = cell_overlap(plain(WHOLE), plain(flat), (2, 2))
    assert torch.isfinite(found).all()
    assert not found.any()


@given(
    operators=st.sets(st.sampled_from([*FREE, "inset", "caption", "overlay"])),
    seed=st.integers(0, 2**31),
    grid=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
@settings(max_examples=30, deadline=None)
def test_what_holds_for_any_two_views(operators: set[str], seed: int, grid: Grid) -> None:
    a, b = two_views(*operators, seed=seed)
    found = cell_overlap(a, b, grid)
    assert found.shape == (PICTURES, grid[0] * grid[1], grid[0] * grid[1])
    assert found.dtype == torch.float32
    assert found.min() >= 0.0
    assert found.sum(2).max() <= 1.0 + 1e-6
    # No cell is seen further than it shows its picture.
    assert (found.sum(2) <= cell_overlap(a, a, grid).sum(2) + 1e-6).all()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert torch.equal(cell_overlap(a.rows(order), b.rows(order), grid), found[order])


def test_points_fill_every_cell_alike() -> None:
    points = cell_points((2, 3), torch.device("cpu")).view(3, 2, 3, POINTS)
    x, y = points[0] * 3 - torch.arange(3)[None, :, None], points[1] * 2 - torch.arange(2)[:, None, None]
    for part in (x, y):
        lines = (torch.arange(POINTS) + 0.5) / POINTS
        assert torch.allclose(part.sort(2).values, lines.expand(2, 3, -1), atol=1e-5)
