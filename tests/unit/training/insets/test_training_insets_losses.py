"""Targets by loops over cells, losses by loops over boxes; perfect answers cost nothing, worse ones more."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from copylens.training.insets.losses import (
    BOX_WEIGHT,
    EDGE_WEIGHT,
    FOUND_WEIGHT,
    LARGEST,
    NOTHING_WEIGHT,
    SMALLEST,
    SPECK,
    UNCLEAR,
    Targets,
    generalised_iou,
    inset_loss,
    overlap,
    targets,
)

CELLS = 10
NONE = [0.0, 0.0, 0.0, 0.0]
ALL = [0.0, 0.0, 1.0, 1.0]


def random_boxes(seed: int, count: int, kinds: int = 2) -> Tensor:
    chance = np.random.default_rng(seed)
    ends = np.sort(chance.uniform(0.0, 1.0, (count, kinds, 2, 2)), axis=2)
    boxes = ends.reshape(count, kinds, 4)
    boxes[chance.random((count, kinds)) < 0.3] = 0.0
    return torch.tensor(boxes, dtype=torch.float32)


def area(box: list[float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def twin_cells(boxes: list[list[float]]) -> list[list[tuple[int, int]]]:
    """What each cell should say, and in the middle of which box it lies."""
    insets = [number for number, box in enumerate(boxes) if SMALLEST <= area(box) <= LARGEST]
    large = [number for number, box in enumerate(boxes) if LARGEST < area(box) < UNCLEAR]
    small = [number for number, box in enumerate(boxes) if SPECK < area(box) < SMALLEST]
    cells = []
    for row in range(CELLS):
        line = []
        for column in range(CELLS):
            x, y = (column + 0.5) / CELLS, (row + 0.5) / CELLS
            around = [n for n in insets + large + small if _within(x, y, boxes[n], 1.0)]
            said = -1 if around or (large and not insets) else 0
            which = 0
            if around:
                smallest = min(around, key=lambda number: area(boxes[number]))
                if smallest in insets and _within(x, y, boxes[smallest], 0.5):
                    said, which = 1, smallest
            line.append((said, which))
        cells.append(line)
    return cells


def _within(x: float, y: float, box: list[float], part: float) -> bool:
    least = 0.5 / CELLS + 1e-4
    across = max((box[2] - box[0]) / 2 * part, least)
    down = max((box[3] - box[1]) / 2 * part, least)
    return abs(x - (box[0] + box[2]) / 2) <= across and abs(y - (box[1] + box[3]) / 2) <= down


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_targets_equal_the_loops(seed: int) -> None:
    boxes = random_boxes(seed, 3, kinds=4)
    wanted = targets(boxes, CELLS)
    assert torch.equal(wanted.boxes, boxes)
    for number in range(3):
        twin = twin_cells(boxes[number].double().tolist())
        assert wanted.cells[number].tolist() == [[said for said, _ in line] for line in twin]
        assert wanted.which[number].tolist() == [[which for _, which in line] for line in twin]
        areas = [area(box) for box in boxes[number].double().tolist()]
        assert wanted.is_inset[number].tolist() == [SMALLEST <= part <= LARGEST for part in areas]


@pytest.mark.parametrize(
    ("boxes", "kinds"),
    [
        ([ALL, NONE], {0}),
        ([[0.0, 0.0, 1.0, 0.8], NONE], {-1}),
        ([[0.3, 0.3, 0.7, 0.7], NONE], {-1, 0, 1}),
        ([ALL, [0.3, 0.3, 0.7, 0.7]], {-1, 0, 1}),
        ([ALL, [0.3, 0.3, 0.35, 0.35]], {0}),
        ([ALL, [0.31, 0.31, 0.42, 0.42]], {-1, 0}),
        ([[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]], {-1, 1}),
        ([[0.0, 0.0, 1.0, 0.8], [0.3, 0.3, 0.7, 0.7]], {-1, 0, 1}),
    ],
)
def test_what_counts_as_an_inset(boxes: list[list[float]], kinds: set[int]) -> None:
    wanted = targets(torch.tensor([boxes]), CELLS)
    assert set(wanted.cells.flatten().tolist()) == kinds
    assert bool(wanted.is_inset[0].any()) == (1 in kinds)


def test_a_small_inset_has_at_least_the_cell_around_its_centre() -> None:
    wanted = targets(torch.tensor([[[0.41, 0.41, 0.58, 0.59], NONE]]), CELLS)
    assert (wanted.cells == 1).any()


def test_of_two_pictures_each_has_its_own_middle_and_box() -> None:
    first, second = [0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
    wanted = targets(torch.tensor([[first, NONE, second]]), CELLS)
    assert wanted.cells[0, 1, 1] == wanted.cells[0, 6, 6] == 1
    assert (int(wanted.which[0, 1, 1]), int(wanted.which[0, 6, 6])) == (0, 2)


def twin_giou(first: list[float], second: list[float]) -> tuple[float, float]:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = area(first) + area(second) - shared
    iou = shared / max(union, 1e-6)
    around = max(
        (max(first[2], second[2]) - min(first[0], second[0]))
        * (max(first[3], second[3]) - min(first[1], second[1])),
        1e-6,
    )
    return iou, iou - (around - union) / around


def test_overlaps_equal_the_loops() -> None:
    first, second = random_boxes(1, 40, 1)[:, 0], random_boxes(2, 40, 1)[:, 0]
    ious, gious = overlap(first, second)[0].tolist(), generalised_iou(first, second).tolist()
    for row in range(40):
        iou, giou = twin_giou(first[row].double().tolist(), second[row].double().tolist())
        assert ious[row] == pytest.approx(iou, abs=1e-5)
        assert gious[row] == pytest.approx(giou, abs=1e-5)


def twin_loss(logits: Tensor, boxes: Tensor, wanted: Targets) -> float:
    cells, found = 0.0, 0
    missed: dict[tuple[int, int], list[float]] = {}
    for scene in range(len(logits)):
        for row in range(CELLS):
            for column in range(CELLS):
                kind = int(wanted.cells[scene, row, column])
                if kind < 0:
                    continue
                sure = 1 / (1 + math.exp(-float(logits[scene, row, column])))
                right = sure if kind else 1 - sure
                cells -= (FOUND_WEIGHT if kind else NOTHING_WEIGHT) * (1 - right) ** 2 * math.log(right)
                if kind:
                    found += 1
                    number = int(wanted.which[scene, row, column])
                    said, box = boxes[scene, :, row, column].tolist(), wanted.boxes[scene, number].tolist()
                    edges = sum(abs(a - b) for a, b in zip(said, box, strict=True)) / 4
                    wrong = 1 - twin_giou(said, box)[1] + EDGE_WEIGHT * edges
                    missed.setdefault((scene, number), []).append(wrong)
    means = [sum(wrong) / len(wrong) for wrong in missed.values()]
    return cells / max(found, 1) + BOX_WEIGHT * sum(means) / max(len(means), 1)


@pytest.mark.parametrize("seed", range(6))
def test_the_loss_equals_the_loops(seed: int) -> None:
    torch.manual_seed(seed)
    wanted = targets(random_boxes(seed, 4, kinds=3), CELLS)
    low = torch.rand(4, 2, CELLS, CELLS) * 0.5
    boxes = torch.cat([low, low + torch.rand(4, 2, CELLS, CELLS) * 0.5], dim=1)
    logits = torch.randn(4, CELLS, CELLS)
    assert float(inset_loss(logits, boxes, wanted)) == pytest.approx(
        twin_loss(logits, boxes, wanted), rel=1e-4
    )


def test_the_gradient_is_that_of_small_differences() -> None:
    torch.manual_seed(0)
    wanted = targets(random_boxes(5, 2).double(), CELLS)
    logits = torch.randn(2, CELLS, CELLS, dtype=torch.float64, requires_grad=True)
    low = torch.rand(2, 2, CELLS, CELLS, dtype=torch.float64) * 0.4
    boxes = torch.cat([low, low + 0.3], dim=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: inset_loss(a, b, wanted), (logits, boxes))


def test_right_answers_cost_nothing_and_no_inset_has_no_boxes_to_miss() -> None:
    for first in ([0.2, 0.3, 0.6, 0.9], ALL):
        wanted = targets(torch.tensor([[first, NONE]]), CELLS)
        logits = torch.where(wanted.cells == 1, 20.0, -20.0)
        boxes = torch.tensor(first).reshape(1, 4, 1, 1).expand(1, 4, CELLS, CELLS)
        assert float(inset_loss(logits, boxes, wanted)) == pytest.approx(0.0, abs=1e-6)
        assert float(inset_loss(-logits, boxes, wanted)) > 5.0
