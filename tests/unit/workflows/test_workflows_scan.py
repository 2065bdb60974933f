"""The scan against the obvious one, on generated pictures and on the bundled photographs."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from copylens.records import Group
from copylens.workflows.describer import load_model
from copylens.workflows.result import ScanResult
from copylens.workflows.scan import scan
from copylens.workflows.settings import DEFAULT_KEEP
from scan_twin import ScanTwin, assert_same, gaps, plain
from strange_pictures import exif, stored_for
from workflow_samples import LOSSLESS_WEBP, SmallModel, picture_bytes, put, scene

PHOTOS = Path(__file__).resolve().parents[3] / "examples" / "photos"
KEEPS = (DEFAULT_KEEP, "newest", "path:edits/*,bytes", "format,oldest")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, most of them with copies of every kind, and what is no picture."""
    root = tmp_path_factory.mktemp("collection")
    for number in range(9):
        put(root / "originals" / f"{number}.png", scene(number))
    for number in range(5):
        pixels = scene(number)
        image = Image.fromarray(pixels)
        put(root / "edits" / f"{number}.jpg", pixels, quality=60 + number)
        put(root / "edits" / f"{number}-small.png", image.resize((40, 30)))
        put(root / "edits" / f"{number}-cut.png", pixels[3:-2, 2:-4])
        put(root / "same" / f"{number}.bmp", pixels)
        shutil.copy(root / "originals" / f"{number}.png", root / "same" / f"{number} again.png")
    changed = scene(1).copy()
    changed[10, 10, 0] ^= 1
    put(root / "edits" / "1-one-pixel.png", changed)
    put(root / "same" / "2.webp", scene(2), **LOSSLESS_WEBP)
    put(root / "same" / "3-turned.png", stored_for(6, scene(3)), exif=exif(6))
    put(root / "same" / "4-alpha.png", Image.fromarray(scene(4)).convert("RGBA"))
    put(root / "broken.png", b"nothing")
    put(root / "cut.jpg", picture_bytes(scene(0), "JPEG")[:300])
    return root


@pytest.fixture(scope="module")
def twin(collection: Path, shared_model: SmallModel) -> ScanTwin:
    return ScanTwin(shared_model.describer, files(collection))


