"""Views: boxes that stay inside and cover, exact turns, keys that name one view, inputs as of the whole picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from copylens.images import VIEW_SETS, cut, decode, decode_box, pixel_box, prepare, prepare_views, view_key
from copylens.images import views as module
from copylens.images.decoding import decode_image
from copylens.images.views import grid
from copylens.records import INSET_KEYS, INSETS, InputSpec, PictureFacts, View
from workflow_samples import picture_bytes, scene

SPEC = InputSpec(24, 20)
EVERY = tuple(view for view in VIEW_SETS["thorough"] if view not in INSETS)
"""Those of one box."""

BALANCED = tuple(view for view in VIEW_SETS["balanced"] if view not in INSETS)

SIDES = st.one_of(st.integers(1, 12), st.integers(1, 5000))


@given(width=SIDES, height=SIDES, view=st.sampled_from(EVERY))
def test_a_box_lies_inside_the_picture_and_is_as_large_as_its_fraction(
    width: int, height: int, view: View
) -> None:
    left, top, right, bottom = pixel_box(view, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert abs((right - left) - (view.right - view.left) * width) <= 1
    assert abs((bottom - top) - (view.bottom - view.top) * height) <= 1


@given(width=SIDES, height=SIDES)
def test_the_parts_of_a_grid_cover_the_picture(width: int, height: int) -> None:
    for scale, count in ((0.4, 4), (0.5, 3)):
        boxes = [pixel_box(view, width, height) for view in grid(scale, count)]
        columns = {x for left, _, right, _ in boxes for x in range(left, right)}
        rows = {y for _, top, _, bottom in boxes for y in range(top, bottom)}
        assert len(columns) == width
        assert len(rows) == height


def test_a_grid_reaches_from_edge_to_edge_row_by_row() -> None:
    assert grid(0.5, 2) == (
        View(0, 0, 0.5, 0.5),
        View(0.5, 0, 1, 0.5),
        View(0, 0.5, 0.5, 1),
        View(0.5, 0.5, 1, 1),
    )


def test_turns_are_exact_and_undo_themselves() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    a, b, c, d, e, f = (tuple(pixels[row, column]) for row in range(2) for column in range(3))
    expected = {
        "hflip": [[c, b, a], [f, e, d]],
        "vflip": [[d, e, f], [a, b, c]],
        "rot90": [[c, f], [b, e], [a, d]],
        "rot180": [[f, e, d], [c, b, a]],
        "rot270": [[d, a], [e, b], [f, c]],
        "none": [[a, b, c], [d, e, f]],
    }
    for turn, rows in expected.items():
        turned = cut(pixels, View(turn=turn))  # type: ignore[arg-type]
        assert turned.flags.c_contiguous
        np.testing.assert_array_equal(turned, np.array(rows, np.uint8))


def test_a_view_is_cut_before_it_is_turned() -> None:
    pixels = scene(1, 40, 60)
    np.testing.assert_array_equal(cut(pixels, View(0.5, 0, 1, 0.25, "hflip")), pixels[:10, 30:60][:, ::-1])


def test_each_set_holds_the_one_before_and_no_view_twice() -> None:
    names = ("whole", "fast", "balanced", "thorough")
    assert tuple(VIEW_SETS) == names
    sets = [set(VIEW_SETS[name]) for name in names]
    assert sets[0] == set()
    assert sets[1] == set(INSETS)
    assert sets[1] < sets[2] < sets[3]
    for views in VIEW_SETS.values():
        assert len({view_key(view) for view in views}) == len(views)
        assert View() not in views


def test_a_key_says_the_geometry() -> None:
    assert view_key(View(0.25, 0, 0.75, 0.5)) == "0.25,0,0.75,0.5"
    assert view_key(View(turn="rot90")) == "0,0,1,1,rot90"
    assert tuple(map(view_key, INSETS)) == INSET_KEYS


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_a_tiny_or_thin_picture_has_every_view(size: tuple[int, int]) -> None:
    made = prepare_views(picture_bytes(scene(3, *size), "PNG"), SPEC, EVERY)
    assert len(made.views) == len(EVERY)
    assert {view.shape for view in made.views if view is not None} == {(24, 20, 3)}


def test_inputs_are_those_of_the_cut_picture() -> None:
    pixels = scene(2, 90, 70)
    made = prepare_views(picture_bytes(pixels, "PNG"), SPEC, EVERY)
    assert made.whole is not None
    np.testing.assert_array_equal(made.whole, prepare(pixels, SPEC))
    for view, input_ in zip(EVERY, made.views, strict=True):
        np.testing.assert_array_equal(input_, prepare(cut(pixels, view), SPEC))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_whole_of_a_large_picture_does_not_depend_on_the_views(form: str) -> None:
    data = picture_bytes(scene(4, 400, 400), form)
    alone = prepare(decode(data, box=decode_box(SPEC)).pixels, SPEC)
    for views in ((), EVERY):
        whole = prepare_views(data, SPEC, views).whole
        assert whole is not None
        np.testing.assert_array_equal(whole, alone)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_view_of_a_large_picture_is_the_same_in_every_set(form: str) -> None:
    data = picture_bytes(scene(7, 500, 500), form)
    all_of_them = dict(zip(EVERY, prepare_views(data, SPEC, EVERY).views, strict=True))
    for views, whole in ((BALANCED, True), (BALANCED, False), (EVERY[-4:], False)):
        for view, alone in zip(views, prepare_views(data, SPEC, views, whole=whole).views, strict=True):
            np.testing.assert_array_equal(alone, all_of_them[view])


def test_a_small_part_of_a_large_picture_keeps_its_pixels() -> None:
    """Scaled decoding leaves a part as many pixels as it leaves the whole."""
    pixels = scene(5, 400, 400).copy()
    pixels[::2] //= 2
    (part,) = prepare_views(picture_bytes(pixels, "PNG"), SPEC, [View(0, 0, 0.1, 0.1)], whole=False).views
    np.testing.assert_array_equal(part, prepare(pixels[:40, :40], SPEC))


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        *(("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
        *(("TIFF", mode) for mode in ("RGB", "L", "CMYK", "1")),
        *(("PNG", mode) for mode in ("RGB", "L", "RGBA", "LA", "P", "1")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
        *(("GIF", mode) for mode in ("RGB", "P")),
    ],
)
def test_the_whole_is_what_goes_over_an_array_of_pixels(form: str, mode: str) -> None:
    image = Image.fromarray(scene(7, 130, 170)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture_bytes(image, form, exif=exif) if form in ("JPEG", "WEBP") else picture_bytes(image, form)
    whole = prepare_views(data, SPEC, []).whole
    np.testing.assert_array_equal(whole, prepare(decode(data, box=decode_box(SPEC)).pixels, SPEC))
    found = decode_image(data, box=decode_box(SPEC))
    # It is loaded, and stays so after its file is closed.
    np.testing.assert_array_equal(np.asarray(found.image), decode(data, box=decode_box(SPEC)).pixels)
    assert found.image.mode == "RGB"


def test_a_small_picture_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*args: object, **options: object) -> object:
        calls.append(options)
        return decode_image(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "decode_image", counted)
    prepare_views(picture_bytes(scene(6, 60, 50), "PNG"), SPEC, EVERY)
    assert len(calls) == 1
    prepare_views(picture_bytes(scene(6, 400, 400), "PNG"), SPEC, EVERY)
    assert len(calls) == 3
    prepare_views(picture_bytes(scene(6, 400, 400), "PNG"), SPEC, EVERY, whole=False)
    assert len(calls) == 4


class Finder:
    """Finds the same in every picture, and keeps what it saw: the whole, and what it found in it."""

    def __init__(self, *insets: View, input_: InputSpec = SPEC) -> None:
        self.input, self.insets = input_, insets
        self.seen: list[Any] = []

    def find(self, show: Callable[[View], Any]) -> tuple[View, ...]:
        self.seen += [show(view) for view in (View(), *self.insets)]
        return self.insets


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("input_", [SPEC, InputSpec(16, 16)])
@pytest.mark.parametrize("size", [(60, 50), (400, 300)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_insets_are_looked_for_in_what_the_whole_is_made_of(
    whole: bool, input_: InputSpec, size: tuple[int, int], form: str
) -> None:
    data = picture_bytes(scene(8, *size), form)
    insets = (View(0.1, 0.25, 0.6, 0.75), View(0.5, 0.0, 0.8, 0.3))
    finder = Finder(*insets, input_=input_)
    made = prepare_views(data, SPEC, [*INSETS, *EVERY], whole=whole, finder=finder)
    seen, *within = finder.seen
    small = decode(data, box=decode_box(SPEC)).pixels
    np.testing.assert_array_equal(seen, prepare(small, input_))
    for shown, inset in zip(within, insets, strict=True):
        pixels = decode(data, box=module.inset_box(SPEC, inset, made.facts)).pixels
        np.testing.assert_array_equal(shown, prepare(cut(pixels, inset), input_))
    assert made.insets == insets
    assert (made.whole is not None) == whole
    for view, inset in zip(made.views[:2], insets, strict=True):
        pixels = decode(data, box=module.inset_box(SPEC, inset, made.facts)).pixels
        np.testing.assert_array_equal(view, prepare(cut(pixels, inset), SPEC))
    rest = len(INSETS)
    assert made.views[2:rest] == (None,) * (rest - 2)
    for view, alone in zip(made.views[rest:], prepare_views(data, SPEC, EVERY).views, strict=True):
        np.testing.assert_array_equal(view, alone)


def test_a_small_inset_is_the_same_whatever_else_is_asked_for_and_keeps_its_pixels() -> None:
    pixels = scene(5, 400, 400).copy()
    pixels[::2] //= 2
    data = picture_bytes(pixels, "PNG")
    for views in (INSETS, (*INSETS, *EVERY)):
        made = prepare_views(data, SPEC, views, finder=Finder(View(0, 0, 0.1, 0.1)))
        np.testing.assert_array_equal(made.views[0], prepare(pixels[:40, :40], SPEC))


def test_where_no_inset_is_found_its_view_is_none_and_nothing_is_decoded_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def counted(*args: object, **options: object) -> object:
        calls.append(options)
        return decode_image(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "decode_image", counted)
    data = picture_bytes(scene(6, 400, 400), "PNG")
    made = prepare_views(data, SPEC, INSETS, finder=Finder())
    assert made.views == (None,) * len(INSETS)
    assert made.insets == ()
    assert len(calls) == 1
    both = prepare_views(data, SPEC, [EVERY[0], *INSETS], finder=Finder())
    assert both.views[0] is not None
    assert both.views[1:] == (None,) * len(INSETS)
    assert len(calls) == 3
    # An inset has a decoding of its own, so that it is the same in every set.
    prepare_views(data, SPEC, [EVERY[0], *INSETS], finder=Finder(View(0, 0, 0.5, 0.5)))
    assert len(calls) == 6


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("side", "decoded"), [(400, [50, 100, 200, 400]), (1600, [50, 100, 200, 400, 800]), (90, [90])]
)
def test_many_insets_of_a_large_picture_need_few_decodings(
    monkeypatch: pytest.MonkeyPatch, form: str, side: int, decoded: list[int]
) -> None:
    sizes = []

    def counted(*args: object, **options: object) -> object:
        made = decode_image(*args, **options)  # type: ignore[arg-type]
        sizes.append(made.image.size)
        return made

    monkeypatch.setattr(module, "decode_image", counted)
    data = picture_bytes(scene(6, side, side), form)
    # What the network wants, 24 x 20, has to be there twice on each side of an inset.
    insets = [
        View(0.1, 0.1, 0.1 + part, 0.1 + part) for part in (0.6, 0.5, 0.3, 0.25, 0.19, 0.15, 0.08, 0.06)
    ]
    made = prepare_views(data, SPEC, INSETS, finder=Finder(*insets))
    assert sizes[1:] == [(size, size) for size in decoded[1:]]
    for view, inset in zip(made.views, insets, strict=True):
        alone = prepare_views(data, SPEC, INSETS, finder=Finder(inset)).views[0]
        np.testing.assert_array_equal(view, alone)


@given(
    width=st.integers(1, 6000),
    height=st.integers(1, 6000),
    across=st.floats(0.05, 1.0),
    down=st.floats(0.05, 1.0),
)
def test_an_inset_is_decoded_large_enough_and_not_twice_too_large(
    width: int, height: int, across: float, down: float
) -> None:
    facts = PictureFacts(width, height, "JPEG")
    box = module.inset_box(SPEC, View(0.0, 0.0, across, down), facts)
    side, (tall, wide) = min(across, down), decode_box(SPEC)
    if box == (height, width):
        assert min(height * side / tall, width * side / wide) < 2.0
        return
    # As many pixels as the network wants, and fewer than twice as many on the tighter side, but for rounding.
    have = min((box[0] + 1) * side / tall, (box[1] + 1) * side / wide)
    assert have >= 1.0
    assert min(box[0] * side / tall, box[1] * side / wide) < 2.0


def test_insets_cannot_be_asked_for_without_a_finder() -> None:
    with pytest.raises(ValueError, match="finder"):
        prepare_views(picture_bytes(scene(6, 40, 40), "PNG"), SPEC, INSETS[:1])
