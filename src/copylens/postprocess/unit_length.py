"""Rows in, rows of length one out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.postprocess.rows import checked_rows
from copylens.postprocess.step import Step
from copylens.records import Descriptors


def l2_normalised(rows: npt.NDArray[Any]) -> Descriptors:
    """Divide rows by their L2 norm, ``(N, D) float32``; a zero row stays zero.

    A row shorter than 1e-12 stays short: what subtraction leaves of equal numbers must not become a direction.
    """
    values = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.ascontiguousarray(values / np.maximum(norms, 1e-12))


@dataclass
class UnitLength(Step):
    """L2-normalise; spelled ``l2``."""

    @property
    def text(self) -> str:
        """``l2``."""
        return "l2"

    def fit(self, rows: npt.NDArray[Any]) -> UnitLength:
        """Nothing is learned; the rows are only checked.

        Raises:
            UsageError: rows of another shape or type, or that are not finite.
        """
        checked_rows(rows, what="Training descriptors")
        return self

    def transform(self, rows: npt.NDArray[Any]) -> Descriptors:
        """``(N, C)`` rows to ``(N, C) float32``.

        Raises:
            UsageError: rows of another shape or type, or that are not finite.
        """
        return l2_normalised(checked_rows(rows))
