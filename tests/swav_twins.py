"""SwAV as loops over single numbers in float64, from the pseudo-code and equations of Caron et al. 2020."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]


def wave(*shape: int, seed: float) -> Numbers:
    """Numbers that can be written down anywhere: ``sin((i + 1) (1.3 + seed))`` for the i-th."""
    count = math.prod(shape)
    made: Numbers = np.sin(np.arange(1, count + 1) * (1.3 + seed)).reshape(shape)
    return made


def unit(rows: Numbers) -> Numbers:
    """Rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def sinkhorn_twin(scores: Numbers, *, epsilon: float, iterations: int) -> Numbers:
    """Codes ``(N, K)``: a matrix of exponentials whose prototypes and rows are divided by their sums in turn."""
    rows, prototypes = scores.shape
    q = [[math.exp(float(scores[n, k]) / epsilon) for k in range(prototypes)] for n in range(rows)]
    for _ in range(iterations):
        for k in range(prototypes):
            total = sum(q[n][k] for n in range(rows))
            for n in range(rows):
                q[n][k] *= 1.0 / prototypes / total
        for n in range(rows):
            total = sum(q[n])
            q[n] = [value / rows / total for value in q[n]]
    codes: Numbers = np.array(q) * rows
    return codes


def prediction_twin(scores: Numbers, temperature: float) -> list[float]:
    """One row's softmax over the prototypes."""
    powers = [math.exp(float(score) / temperature) for score in scores]
    return [power / sum(powers) for power in powers]


def swav_twin(
    views: Sequence[Numbers],
    prototypes: Numbers,
    *,
    large: int = 2,
    temperature: float = 0.1,
    epsilon: float = 0.05,
    iterations: int = 3,
    queue: Sequence[Numbers] | None = None,
    single: npt.NDArray[np.bool_] | None = None,
    codes: Sequence[Numbers] | None = None,
    hard: bool = False,
) -> float:
    """The loss of rows ``(B, d)`` of length 1, one array a view, the large views first.

    Args:
        views: rows of each view.
        prototypes: ``(K, d)``.
        large: number of large views.
        temperature, epsilon, iterations: as in the paper.
        queue: former rows of each large view.
        single: ``(views, B)``; the others are as if they were not there.
        codes: found already; the gradient stops there.
        hard: codes are rounded to one prototype.
    """
    pictures = len(views[0])
    whole = np.ones((len(views), pictures), bool) if single is None else single
    if codes is None:
        codes = codes_twin(
            views[:large],
            prototypes,
            epsilon=epsilon,
            iterations=iterations,
            queue=queue,
            single=whole,
            hard=hard,
        )
    terms = []
    for i in range(large):
        for v in range(len(views)):
            for b in range(pictures):
                if v != i and whole[i, b] and whole[v, b]:
                    scores = np.array([float(views[v][b] @ prototype) for prototype in prototypes])
                    predicted = prediction_twin(scores, temperature)
                    terms.append(-sum(q * math.log(p) for q, p in zip(codes[i][b], predicted, strict=True)))
    return sum(terms) / len(terms) if terms else 0.0


def codes_twin(
    views: Sequence[Numbers],
    prototypes: Numbers,
    *,
    epsilon: float,
    iterations: int,
    queue: Sequence[Numbers] | None,
    single: npt.NDArray[np.bool_],
    hard: bool = False,
) -> list[Numbers]:
    """Codes ``(B, K)`` of each large view, over its rows and its queue; zeros where a view takes no part."""
    found = []
    for i, view in enumerate(views):
        rows = np.flatnonzero(single[i])
        matrix = view[rows] if queue is None else np.concatenate([queue[i], view[rows]])
        code = np.zeros((len(view), len(prototypes)))
        if len(rows):
            shared = sinkhorn_twin(matrix @ prototypes.T, epsilon=epsilon, iterations=iterations)
            code[rows] = shared[len(matrix) - len(rows) :]
        if hard:
            code = np.array([[float(k == row.argmax()) for k in range(len(prototypes))] for row in code])
        found.append(code)
    return found


def slope(function: Callable[[Numbers], float], at: Numbers, step: float = 1e-6) -> Numbers:
    """The gradient by central differences, entry by entry."""
    result = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        result[place] = (function(up) - function(down)) / (2 * step)
    return result
