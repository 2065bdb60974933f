"""Traces of two views in, the exact overlap of their cells out, by clipping one polygon after another in float64."""

from __future__ import annotations

from itertools import product

import numpy as np

from copylens.training.nouns import Traces

Polygon = list[tuple[float, float]]


def area(polygon: Polygon) -> float:
    """By the shoelace formula."""
    following = polygon[1:] + polygon[:1]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(polygon, following, strict=True))) / 2.0


def rectangle(left: float, top: float, right: float, bottom: float) -> Polygon:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def clip(polygon: Polygon, by: Polygon) -> Polygon:
    """What two convex polygons share (Sutherland and Hodgman 1974)."""
    turn = sum(x * v - u * y for (x, y), (u, v) in zip(by, by[1:] + by[:1], strict=True))
    for (x, y), (u, v) in zip(by, by[1:] + by[:1], strict=True):
        sides = [((u - x) * (q - y) - (v - y) * (p - x)) * (1.0 if turn > 0 else -1.0) for p, q in polygon]
        kept: Polygon = []
        for n, point in enumerate(polygon):
            before, side, former = polygon[n - 1], sides[n], sides[n - 1]
            if (side >= 0.0) != (former >= 0.0):
                part = former / (former - side)
                kept.append(
                    (before[0] + part * (point[0] - before[0]), before[1] + part * (point[1] - before[1]))
                )
            if side >= 0.0:
                kept.append(point)
        polygon = kept
        if len(polygon) < 3:
            return []
    return polygon


def moved(polygon: Polygon, matrix: np.ndarray) -> Polygon:
    """Through a homography that has all of it in front."""
    seen = [matrix @ np.array([x, y, 1.0]) for x, y in polygon]
    assert all(point[2] > 0.0 for point in seen)
    return [(float(x / d), float(y / d)) for x, y, d in seen]


def exact_overlap(traces_a: Traces, traces_b: Traces, row: int, grid: tuple[int, int]) -> np.ndarray:
    """``(C, C)`` of one picture: the part of every cell of view a that is seen in every cell of view b."""
    to_a, to_b = (np.linalg.inv(traces.maps[row].double().numpy()) for traces in (traces_a, traces_b))
    picture = rectangle(0.0, 0.0, 1.0, 1.0)
    shown = [rectangle(*traces.shown[row].tolist()) for traces in (traces_a, traces_b)]
    in_a, in_b = clip(moved(picture, to_a), shown[0]), clip(moved(picture, to_b), shown[1])
    holes = [rectangle(*traces.covered[row].tolist()) for traces in (traces_a, traces_b)]
    # From the one view through the picture to the other, which is in front of both wherever it is seen.
    across = to_a @ traces_b.maps[row].double().numpy()
    height, width = grid
    found = np.zeros((height * width, height * width))
    for j, (down, right) in enumerate(product(range(height), range(width))):
        there = clip(in_b, rectangle(right / width, down / height, (right + 1) / width, (down + 1) / height))
        if not there:
            continue
        here = moved(there, across)
        covered = clip(there, holes[1]) if area(holes[1]) else []
        covered_here = moved(covered, across) if covered else []
        for i, (y, x) in enumerate(product(range(height), range(width))):
            cell = clip(in_a, rectangle(x / width, y / height, (x + 1) / width, (y + 1) / height))
            common = clip(cell, here) if cell else []
            found[i, j] = _without(common, covered_here, holes[0]) * height * width
    return found


def _without(polygon: Polygon, one: Polygon, other: Polygon) -> float:
    """The area of a polygon outside of two others."""
    if not polygon:
        return 0.0
    in_one = clip(polygon, one) if one else []
    in_other = clip(polygon, other) if area(other) else []
    both = clip(in_one, other) if in_one and area(other) else []
    return area(polygon) - area(in_one) - area(in_other) + area(both)
