"""What finds pictures inside pictures, joined with the pictures' room; and pairs that an inset made, with its box."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from copylens.matching import Pairs
from copylens.models import InsetNetwork
from copylens.records import INSET_KEYS, INSETS, View


def finder_for(views: Sequence[View]) -> InsetNetwork | None:
    """The finder where insets are among the views; raises EngineError when its graph cannot be loaded."""
    return inset_finder() if any(view in INSETS for view in views) else None


@functools.lru_cache(maxsize=1)
def inset_finder() -> InsetNetwork:
    """The bundled finder, loaded once; raises EngineError when its graph cannot be loaded."""
    return InsetNetwork()


def place_insets(
    pairs: Pairs, views: Sequence[View], insets: Mapping[int, Mapping[str, View]]
) -> tuple[Pairs, tuple[View, ...]]:
    """Say of each pair that an inset made where that one lies.

    Args:
        pairs: with the origins of joins: numbers of `views`, from 1 on.
        views: that pictures were described by; `INSETS` among them have other boxes in each picture.
        insets: where they lie, by number of the picture in `pairs` and by key.

    Returns:
        The same pairs, and the views that their origins speak of now: those given, and one more for every inset that
        made a pair.
    """
    if pairs.origins is None:
        return pairs, tuple(views)
    origins, seen = pairs.origins.copy(), list(views)
    for key, inset in zip(INSET_KEYS, INSETS, strict=True):
        if inset not in views:
            continue
        rows = np.flatnonzero(np.abs(pairs.origins) == views.index(inset) + 1)
        signs = np.sign(pairs.origins[rows])
        pictures = np.where(signs > 0, pairs.first[rows], pairs.second[rows])
        distinct, place = np.unique(pictures, return_inverse=True)
        origins[rows] = signs * (len(seen) + 1 + place)
        seen += [insets[picture][key] for picture in distinct.tolist()]
    return replace(pairs, origins=origins), tuple(seen)
