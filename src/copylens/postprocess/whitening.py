"""Training descriptors in, an affine map out: centring, PCA, whitening, foldable into a network's last layer.

Shapes: N training rows, C input and D output dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.records import Descriptors

FLAT = 1e-10
"""An axis with less than this part of the strongest one's variance is rounding that whitening magnifies."""


def l2_normalised(rows: npt.NDArray[Any]) -> Descriptors:
    """Divide rows by their L2 norm, ``(N, D) float32``; a zero row stays zero."""
    values = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.ascontiguousarray(values / np.maximum(norms, 1e-12))


@dataclass
class PCAWhitening:
    """Centre, keep the strongest principal axes, divide each by a power of its deviation, normalise.

    ``power=1`` is FAISS's ``PCAW{dims},L2norm`` (Pizzi et al. 2022, section 5.1), ``power=0`` is plain PCA,
    and what lies between whitens in part, which suits networks whose weak axes are mostly noise.

    Attributes:
        dims: D, at most the number of input dimensions and training rows.
        power: of the deviation that each axis is divided by, 0 to 1.
        mean_: ``(C,) float64`` after `fit`.
        matrix_: ``(D, C) float64`` after `fit`.
    """

    dims: int
    power: float = 1.0
    mean_: npt.NDArray[np.float64] | None = None
    matrix_: npt.NDArray[np.float64] | None = None

    def fit(self, rows: npt.NDArray[Any]) -> PCAWhitening:
        """Learn from ``(N, C)`` training rows.

        Raises:
            UsageError: the rows have fewer independent directions than the dimensions wanted, or values that
                are not finite.
        """
        values = np.asarray(rows, dtype=np.float64)
        if values.ndim != 2 or self.dims < 1 or min(values.shape) < self.dims or len(values) < 2:
            raise UsageError(f"{self.dims} dimensions cannot be learned from rows of shape {values.shape}.")
        if not np.isfinite(values).all():
            raise UsageError("Whitening needs finite training rows.")
        self.mean_ = values.mean(axis=0)
        centred = values - self.mean_
        variances, axes = np.linalg.eigh(centred.T @ centred / len(values))
        strongest = np.argsort(variances)[::-1][: self.dims]
        kept, directions = variances[strongest], axes[:, strongest]
        if kept[-1] <= FLAT * kept[0]:
            raise UsageError(
                f"{self.dims} dimensions cannot be learned: the {len(values)} rows vary in "
                f"{int((kept > FLAT * kept[0]).sum())} directions only; give more rows or fewer dimensions."
            )
        # An axis may point either way; fix it, so that a fit is one fit on every machine.
        directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(self.dims)])
        self.matrix_ = (directions / kept ** (self.power / 2)).T
        return self

    def transform(self, rows: npt.NDArray[Any]) -> Descriptors:
        """``(N, C)`` rows to ``(N, D) float32`` descriptors, L2-normalised.

        Raises:
            UsageError: not fitted yet.
        """
        weight, bias = self.affine()
        return l2_normalised(np.asarray(rows, dtype=np.float64) @ weight.T + bias)

    def affine(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Weight ``(D, C)`` and bias ``(D,)`` of the linear layer that does the same before the L2 norm."""
        if self.mean_ is None or self.matrix_ is None:
            raise UsageError("The whitening is not fitted yet: call fit first.")
        return self.matrix_, -self.matrix_ @ self.mean_
