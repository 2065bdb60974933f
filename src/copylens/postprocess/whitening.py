"""Training descriptors in, an affine map out: centring, PCA, whitening, foldable into a network's last layer.

Shapes: N training rows, C input and D output dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.postprocess.rows import Rows, blocks, checked_rows, mean_row
from copylens.postprocess.step import Step, spelled
from copylens.postprocess.unit_length import l2_normalised
from copylens.records import Descriptors

FLAT = 1e-10
"""An axis with less than this part of the strongest one's variance is rounding that whitening magnifies."""


@dataclass
class PCAWhitening(Step):
    """Centre, keep the strongest principal axes, divide each by a power of its deviation, normalise.

    ``power=1`` is FAISS's ``PCAW{dims},L2norm`` (Pizzi et al. 2022, section 5.1), spelled ``pcaw256``;
    ``power=0`` is plain PCA, ``pca256``; and what lies between whitens in part, ``pcaw256:power=0.5``, which
    suits networks whose weak axes are mostly noise.

    Attributes:
        dims: D, at most the number of input dimensions and less than the number of training rows.
        power: of the deviation that each axis is divided by, 0 to 1.
        mean_: ``(C,) float64`` after `fit`.
        matrix_: ``(D, C) float64`` after `fit`.
    """

    learned: ClassVar[tuple[str, ...]] = ("mean_", "matrix_")

    dims: int
    power: float = 1.0
    mean_: npt.NDArray[np.float64] | None = None
    matrix_: npt.NDArray[np.float64] | None = None

    @property
    def text(self) -> str:
        """``pcawD``, ``pcaD`` or ``pcawD:power=P``."""
        if self.power == 0:
            return f"pca{self.dims}"
        return f"pcaw{self.dims}" + ("" if self.power == 1 else f":power={spelled(self.power)}")

    def check(self) -> None:
        """Refuse dimensions or a power that cannot be meant.

        Raises:
            UsageError: names the parameter and its range.
        """
        if self.dims < 1:
            raise UsageError(f"PCA needs at least 1 dimension, not {self.dims}.")
        if not 0 <= self.power <= 1:
            raise UsageError(f"The power of the whitening must be between 0 and 1, not {self.power:g}.")

    def fit(self, rows: npt.NDArray[Any]) -> PCAWhitening:
        """Learn from ``(N, C)`` training rows; beside them, the memory of one block is needed.

        Raises:
            UsageError: the rows have fewer independent directions than the dimensions wanted, or another shape
                or type, or values that are not finite; or parameters that cannot be meant.
        """
        self.check()
        values = checked_rows(rows, what="Training descriptors")
        if min(len(values) - 1, values.shape[1]) < self.dims:
            raise UsageError(
                f"{self.dims} dimensions cannot be learned from {len(values)} rows of {values.shape[1]} numbers; "
                f"more than {self.dims} rows, of at least as many numbers, are needed."
            )
        mean = mean_row(values)
        variances, axes = np.linalg.eigh(_covariance(values, mean))
        strongest = np.argsort(variances)[::-1][: self.dims]
        kept, directions = variances[strongest], axes[:, strongest]
        if kept[-1] <= FLAT * kept[0]:
            raise UsageError(
                f"{self.dims} dimensions cannot be learned: the {len(values)} rows vary in "
                f"{int((kept > FLAT * kept[0]).sum())} directions only; give more rows or fewer dimensions."
            )
        # An axis may point either way; fix it, so that a fit is one fit on every machine.
        directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(self.dims)])
        self.mean_, self.matrix_ = mean, (directions / kept ** (self.power / 2)).T
        return self

    def transform(self, rows: npt.NDArray[Any]) -> Descriptors:
        """``(N, C)`` rows to ``(N, D) float32`` descriptors, L2-normalised.

        Raises:
            UsageError: not fitted, or rows of another shape or type, or that are not finite.
        """
        weight, bias = self.affine()
        values = checked_rows(rows, dims=weight.shape[1])
        return l2_normalised(values.astype(np.float64) @ weight.T + bias)

    def affine(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Weight ``(D, C)`` and bias ``(D,)`` of the linear layer that does the same before the L2 norm.

        Raises:
            UsageError: not fitted.
        """
        if self.mean_ is None or self.matrix_ is None:
            raise UsageError("The whitening is not fitted yet: call fit first.")
        return self.matrix_, -self.matrix_ @ self.mean_


def _covariance(rows: Rows, mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for block in blocks(rows):
        centred = block.astype(np.float64) - mean
        total += centred.T @ centred
    return total / len(rows)
