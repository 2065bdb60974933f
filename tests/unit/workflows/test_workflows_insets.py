"""Insets in scans, comparisons and passes: described once, placed in their own pictures; the finder is a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.catalog import Catalog
from copylens.images import VIEW_SETS, cut, decode, decode_box, prepare, read_file
from copylens.matching import Pairs
from copylens.models import InsetNetwork
from copylens.records import INSET_KEYS, INSETS, MatchedView, View
from copylens.workflows.compare import compare
from copylens.workflows.ingest import Ingested, ingest
from copylens.workflows.insets import finder_for, inset_finder, place_insets
from copylens.workflows.scan import scan
from copylens.workflows.settings import FileSettings, silent
from workflow_samples import SmallModel, many, put, scene

FAST, BALANCED = VIEW_SETS["fast"], VIEW_SETS["balanced"]
LEFT, RIGHT = View(0.125, 0.25, 0.625, 0.75), View(0.375, 0.25, 0.875, 0.75)


def framed(inside: int, around: int, box: View) -> Any:
    """A picture in a part of another of twice its sides."""
    out = np.asarray(scene(around, 96, 128)).copy()
    left, top = round(box.left * 128), round(box.top * 96)
    out[top : top + 48, left : left + 64] = scene(inside)
    return out


class Finder:
    """Says what it was told of pictures, by what they look like to the network."""

    def __init__(self, model: SmallModel) -> None:
        self._seen_at = decode_box(model.describer.input)
        self.boxes: dict[bytes, tuple[View, ...]] = {}
        self.asked = 0

    def tell(self, path: str, *boxes: View) -> None:
        pixels = prepare(decode(read_file(path), box=self._seen_at).pixels, InsetNetwork.input)
        self.boxes[pixels.tobytes()] = boxes

    def find(self, show: Callable[[View], Any]) -> tuple[View, ...]:
        self.asked += 1
        return self.boxes.get(show(View()).tobytes(), ())


@pytest.fixture
def finder(model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> Finder:
    made = Finder(model)
    monkeypatch.setattr(InsetNetwork, "find", lambda _, show: made.find(show))
    return made


@pytest.fixture
def run(model: SmallModel, tmp_path: Path) -> Callable[..., Any]:
    def call(*paths: Path, **options: Any) -> Any:
        places = {"model": model.package.directory, "engine": "onnxruntime", "catalog": tmp_path / "scan.db"}
        return scan(list(paths), **{"threshold": 0.99, **places, **options})

    return call


def run_pass(catalog: Catalog, model: SmallModel, folder: Path, views: tuple[View, ...]) -> Ingested:
    return ingest(
        catalog, model.describer, [str(folder)], FileSettings(workers=2), views=views, progress=silent
    )


def test_the_finder_is_loaded_once_and_only_where_insets_are_asked_for() -> None:
    assert finder_for(FAST) is finder_for(BALANCED) is inset_finder()
    assert finder_for(()) is None
    assert finder_for((View(0, 0, 0.5, 0.5),)) is None


def test_an_inset_is_described_beside_the_whole_and_where_there_is_none_nothing(
    catalog: Catalog, model: SmallModel, folder: Path, finder: Finder
) -> None:
    path = put(folder / "framed.png", framed(1, 0, LEFT))
    many(folder, 3)
    finder.tell(path, LEFT)
    seen = run_pass(catalog, model, folder, FAST)
    assert (seen.described, finder.asked) == (4, 4)
    assert model.take_pictures() == 4 + 1
    (second,) = catalog.view_descriptors([catalog.images([path])[0].content_id])[:, 1]
    assert not second.any()
    images = catalog.images(seen.paths)
    stored = catalog.view_descriptors([image.content_id for image in images])[:, 0]
    for image, row in zip(images, stored, strict=True):
        if image.facts.path != path:
            assert not row.any()
            continue
        part = prepare(cut(decode(read_file(path)).pixels, LEFT), model.describer.input)
        np.testing.assert_allclose(row, model.describer.describe_prepared([part])[0], atol=1e-3)
        assert catalog.insets([image.content_id]) == {image.content_id: {INSET_KEYS[0]: LEFT}}
    model.take_pictures()
    assert run_pass(catalog, model, folder, FAST).described == 0
    assert (model.take_pictures(), finder.asked) == (0, 4)


def test_a_larger_set_looks_for_no_inset_again_and_the_whole_alone_for_none(
    catalog: Catalog, model: SmallModel, folder: Path, finder: Finder
) -> None:
    paths = many(folder, 3)
    finder.tell(paths[1], RIGHT)
    run_pass(catalog, model, folder, ())
    assert (model.take_pictures(), finder.asked) == (3, 0)
    run_pass(catalog, model, folder, FAST)
    assert (model.take_pictures(), finder.asked) == (1, 3)
    run_pass(catalog, model, folder, BALANCED)
    assert (model.take_pictures(), finder.asked) == (3 * (len(BALANCED) - len(INSETS)), 3)


def test_equal_bytes_are_looked_into_once_for_each_batch(
    catalog: Catalog, model: SmallModel, folder: Path, finder: Finder
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        finder.tell(put(folder / name, framed(1, 0, LEFT)), LEFT)
    seen = run_pass(catalog, model, folder, FAST)
    assert (seen.described, seen.reused) == (1, 2)
    assert model.take_pictures() == 2


def test_each_pair_has_the_box_of_its_own_picture(
    run: Callable[..., Any], folder: Path, finder: Finder
) -> None:
    whole = put(folder / "a.png", scene(1))
    first, second = put(folder / "x.png", framed(1, 5, LEFT)), put(folder / "y.png", framed(1, 6, RIGHT))
    put(folder / "other.png", scene(4))
    finder.tell(first, LEFT)
    finder.tell(second, RIGHT)
    found = run(folder)
    assert found.views == "fast"
    boxes = {
        next(p for p in (match.query, match.reference) if p != whole): match.view for match in found.matches
    }
    assert boxes.keys() == {first, second}
    for path, box in ((first, LEFT), (second, RIGHT)):
        view = boxes[path]
        assert view is not None
        assert view.view == box
    # Neither is a copy of the other, whatever was found in it.
    assert [(group.kind, group.members) for group in found.groups] == [("parts", ())] * 2
    assert found.summary().reclaimable_bytes == 0
    assert run(folder, views="whole").matches == ()


@pytest.mark.parametrize("whole_is_new", [True, False])
def test_it_is_found_among_known_ones_from_either_side(
    run: Callable[..., Any], folder: Path, finder: Finder, whole_is_new: bool
) -> None:
    whole, around = put(folder / "x" / "a.png", scene(1)), put(folder / "y" / "b.png", framed(1, 0, RIGHT))
    finder.tell(around, RIGHT)
    new, known = (whole, around) if whole_is_new else (around, whole)
    (match,) = run(Path(new), against=known).matches
    assert (match.query, match.reference) == (new, known)
    assert match.view == MatchedView("reference" if whole_is_new else "query", RIGHT)


def test_the_second_inset_of_a_picture_is_told_from_the_first(
    run: Callable[..., Any], folder: Path, finder: Finder
) -> None:
    both = np.asarray(scene(0, 96, 192)).copy()
    both[24:72, 24:88], both[24:72, 104:168] = scene(1), scene(2)
    boxes = View(24 / 192, 0.25, 88 / 192, 0.75), View(104 / 192, 0.25, 168 / 192, 0.75)
    page, first, second = (
        put(folder / "page.png", both),
        put(folder / "1.png", scene(1)),
        put(folder / "2.png", scene(2)),
    )
    finder.tell(page, *boxes)
    found = {frozenset((match.query, match.reference)): match.view for match in run(folder).matches}
    assert found.keys() == {frozenset((page, first)), frozenset((page, second))}
    for path, box in ((first, boxes[0]), (second, boxes[1])):
        view = found[frozenset((page, path))]
        assert view is not None
        assert view.view == box


def test_two_pictures_that_hold_the_same_inset_do_not_match(
    run: Callable[..., Any], folder: Path, finder: Finder
) -> None:
    for name, around, box in (("x.png", 5, LEFT), ("y.png", 6, RIGHT)):
        finder.tell(put(folder / name, framed(1, around, box)), box)
    assert run(folder).matches == ()


def test_compare_finds_it_from_either_side(model: SmallModel, folder: Path, finder: Finder) -> None:
    whole, around = put(folder / "a.png", scene(1)), put(folder / "b.png", framed(1, 0, LEFT))
    finder.tell(around, LEFT)
    limit = 0.99
    for first, second, side in ((whole, around, "second"), (around, whole, "first")):
        for views in ("fast", "balanced"):
            verdict = compare(first, second, model=model.describer, views=views, threshold=limit)
            assert (verdict.is_copy, verdict.kind) == (False, "part")
            assert verdict.view == MatchedView(side, LEFT)  # type: ignore[arg-type]
        plain = compare(first, second, model=model.describer, views="whole", threshold=limit)
        assert (plain.is_copy, plain.view) == (False, None)


@given(seed=st.integers(0, 10_000), place=st.integers(0, 2))
def test_pairs_are_placed_as_one_by_one(seed: int, place: int) -> None:
    chance = np.random.default_rng(seed)
    views = [View(0, 0, 0.5, 0.5), View(turn="rot90")]
    views[place:place] = INSETS
    count, pictures = int(chance.integers(0, 9)), 5
    ends = chance.integers(0, pictures, (2, count))
    origins = chance.integers(-len(views), len(views) + 1, count)
    pairs = Pairs(ends[0], ends[1], np.ones(count, np.float32), origins)
    insets = {
        number: {key: View(0.01 * number, 0.1 * way, 1, 1) for way, key in enumerate(INSET_KEYS)}
        for number in range(pictures)
    }
    placed, seen = place_insets(pairs, views, insets)
    assert seen[: len(views)] == tuple(views)
    assert placed.origins is not None
    for first, second, before, after in zip(
        *ends.tolist(), origins.tolist(), placed.origins.tolist(), strict=True
    ):
        assert np.sign(before) == np.sign(after)
        if before == 0:
            continue
        view = views[abs(before) - 1]
        boxes = dict(zip(INSETS, insets[first if before > 0 else second].values(), strict=True))
        expected = boxes.get(view, view)
        assert seen[abs(after) - 1] == expected


def test_pairs_of_wholes_are_left_alone() -> None:
    pairs = Pairs(np.array([0]), np.array([1]), np.ones(1, np.float32))
    assert place_insets(pairs, INSETS, {}) == (pairs, INSETS)
    assert place_insets(pairs, (), {}) == (pairs, ())
