"""Training descriptors in, their mean out; rows in, rows as seen from that mean, of length one, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.postprocess.rows import checked_rows, mean_row
from copylens.postprocess.step import Step
from copylens.postprocess.unit_length import l2_normalised
from copylens.records import Descriptors


@dataclass
class Centring(Step):
    """Subtract the mean of the training rows, then L2-normalise; spelled ``centre``.

    Attributes:
        mean_: ``(C,) float64`` after `fit`.
    """

    learned: ClassVar[tuple[str, ...]] = ("mean_",)

    mean_: npt.NDArray[np.float64] | None = None

    @property
    def text(self) -> str:
        """``centre``."""
        return "centre"

    def fit(self, rows: npt.NDArray[Any]) -> Centring:
        """Learn from ``(N, C)`` training rows.

        Raises:
            UsageError: no rows, another shape or type, or values that are not finite.
        """
        values = checked_rows(rows, what="Training descriptors")
        if not len(values):
            raise UsageError("Centring needs at least one training row.")
        self.mean_ = mean_row(values)
        return self

    def transform(self, rows: npt.NDArray[Any]) -> Descriptors:
        """``(N, C)`` rows to ``(N, C) float32``; a row that equals the mean becomes zero.

        Raises:
            UsageError: not fitted, or rows of another shape or type, or that are not finite.
        """
        if self.mean_ is None:
            raise UsageError("The centring is not fitted yet: call fit first.")
        return l2_normalised(checked_rows(rows, dims=len(self.mean_)) - self.mean_)
