"""Two pictures in, one verdict out: their score, how they equal each other, and the facts of both."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from copylens.errors import ImageError
from copylens.images import Decoded, content_hash, decode, decode_box, pixel_hash, prepare, read_file
from copylens.records import CopyKind, ImageFacts, ModelIdentity
from copylens.workflows.describer import Describer, load_model
from copylens.workflows.settings import PathLike


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
        ImageError: one of the files cannot be read; the message names it.
        ModelError: no such model, or the package is damaged.
    """
    describer = model if isinstance(model, Describer) else load_model(model)
    limit = describer.threshold if threshold is None else threshold
    read = [_read(str(path), describer) for path in (first, second)]
    facts = [item[1] for item in read]
    vectors = describer.describe_prepared(
        [prepare(decoded.pixels, describer.input) for _, _, decoded in read]
    )
    score = float(vectors[0] @ vectors[1])
    kind = _equality(read[0][0], read[1][0], facts)
    if kind is None and score >= limit:
        kind = "near"
    return Comparison(score, limit, kind is not None, kind, facts[0], facts[1], describer.identity)


def _read(path: str, describer: Describer) -> tuple[bytes, ImageFacts, Decoded]:
    try:
        data = read_file(path)
        decoded = decode(data, box=decode_box(describer.input))
    except ImageError as error:
        raise ImageError(error.code, f"{path}: {error.reason}") from error
    found = Path(path).stat()
    size = decoded.facts
    facts = ImageFacts(
        path, len(data), found.st_mtime_ns, size.width, size.height, size.format, content_hash(data)
    )
    return data, facts, decoded


def _equality(first: bytes, second: bytes, facts: list[ImageFacts]) -> CopyKind | None:
    if facts[0].content_hash == facts[1].content_hash:
        return "bytes"
    if (facts[0].width, facts[0].height) != (facts[1].width, facts[1].height):
        return None
    return "pixels" if pixel_hash(first) == pixel_hash(second) else None
