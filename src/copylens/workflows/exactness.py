"""Near matches in, those of equal pixels out: only pairs that could be equal are decoded again at full size."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from copylens.catalog import Catalog, CatalogImage
from copylens.errors import ImageError
from copylens.images import pixel_hash, read_file
from copylens.matching import Pairs
from copylens.workflows.settings import Progress

CERTAIN = 0.97
"""Equal pixels score 1 up to scaled decoding of JPEG, which moves a score by less than 0.03."""


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
        Row pairs ``(first, second)`` as they stand in `pairs`.
    """
    shapes = np.array([(c.facts.width, c.facts.height) for c in contents]).reshape(-1, 2)
    same_shape = (shapes[pairs.first] == shapes[pairs.second]).all(axis=1)
    rows = np.flatnonzero(same_shape & (pairs.scores >= CERTAIN))
    candidates = list(zip(pairs.first[rows].tolist(), pairs.second[rows].tolist(), strict=True))
    wanted = sorted({row for pair in candidates for row in pair})
    hashes = _hashes(catalog, [contents[row] for row in wanted], workers, progress)
    by_row = dict(zip(wanted, hashes, strict=True))
    return {(a, b) for a, b in candidates if by_row[a] is not None and by_row[a] == by_row[b]}


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
        return pixel_hash(read_file(content.facts.path))
    except ImageError:
        # It vanished since it was described: then nobody can say that its pixels are equal, and it stays "near".
        return None
