"""Matches in, those of equal pixels out: only pairs that could be equal are decoded again at full size."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from copylens.catalog import Catalog, CatalogImage
from copylens.errors import ImageError
from copylens.images import content_hash, pixel_hash, read_file
from copylens.matching import Pairs
from copylens.workflows.settings import Progress

CERTAIN = 0.97
"""Equal pixels from one format reach the network alike, and score 1 but for turns and rounding."""


def pixel_equal_pairs(
    catalog: Catalog,
    contents: Sequence[CatalogImage],
    pairs: Pairs,
    *,
    workers: int,
    progress: Progress,
) -> set[tuple[int, int]]:
    """Which pairs of contents hold the same pixels though not the same bytes.

    Args:
        catalog: remembers each pixel hash, so that it is computed once.
        contents: one image per row that `pairs` speaks of.
        pairs: matches between those rows.
        workers: decoding threads.
        progress: called as ``progress("verify", done, total)``.

    Returns:
        Row pairs ``(first, second)`` as they stand in `pairs`. A file that vanished or changed since it was
        described is equal to none: nobody can tell any more.
    """
    rows = np.flatnonzero(_possible(contents, pairs))
    first, second = pairs.first[rows], pairs.second[rows]
    wanted = np.unique(np.concatenate((first, second))).tolist()
    hashes = _hashes(catalog, [contents[row] for row in wanted], workers, progress)
    # Numbers in place of hashes: there may be millions of pairs.
    numbers: dict[str, int] = {}
    number_of = np.full(len(contents), -1)
    for row, value in zip(wanted, hashes, strict=True):
        if value is not None:
            number_of[row] = numbers.setdefault(value, len(numbers))
    equal = (number_of[first] == number_of[second]) & (number_of[first] >= 0)
    return set(zip(first[equal].tolist(), second[equal].tolist(), strict=True))


def _possible(contents: Sequence[CatalogImage], pairs: Pairs) -> npt.NDArray[np.bool_]:
    """Pairs of two contents of one shape; those of one format only when the score is as good as 1.

    Of two formats any score will do: a large JPEG is decoded at a reduced scale, another picture averaged, and for
    fine patterns the two differ by far more than rounding.
    """
    shapes = np.array([(c.facts.width, c.facts.height) for c in contents]).reshape(-1, 2)
    formats = np.array([c.facts.format for c in contents], dtype=np.str_)
    same_shape = (shapes[pairs.first] == shapes[pairs.second]).all(axis=1)
    alike = (pairs.scores >= CERTAIN) | (formats[pairs.first] != formats[pairs.second])
    possible: npt.NDArray[np.bool_] = same_shape & alike & (pairs.first != pairs.second)
    return possible


def _hashes(
    catalog: Catalog, contents: Sequence[CatalogImage], workers: int, progress: Progress
) -> list[str | None]:
    known = catalog.pixel_hashes([content.content_id for content in contents])
    missing = [content for content in contents if content.content_id not in known]
    fresh: dict[int, str] = {}
    with ThreadPoolExecutor(workers) as pool:
        for done, (content, value) in enumerate(zip(missing, pool.map(_hash, missing), strict=True), start=1):
            if value is not None:
                fresh[content.content_id] = value
            progress("verify", done, len(missing))
    if fresh:
        catalog.set_pixel_hashes(fresh)
    known |= fresh
    return [known.get(content.content_id) for content in contents]


def _hash(content: CatalogImage) -> str | None:
    try:
        data = read_file(content.facts.path)
        # The catalog keeps the hash under the content's name, so it must be of that content.
        return pixel_hash(data) if content_hash(data) == content.facts.content_hash else None
    except ImageError:
        return None
