"""The finder that comes with CopyLens: the files it was made as, what it believes, and what it finds on photographs."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from copylens.errors import EngineError
from copylens.evaluation.edits.phones import phone_screenshot
from copylens.evaluation.edits.screens import desktop_screenshot
from copylens.images import cut, prepare
from copylens.models import InsetNetwork, insets
from copylens.models.insets import LARGEST, OTHER, SAME, SMALLEST, believed, with_inner
from copylens.records import INSET_FINDER, INSETS, View

FOUND = {"desktop": 0.9, "phone": 0.75}
"""The least share of photographs that must be found; measured: more."""

NESTED = 0.75
"""The same for a screen on a screen."""

ORIGINALS = sorted((Path(__file__).parents[3] / "examples" / "photos" / "originals").glob("*.jpg"))


@pytest.fixture(scope="module")
def network() -> InsetNetwork:
    return InsetNetwork()


def found(network: InsetNetwork, image: Image.Image) -> tuple[View, ...]:
    pixels = np.asarray(image.convert("RGB"))
    return network.find(lambda view: prepare(cut(pixels, view), network.input))


def test_the_graph_is_the_one_that_the_card_names_and_the_key_counts() -> None:
    here = files(insets)
    card = json.loads((here / "finder.json").read_text(encoding="utf-8"))
    graph = (here / "finder.onnx").read_bytes()
    assert hashlib.sha256(graph).hexdigest() == card["sha256"]
    # Another finder is another key, or catalogs would keep what the old one said.
    assert card["name"] == INSET_FINDER
    assert len(graph) < 250_000
    assert {"data", "hardware", "hours", "command", "licence", "likely"} <= card.keys()


def cells(*rows: tuple[float, ...]) -> npt.NDArray[np.float32]:
    return np.array(rows, np.float32)


def test_what_is_likely_and_neither_small_nor_all_is_believed() -> None:
    side = LARGEST**0.5
    for row, expected in (
        ((0.6, 0.25, 0.1, 0.75, 0.6), (View(0.25, 0.1, 0.75, 0.6),)),
        ((0.59, 0.25, 0.1, 0.75, 0.6), ()),
        ((1.0, 0.25, 0.1, 0.25 + SMALLEST - 0.01, 0.6), ()),
        ((1.0, 0.25, 0.1, 0.75, 0.1), ()),
        ((1.0, 0.75, 0.1, 0.25, 0.6), ()),
        ((1.0, 0.75, 0.6, 0.25, 0.1), ()),
        ((1.0, 0.0, 0.0, side + 0.01, side), ()),
        ((1.0, 0.123456, 0.0, 0.5, 0.5), (View(0.1235, 0.0, 0.5, 0.5),)),
    ):
        assert believed(cells(row), 0.6) == expected
    assert len(believed(cells((1.0, 0.0, 0.0, side - 0.01, side)), 0.6)) == 1


def test_the_surest_comes_first() -> None:
    large, small = (0.7, 0.1, 0.1, 0.5, 0.5), (0.9, 0.6, 0.6, 0.8, 0.8)
    for rows in ((small, large), (large, small)):
        assert [view.left for view in believed(cells(*rows), 0.5)] == [0.6, 0.1]


def test_cells_that_see_the_same_picture_say_together_where_it_lies() -> None:
    rows = ((0.5, 0.18, 0.2, 0.6, 0.6), (1.0, 0.2, 0.2, 0.6, 0.6), (0.5, 0.2, 0.2, 0.6, 0.66))
    (view,) = believed(cells(*rows), 0.5)
    # By hand, with weights 0.25, 1 and 0.25: (0.25 x 0.18 + 1.25 x 0.2) / 1.5, (1.25 x 0.6 + 0.25 x 0.66) / 1.5.
    assert view == View(
        round((0.25 * 0.18 + 1.25 * 0.2) / 1.5, 4), 0.2, 0.6, round((1.25 * 0.6 + 0.25 * 0.66) / 1.5, 4)
    )
    # What shares less has no say, and what is not likely has none either.
    apart = believed(cells(rows[1], (0.9, 0.2, 0.2, 0.4, 0.6), (0.4, 0.18, 0.2, 0.6, 0.6)), 0.5)
    assert apart == (View(0.2, 0.2, 0.6, 0.6),)


@given(seed=st.integers(0, 10_000))
def test_what_is_believed_equals_the_loops(seed: int) -> None:
    chance = np.random.default_rng(seed)
    middle, size = chance.uniform(0.3, 0.7, (12, 2)), chance.uniform(0.02, 0.9, (12, 2))
    boxes = np.clip(np.concatenate([middle - size / 2, middle + size / 2], axis=1), 0.0, 1.0)
    seen = np.concatenate([chance.random((12, 1)), boxes], axis=1).astype(np.float32)
    assert believed(seen, 0.3) == twin(seen.astype(np.float64).tolist(), 0.3)


def twin(rows: list[list[float]], likely: float) -> tuple[View, ...]:
    def sized(view: View) -> bool:
        width, height = view.right - view.left, view.bottom - view.top
        return min(width, height) >= SMALLEST and width * height <= LARGEST

    def sides(view: View) -> tuple[float, float, float, float]:
        return view.left, view.top, view.right, view.bottom

    kept = [(row[0], View(*(round(side, 4) for side in row[1:5]))) for row in rows if row[0] >= likely]  # type: ignore[arg-type]
    kept = sorted((item for item in kept if sized(item[1])), key=lambda item: -item[0])
    chosen: list[View] = []
    found: list[View] = []
    for _, view in kept:
        if any(share(other, sides(view)) >= OTHER for other in chosen) or len(found) == len(INSETS):
            continue
        chosen.append(view)
        same = [(p * p, sides(other)) for p, other in kept if share(other, sides(view)) >= SAME]
        total = sum(weight for weight, _ in same)
        mean = View(*(round(sum(w * box[at] for w, box in same) / total, 4) for at in range(4)))  # type: ignore[arg-type]
        found.append(mean if sized(mean) else view)
    return tuple(found)


def test_no_picture_is_named_twice_and_no_more_than_there_are_places() -> None:
    best = (0.9, 0.1, 0.1, 0.5, 0.5)
    again = (0.8, 0.12, 0.1, 0.5, 0.5)
    assert len(believed(cells(best, again), 0.5)) == 1
    # Half of the other's area beside it: a third is shared.
    assert 1 / 3 < OTHER < SAME
    assert len(believed(cells(best, (0.8, 0.3, 0.1, 0.7, 0.5)), 0.5)) == 2
    nine = cells(*((0.9, 0.1 * n, 0.0, 0.1 * n + 0.08, 0.2) for n in range(9)))
    assert len(believed(nine, 0.5)) == len(INSETS) == 8
    assert believed(np.empty((0, 5), np.float32), 0.5) == ()


OUTER = View(0.2, 0.4, 0.6, 0.8)


def test_what_lies_in_an_inset_is_placed_in_the_picture() -> None:
    asked = []

    def inner(view: View) -> tuple[View, ...]:
        asked.append(view)
        return (View(0.25, 0.5, 0.75, 1.0), View(0.0, 0.0, 0.1, 1.0))

    # By hand: 0.2 + 0.25 x 0.4 and so on. The second is 0.04 wide, which is small; it is not looked into again.
    assert with_inner((OUTER,), inner) == (OUTER, View(0.3, 0.6, 0.5, 0.8))
    assert asked == [OUTER]
    assert with_inner((), inner) == ()


def test_what_was_found_already_is_not_found_again_in_another_inset() -> None:
    page, photo = View(0.0, 0.0, 0.8, 0.8), View(0.2, 0.2, 0.6, 0.6)
    seen = {page: (View(0.25, 0.25, 0.75, 0.74),), photo: (View(0.0, 0.0, 1.0, 0.95),)}
    assert with_inner((page, photo), seen.__getitem__) == (page, photo)
    assert with_inner((page,), seen.__getitem__) == (page, View(0.2, 0.2, 0.6, 0.592))


def test_where_there_is_no_room_nobody_looks_further() -> None:
    tiles = tuple(View(n / 8, 0.0, (n + 1) / 8, 0.5) for n in range(len(INSETS)))
    asked = []

    def inner(view: View) -> tuple[View, ...]:
        asked.append(view)
        return (View(0.0, 0.0, 1.0, 0.3), View(0.0, 0.7, 1.0, 1.0))

    assert with_inner(tiles, inner) == tiles
    assert asked == []
    first = tiles[:-1]
    assert with_inner(first, inner) == (*first, View(0.0, 0.0, 0.125, 0.15))
    assert asked == [first[0]]


def test_many_at_once_and_from_many_threads_say_the_same(network: InsetNetwork) -> None:
    with Image.open(ORIGINALS[0]) as image:
        shown = [np.asarray(prepare(image.convert("RGB").rotate(angle), network.input)) for angle in range(8)]
    together = network.look(np.stack(shown))
    assert together.shape == (8, 100, 5)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda pixels: network.look(pixels[None])[0], shown))
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_what_it_cannot_take_is_an_engine_error(network: InsetNetwork) -> None:
    with pytest.raises(EngineError, match="finder of insets failed"):
        network.look(np.zeros((1, 20, 20, 3), np.uint8))


def test_a_graph_that_cannot_be_loaded_is_an_engine_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(EngineError, match="cannot load the finder"):
        InsetNetwork()


def place_in(shown: Image.Image) -> tuple[float, float, float, float]:
    """The box of what is magenta, in shares of the sides."""
    pixels = np.asarray(shown.convert("RGB")).astype(int)
    rows, columns = np.nonzero((pixels[..., 0] > 200) & (pixels[..., 1] < 60) & (pixels[..., 2] > 200))
    return (
        columns.min() / shown.width,
        rows.min() / shown.height,
        (columns.max() + 1) / shown.width,
        (rows.max() + 1) / shown.height,
    )


def share(view: View, box: tuple[float, float, float, float]) -> float:
    """Intersection over union."""
    width = min(view.right, box[2]) - max(view.left, box[0])
    height = min(view.bottom, box[3]) - max(view.top, box[1])
    both = max(width, 0.0) * max(height, 0.0)
    own = (view.right - view.left) * (view.bottom - view.top)
    return both / (own + (box[2] - box[0]) * (box[3] - box[1]) - both)


def drawn(photo: Image.Image, seed: int, kind: str) -> Image.Image:
    """A screen of the exams, which the finder was not trained on; equal seeds draw equal screens around the photo."""
    chance = np.random.default_rng(seed)
    if kind == "desktop":
        return desktop_screenshot(photo, chance, share=0.25)
    return phone_screenshot(photo, chance, lambda _: Image.new("RGB", (200, 150), (90, 120, 60)), width=0.8)


@pytest.mark.parametrize("kind", ["desktop", "phone"])
def test_real_photographs_are_found_on_screens_that_the_training_did_not_draw(
    network: InsetNetwork, kind: str
) -> None:
    good = []
    for seed, path in enumerate(ORIGINALS[:16]):
        with Image.open(path) as image:
            photo = image.convert("RGB")
        box = place_in(drawn(Image.new("RGB", photo.size, (255, 0, 255)), seed, kind))
        boxes = found(network, drawn(photo, seed, kind))
        good.append(max((share(view, box) for view in boxes), default=0.0) > 0.6)
    assert np.mean(good) >= FOUND[kind]


def test_a_photograph_on_a_telephone_on_a_desktop_is_found(network: InsetNetwork) -> None:
    good = []
    for seed, path in enumerate(ORIGINALS[:12]):
        with Image.open(path) as image:
            photo = image.convert("RGB")
        marked, shown = (
            desktop_screenshot(drawn(screen, seed, "phone"), np.random.default_rng(seed), share=0.5)
            for screen in (Image.new("RGB", photo.size, (255, 0, 255)), photo)
        )
        box = place_in(marked)
        good.append(max((share(view, box) for view in found(network, shown)), default=0.0) > 0.5)
    assert np.mean(good) >= NESTED


def test_in_most_photographs_nothing_is_found(network: InsetNetwork) -> None:
    holding = []
    for path in ORIGINALS:
        with Image.open(path) as image:
            holding.append(bool(found(network, image)))
    assert np.mean(holding) <= 0.15
