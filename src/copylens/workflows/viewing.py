"""The name of a set of views in; the views, and the scores from which a model's pictures match with them, out."""

from __future__ import annotations

from typing import get_args

from copylens.errors import UsageError
from copylens.images import VIEW_SETS, view_key
from copylens.matching import Limits
from copylens.models import ModelPackage, ViewCalibration
from copylens.records import INSETS, View
from copylens.workflows.settings import ViewsName

PENALTIES: dict[ViewsName, float] = {"whole": 0.0, "fast": 0.0, "balanced": 0.045, "thorough": 0.065}
"""Taken off the scores of views where a model's card does not say; measured, see docs/models.md."""


def check_views(name: str) -> ViewsName:
    """Return the name of a set of views; raises UsageError for any other text."""
    for known in get_args(ViewsName):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"--views: there are none called {name!r}; choose {', '.join(get_args(ViewsName))}.")


def views_of(name: ViewsName) -> tuple[View, ...]:
    """The views of a set, beside the whole picture; none for ``"whole"``."""
    return VIEW_SETS[name]


def limits_of(package: ModelPackage, name: ViewsName, *, threshold: float | None = None) -> Limits:
    """From which score on pictures match when they are described by a set of views.

    A model that was calibrated with these views promises as many false matches as with one; for another its own
    threshold stands, and views' scores lose `PENALTIES`. Insets lose nothing.

    Args:
        package: the model.
        name: of the set.
        threshold: the user's own; None takes the model's.
    """
    measured = _measured(package, name)
    own = package.calibration.threshold if measured is None else measured.threshold
    penalty = PENALTIES[name] if measured is None else measured.penalty
    return Limits(own if threshold is None else threshold, penalty, free_views(name))


def promised_rate(package: ModelPackage, name: ViewsName) -> float | None:
    """False matches per million unrelated pairs at the model's own threshold; None where nobody measured."""
    measured = name == "whole" or _measured(package, name) is not None
    return package.calibration.false_matches_per_million_pairs if measured else None


def _measured(package: ModelPackage, name: ViewsName) -> ViewCalibration | None:
    """What the card says of a set of views; nothing, where it is of other views than this version cuts."""
    found = package.calibration.views.get(name)
    return found if found is not None and found.keys == keys_of(name) else None


def free_views(name: ViewsName) -> int:
    """How many views of a set, its first, lose no penalty.

    An inset is one part that was found; fixed parts are many that were tried, each with a chance to be like something.
    """
    return sum(view in INSETS for view in views_of(name))


def keys_of(name: ViewsName) -> tuple[str, ...]:
    """What the catalog calls the views of a set."""
    return tuple(view_key(view) for view in views_of(name))
