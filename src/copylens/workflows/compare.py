"""Two pictures in, one verdict out: their score, how they equal each other, and the facts of both."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from copylens.images import content_hash, decode, decode_box, pixel_hash, prepare, read_found
from copylens.records import CopyKind, ImageFacts, ModelIdentity, Pixels
from copylens.workflows.describer import Describer, load_model, naming
from copylens.workflows.settings import PathLike, check_threshold


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict on two pictures.

    Attributes:
        score: inner product of the two descriptors, in [-1, 1].
        threshold: from which a score counts as a copy.
        is_copy: ``score >= threshold``, or the same bytes or pixels.
        kind: how the two equal each other; None when they are not copies.
        first, second: facts of the two files.
        model: which model judged.
    """

    score: float
    threshold: float
    is_copy: bool
    kind: CopyKind | None
    first: ImageFacts
    second: ImageFacts
    model: ModelIdentity

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, keys as the attributes above."""
        return asdict(self)


def compare(
    first: PathLike,
    second: PathLike,
    *,
    model: Describer | PathLike | None = None,
    threshold: float | None = None,
) -> Comparison:
    """Say whether two picture files are copies of one image.

    Args:
        first, second: the files.
        model: a loaded model, or what `load_model` takes.
        threshold: from which a score counts as a copy; None takes the model's own.

    Raises:
        UsageError: a threshold beyond -1 to 1.
        ImageError: one of the files cannot be read; the message names it.
        ModelError: no such model, or the package is damaged.
    """
    if threshold is not None:
        check_threshold(threshold)
    describer = model if isinstance(model, Describer) else load_model(model)
    limit = describer.threshold if threshold is None else threshold
    one, other = (_read(os.fspath(path), describer) for path in (first, second))
    vectors = describer.describe_prepared([prepare(file.pixels, describer.input) for file in (one, other)])
    # Rounding lifts the score of equal rows above 1 by an ulp or two.
    score = min(float(vectors[0] @ vectors[1]), 1.0)
    kind = _equality(one, other)
    if kind is None and score >= limit:
        kind = "near"
    return Comparison(score, limit, kind is not None, kind, one.facts, other.facts, describer.identity)


@dataclass(frozen=True, slots=True)
class _File:
    """One of the two: its bytes, what they say, and the pixels at the scale that suffices."""

    data: bytes
    facts: ImageFacts
    pixels: Pixels


def _read(path: str, describer: Describer) -> _File:
    with naming(path):
        data, file = read_found(path)
        decoded = decode(data, box=decode_box(describer.input))
    size = decoded.facts
    facts = ImageFacts(
        path, file.size, file.mtime_ns, size.width, size.height, size.format, content_hash(data)
    )
    return _File(data, facts, decoded.pixels)


def _equality(one: _File, other: _File) -> CopyKind | None:
    if one.data == other.data:
        return "bytes"
    if (one.facts.width, one.facts.height) != (other.facts.width, other.facts.height):
        return None
    return "pixels" if _pixel_hash(one) == _pixel_hash(other) else None


def _pixel_hash(file: _File) -> str:
    with naming(file.facts.path):
        return pixel_hash(file.data)