@pytest.fixture(scope="module")
def run(shared_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`scan` with the small model, in one catalog for the whole module."""
    catalog = tmp_path_factory.mktemp("catalog") / "c.db"

    def call(*paths: Path, **options: Any) -> ScanResult:
        defaults = {"model": shared_model.package.directory, "engine": "onnxruntime", "catalog": catalog}
        return scan(list(paths), **{**defaults, **options})

    return call


def files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def assert_ordered(result: ScanResult) -> None:
    """Groups, members, matches and skipped files stand in the documented order."""

    def saving(group: Group) -> int:
        return sum(result.images[member.path].size for member in group.members)

    assert list(result.groups) == sorted(result.groups, key=lambda g: (-saving(g), g.keeper))
    for group in result.groups:
        assert list(group.members) == sorted(group.members, key=lambda m: (-m.score, m.path))
        assert group.kind == ("near" if any(m.kind == "near" for m in group.members) else "exact")
    assert list(result.matches) == sorted(result.matches, key=lambda m: (m.query, -m.score, m.reference))
    assert list(result.skipped) == sorted(result.skipped, key=lambda item: item.path)


def assert_facts(result: ScanResult, twin: ScanTwin) -> None:
    assert result.images.keys() == {image.path for image in twin.images}
    for image in twin.images:
        facts = result.images[image.path]
        height, width, _ = image.pixels.shape
        assert (facts.size, facts.mtime_ns) == (len(image.data), image.mtime_ns)
        assert (facts.width, facts.height, facts.format) == (width, height, image.form)


@pytest.mark.parametrize("keep", KEEPS)
def test_a_collection_is_grouped_as_the_twin_does(
    run: Any, collection: Path, twin: ScanTwin, keep: str
) -> None:
    for threshold in gaps(twin.scores(), 6):
        result = run(collection, threshold=threshold, keep=keep)
        expected = twin.within(threshold, keep)
        assert_same(plain(result), expected)
        assert_ordered(result)
        assert_facts(result, twin)
        skipped = [(Path(item.path).name, item.code) for item in result.skipped]
        assert skipped == [("broken.png", "not-an-image"), ("cut.jpg", "truncated")]


def test_the_thresholds_of_the_twin_make_a_difference(twin: ScanTwin) -> None:
    """Otherwise the test above would prove little: from few groups to one that holds nearly all."""
    sizes = [len(twin.within(threshold, "oldest")["matches"]) for threshold in gaps(twin.scores(), 6)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 6
    assert sizes[-1] < 70 < 500 < sizes[0]


@pytest.mark.parametrize("keep", KEEPS)
def test_new_images_are_grouped_under_known_ones_as_the_twin_does(
    run: Any, collection: Path, shared_model: SmallModel, twin: ScanTwin, keep: str
) -> None:
    new = ScanTwin(shared_model.describer, files(collection / "edits") + files(collection / "same"))
    known = ScanTwin(shared_model.describer, files(collection / "originals"))
    for threshold in gaps(twin.scores(), 6):
        result = run(
            collection / "edits",
            collection / "same",
            against=collection / "originals",
            threshold=threshold,
            keep=keep,
        )
        assert_same(plain(result), new.against(known, threshold, keep))
        assert_ordered(result)
        known_paths = {image.path for image in known.images}
        assert result.known == known_paths
        assert {group.keeper for group in result.groups} <= known_paths
        assert not known_paths & {m.path for group in result.groups for m in group.members}
        assert result.images.keys() == known_paths | {image.path for image in new.images}


# --- the bundled photographs and the bundled model


@pytest.fixture(scope="module")
def photo_twin() -> ScanTwin:
    return ScanTwin(load_model(), files(PHOTOS))


@pytest.fixture(scope="module")
def photo_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos") / "c.db"


def test_photographs_are_grouped_as_the_twin_does(photo_twin: ScanTwin, photo_catalog: Path) -> None:
    thresholds: list[float | None] = [None, 0.95, *gaps(photo_twin.scores()[-60:], 3)]
    for threshold in thresholds:
        result = scan(PHOTOS, views="whole", threshold=threshold, catalog=photo_catalog)
        assert result.threshold == (load_model().threshold if threshold is None else threshold)
        assert_same(plain(result), photo_twin.within(result.threshold, DEFAULT_KEEP), tolerance=1e-5)
        assert_ordered(result)
        assert_facts(result, photo_twin)


def test_new_photographs_are_matched_as_the_twin_does(photo_twin: ScanTwin, photo_catalog: Path) -> None:
    new, known = ScanTwin(load_model(), []), ScanTwin(load_model(), [])
    originals = str(PHOTOS / "originals")
    for image in photo_twin.images:
        (known if image.path.startswith(originals) else new).images.append(image)
    others = [path for path in PHOTOS.iterdir() if path.name != "originals"]
    result = scan(
        others,
        against=originals,
        views="whole",
        catalog=photo_catalog,
        extensions=["jpg", "png", "webp", "avif"],
    )
    assert_same(plain(result), new.against(known, result.threshold, DEFAULT_KEEP), tolerance=1e-5)


def test_copies_of_photographs_are_found_and_nothing_else(photo_catalog: Path) -> None:
    with (PHOTOS / "truth.csv").open(encoding="utf-8", newline="") as stream:
        truth = {str(PHOTOS / row["copy"]): row for row in csv.DictReader(stream)}

    def original(path: str) -> str:
        return str(PHOTOS / truth[path]["original"]) if path in truth else path

    result = scan(PHOTOS, catalog=photo_catalog)
    assert all(original(match.query) == original(match.reference) for match in result.matches)
    kinds = {
        copy: match.kind
        for match in result.matches
        for copy, other in ((match.query, match.reference), (match.reference, match.query))
        if copy in truth and other == original(copy)
    }
    exact = {"byte copy": "bytes", "lossless PNG": "pixels", "lossless WebP": "pixels"}
    for copy, row in truth.items():
        if row["edit"] in exact:
            assert kinds[copy] == exact[row["edit"]], copy
        else:
            assert kinds.get(copy, "near") == "near", copy
    assert len(kinds) >= 20


def test_scores_are_those_of_the_descriptors(photo_twin: ScanTwin, photo_catalog: Path) -> None:
    vectors = {image.path: image.descriptor for image in photo_twin.images}
    result = scan(PHOTOS, views="whole", catalog=photo_catalog, threshold=0.5)
    assert len(result.matches) > 20
    for match in result.matches:
        product = float(vectors[match.query] @ vectors[match.reference])
        assert match.score == pytest.approx(product, abs=1e-5)
        assert match.score <= 1
    assert np.all([match.score >= 0.5 for match in result.matches])
