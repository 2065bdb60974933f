"""Two pictures in, one verdict out: their score, how they equal each other, and the facts of both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.images import Prepared, content_hash, pixel_hash, prepare_views, read_found
from copylens.matching import Limits, is_part
from copylens.records import (
    INSETS,
    CopyKind,
    Descriptors,
    ImageFacts,
    MatchedView,
    ModelIdentity,
    View,
    ViewSide,
)
from copylens.reports import view_document
from copylens.workflows.describer import BATCH, Describer, load_model, naming
from copylens.workflows.insets import finder_for
from copylens.workflows.settings import PathLike, ViewsName, check_threshold
from copylens.workflows.viewing import check_views, limits_of, views_of

ComparisonKind: TypeAlias = CopyKind | Literal["part"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict on two pictures.

    Attributes:
        score: inner product of the two descriptors, in [-1, 1]; with views, the best one, less the penalty where a view
            made it.
        threshold: from which a score counts as a copy.
        is_copy: whether the two show one image and nothing else.
        kind: how the two equal each other; ``"part"`` when one holds the other in a part of it, which makes neither a
            copy that could be removed; None when they share nothing.
        first, second: facts of the two files.
        model: which model judged.
        views: how many views described each picture.
        view: which view made the score; None for the two wholes.
    """

    score: float
    threshold: float
    is_copy: bool
    kind: ComparisonKind | None
    first: ImageFacts
    second: ImageFacts
    model: ModelIdentity
    views: ViewsName = "fast"
    view: MatchedView | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, keys as the attributes above; the view as docs/formats.md says."""
        return {**asdict(self), "view": view_document(self.view)}


def compare(
    first: PathLike,
    second: PathLike,
    *,
    model: Describer | PathLike | None = None,
    views: ViewsName = "fast",
    threshold: float | None = None,
) -> Comparison:
    """Say whether two picture files are copies of one image, or one holds the other.

    Args:
        first, second: the files.
        model: a loaded model, or what `load_model` takes.
        views: ``"whole"`` compares the two whole pictures; ``"fast"`` also a picture that is found inside one of them
            with the whole of the other; ``"balanced"`` and ``"thorough"`` also fixed parts.
        threshold: from which a score counts as a copy; None takes the model's own.

    Raises:
        UsageError: a threshold beyond -1 to 1, or other views.
        ImageError: one of the files cannot be read; the message names it.
        ModelError: no such model, or the package is damaged.
    """
    if threshold is not None:
        check_threshold(threshold)
    name = check_views(views)
    describer = model if isinstance(model, Describer) else load_model(model)
    limits = limits_of(describer.package, name, threshold=threshold)
    one, other = (_read(os.fspath(path), describer, views_of(name)) for path in (first, second))
    score, view = _score(describer, one, other, views_of(name), limits)
    kind: ComparisonKind | None = _equality(one, other)
    if kind is None and score >= limits.threshold:
        kind = "near" if view is None or not is_part(view.view) else "part"
    return Comparison(
        score=score,
        threshold=limits.threshold,
        is_copy=kind not in (None, "part"),
        kind=kind,
        first=one.facts,
        second=other.facts,
        model=describer.identity,
        views=name,
        view=view,
    )


def _score(
    describer: Describer, one: _File, other: _File, views: Sequence[View], limits: Limits
) -> tuple[float, MatchedView | None]:
    """The best score of a whole and a whole or a view, and the view that made it."""
    rows = _described(describer, [one.prepared.whole, other.prepared.whole])
    # Rounding lifts the score of equal rows above 1 by an ulp or two.
    whole = min(float(rows[0] @ rows[1]), 1.0)
    best: tuple[float, MatchedView | None] = (whole, None)
    sides: tuple[tuple[ViewSide, _File, Descriptors], ...] = (
        ("first", one, rows[1]),
        ("second", other, rows[0]),
    )
    for side, file, against in sides:
        found = dict(zip(INSETS, file.prepared.insets, strict=False))
        losses = limits.penalties(len(views))
        made = [
            (found.get(view, view), pixels, loss)
            for view, pixels, loss in zip(views, file.prepared.views, losses, strict=True)
            if pixels is not None
        ]
        if not made:
            continue
        scores = np.minimum(_described(describer, [pixels for _, pixels, _ in made]) @ against, 1.0)
        scores -= [loss for *_, loss in made]
        place = int(scores.argmax())
        if scores[place] > best[0]:
            best = float(scores[place]), MatchedView(side, made[place][0])
    return best


def _described(describer: Describer, inputs: Sequence[npt.NDArray[Any] | None]) -> Descriptors:
    made = [item for item in inputs if item is not None]
    parts = [made[start : start + BATCH] for start in range(0, len(made), BATCH)]
    return np.concatenate([describer.describe_prepared(part) for part in parts])


@dataclass(frozen=True, slots=True)
class _File:
    """One of the two: its bytes, what they say, and what the network is to see."""

    data: bytes
    facts: ImageFacts
    prepared: Prepared


def _read(path: str, describer: Describer, views: Sequence[View]) -> _File:
    with naming(path):
        data, file = read_found(path)
        prepared = prepare_views(data, describer.input, views, finder=finder_for(views))
    size = prepared.facts
    facts = ImageFacts(
        path, file.size, file.mtime_ns, size.width, size.height, size.format, content_hash(data)
    )
    return _File(data, facts, prepared)


def _equality(one: _File, other: _File) -> CopyKind | None:
    if one.data == other.data:
        return "bytes"
    if (one.facts.width, one.facts.height) != (other.facts.width, other.facts.height):
        return None
    return "pixels" if _pixel_hash(one) == _pixel_hash(other) else None


def _pixel_hash(file: _File) -> str:
    with naming(file.facts.path):
        return pixel_hash(file.data)
