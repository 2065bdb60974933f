"""What one hit adds to an average precision, from the numbers of hits and of candidates before it.

Two rules are in use. "plain" is the one of DISC2021 and of most of the literature: the precision at the hit itself.
"trapezoid" is the one of the Copydays protocol (Jégou, Douze, Schmid 2008; the evaluation of INRIA Holidays and
Copydays): the area under straight lines between the points of the curve, so the mean of the precision just before
the hit and at the hit; before the first candidate of all the precision is 1.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.evaluation.nouns import Ints

Floats: TypeAlias = npt.NDArray[np.float64]

AveragePrecisionRule: TypeAlias = Literal["plain", "trapezoid"]


def gains(hits_before: Ints, rank: Ints, rule: AveragePrecisionRule) -> Floats:
    """Give what each hit adds; their sum divided by the number of true pairs is the average precision.

    Args:
        hits_before: ``(H,) int64``, how many hits come before this one.
        rank: ``(H,) int64``, how many candidates come before this one; at least `hits_before`.
        rule: see this module.

    Returns:
        ``(H,) float64``, 0..1.

    Raises:
        UsageError: another rule.
    """
    if rule not in get_args(AveragePrecisionRule):
        raise UsageError(f'There is no rule "{rule}" for average precision; choose "plain" or "trapezoid".')
    at_hit: Floats = (hits_before + 1) / (rank + 1)
    if rule == "plain":
        return at_hit
    before = np.where(rank == 0, 1.0, hits_before / np.maximum(rank, 1))
    return np.asarray((before + at_hit) / 2)
