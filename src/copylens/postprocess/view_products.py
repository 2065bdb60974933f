"""Descriptors of views and of whole pictures in, the scores of each with each out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NO_VIEW = np.float32(-2.0)
"""The score of a view that a picture lacks: below that of any two pictures, so it never decides."""


def view_products(views: npt.NDArray[np.float32], wholes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores of views ``(M, D)`` with wholes ``(N, D)``, ``(M, N) float32``.

    A row of zeros is no view. It scores `NO_VIEW`, and no product is made of it: most insets were not found.
    """
    there = views.any(axis=1)
    scores = np.full((len(views), len(wholes)), NO_VIEW, np.float32)
    scores[there] = views[there] @ wholes.T
    return scores
