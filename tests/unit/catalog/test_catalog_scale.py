"""A catalog of 20,000 images answers as a small one does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog_samples import facts_of, file_of, hash_of, open_sample
from copylens.catalog import NewContent
from copylens.catalog.store import CHUNK

COUNT = 20_000
DIMS = 64


def test_twenty_thousand_images(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((COUNT, DIMS), dtype=np.float32)
    paths = [f"/photos/{number % 100:02}/{number:05}.jpg" for number in range(COUNT)]
    files = [file_of(path, number) for number, path in enumerate(paths)]
    with open_sample(tmp_path / "c.db", dims=DIMS) as catalog:
        for start in range(0, COUNT, CHUNK):
            chunk = range(start, min(start + CHUNK, COUNT))
            catalog.record([NewContent(files[n], hash_of(n), facts_of(n), rows[n]) for n in chunk])
    with open_sample(tmp_path / "c.db", dims=DIMS) as catalog:
        assert catalog.partition(files).images == files
        images = catalog.images(paths)
        assert [image.facts.path for image in images] == paths
        content_ids = [image.content_id for image in images]
        np.testing.assert_array_equal(catalog.descriptors(content_ids), rows)
        order = np.random.default_rng(1).permutation(COUNT)
        shuffled = catalog.descriptors([content_ids[place] for place in order])
        np.testing.assert_array_equal(shuffled, rows[order])
        seen = {path for path in paths if not path.startswith("/photos/07/")}
        assert catalog.forget_missing(["/photos"], seen, exists=set[str]().__contains__) == COUNT // 100
        assert catalog.prune() == COUNT // 100
        assert catalog.counts() == {"contents": COUNT - 200, "files": COUNT - 200, "skipped": 0}
