"""The interface of a post-processing step: text and parameters in, learned arrays and changed rows out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt


class Part(ABC):
    """What a chain is made of: parameters, a spelling, and learned arrays whose names end in ``_``."""

    learned: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that `fit` sets; they are None before."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The canonical spelling: equal parameters, equal text."""

    @property
    def fitted(self) -> bool:
        """Whether there is nothing left to learn."""
        return all(getattr(self, name) is not None for name in self.learned)


class Step(Part):
    """A part that changes queries and references alike."""

    @abstractmethod
    def fit(self, rows: npt.NDArray[Any]) -> Step:
        """Learn from ``(N, C)`` training rows."""

    @abstractmethod
    def transform(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """``(N, C)`` rows to ``(N, D) float32``, contiguous."""


def spelled(value: float) -> str:
    """Write a number as short as it can be read back: ``1``, ``0.5``."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
