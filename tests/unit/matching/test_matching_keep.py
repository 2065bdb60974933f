"""Keep rules: what each prefers, how they are written, and an order that nothing but the images decides."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.images.decoding import FORMATS
from copylens.matching import KeepRules, keep_order
from copylens.matching.keep import FORMAT_RANK
from copylens.records import ImageFacts
from matching_samples import make_image


def order_of(rules: str, *images: ImageFacts) -> list[str]:
    return [images[position].path for position in keep_order(images, KeepRules.parse(rules))]


# --- each rule


def test_resolution_counts_pixels() -> None:
    images = (make_image("a", width=300, height=10), make_image("b", width=60, height=60))
    assert order_of("resolution", *images) == ["b", "a"]


def test_bytes_prefers_the_larger_file() -> None:
    assert order_of("bytes", make_image("a", size=10), make_image("b", size=20)) == ["b", "a"]


def test_oldest_and_newest() -> None:
    images = (make_image("a", mtime_ns=5), make_image("b", mtime_ns=3), make_image("c", mtime_ns=9))
    assert order_of("oldest", *images) == ["b", "a", "c"]
    assert order_of("newest", *images) == ["c", "a", "b"]


def test_format_prefers_lossless_then_camera_then_web() -> None:
    forms = ["GIF", "WEBP", "AVIF", "JPEG", "JPEG2000", "HEIF", "BMP", "PNG", "TIFF"]
    images = [make_image(f"{place}.{form}", form=form) for place, form in enumerate(forms)]
    assert [path.split(".")[1] for path in order_of("format", *images)] == forms[::-1]


def test_format_knows_every_format_that_is_decoded() -> None:
    assert {*FORMATS, "HEIF", "MPO"} == set(FORMAT_RANK)


def test_an_unknown_format_comes_last() -> None:
    images = (make_image("a", form="XYZ"), make_image("b", form="GIF"))
    assert order_of("format", *images) == ["b", "a"]


def test_a_later_rule_decides_where_the_first_is_equal() -> None:
    images = (
        make_image("small", width=10, size=99),
        make_image("light", size=10),
        make_image("heavy", size=20),
    )
    assert order_of("resolution,bytes", *images) == ["heavy", "light", "small"]
    assert order_of("bytes,resolution", *images) == ["small", "heavy", "light"]


def test_the_path_decides_last() -> None:
    assert order_of("resolution", make_image("b"), make_image("a"), make_image("B")) == ["B", "a", "b"]


# --- path:GLOB


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/photos/originals/*", "/photos/originals/a.jpg"),
        ("originals/*", "/photos/originals/a.jpg"),
        ("originals/*", "/photos/originals/2024/a.jpg"),
        ("originals", "/photos/originals/2024/a.jpg"),
        ("originals/", "/photos/originals/a.jpg"),
        ("/photos", "/photos/originals/a.jpg"),
        ("/photos/", "/photos/originals/a.jpg"),
        ("a.jpg", "/photos/a.jpg"),
        ("*.jpg", "a.jpg"),
        ("IMG_????.jpg", "x/IMG_0001.jpg"),
        ("20[12]?", "/photos/2019/a.jpg"),
        ("holiday, 2019", "/photos/holiday, 2019/a.jpg"),
        (r"C:\pics\*", r"C:\pics\a.jpg"),
        ("pics/*", r"C:\pics\a.jpg"),
        ("日本/*", "/photos/日本/a.jpg"),
        ("*.jpg", "/photos/\udcff.jpg"),
    ],
)
def test_path_matches(pattern: str, path: str) -> None:
    assert order_of("path:" + pattern.replace(",", r"\,"), make_image("!first"), make_image(path))[0] == path


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("Originals/*", "/photos/originals/a.jpg"),
        ("originals/*", "/photos/my-originals/a.jpg"),
        ("originals", "/photos/originals-2/a.jpg"),
        ("photos/a.jpg", "/photos/b/a.jpg"),
        ("*.JPG", "a.jpg"),
        ("/originals", "/photos/originals/a.jpg"),
    ],
)
def test_path_does_not_match(pattern: str, path: str) -> None:
    assert order_of(f"path:{pattern}", make_image("!first"), make_image(path)) == ["!first", path]


def test_paths_may_repeat_and_come_in_order() -> None:
    images = [make_image(path) for path in ("c/1", "b/1", "a/1", "z/1")]
    assert order_of("path:z,path:b,resolution", *images) == ["z/1", "b/1", "a/1", "c/1"]


# --- how rules are written


def test_parse_keeps_the_rules_in_order_and_ignores_spaces() -> None:
    assert KeepRules.parse(" resolution, path:a b/*,oldest ,").names == ("resolution", "path:a b/*", "oldest")


def test_a_comma_in_a_pattern_is_escaped() -> None:
    assert KeepRules.parse(r"path:a\,b/*,bytes").names == ("path:a,b/*", "bytes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resolutoin", r"no rule 'resolutoin'; did you mean resolution\?"),
        ("oldst,bytes", r"no rule 'oldst'; did you mean oldest\?"),
        (
            "resolution,zzz",
            "no rule 'zzz'; known rules are resolution, bytes, format, oldest, newest, path:GLOB",
        ),
        ("path:", r"no rule 'path:'; did you mean path:GLOB\?"),
        ("", "at least one rule"),
        (" , ,", "at least one rule"),
    ],
)
def test_refuses_what_is_no_rule(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        KeepRules.parse(text)


# --- the order


IMAGES = st.lists(
    st.builds(
        make_image,
        st.text("ab/", min_size=1, max_size=4),
        size=st.integers(1, 2),
        width=st.integers(1, 2),
        mtime_ns=st.integers(0, 1),
        form=st.sampled_from(["PNG", "JPEG", "GIF"]),
    ),
    max_size=8,
    unique_by=lambda image: image.path,
)
RULES = st.lists(
    st.sampled_from(["resolution", "bytes", "format", "oldest", "newest", "path:a*"]), min_size=1, max_size=4
).map(",".join)


@given(images=IMAGES, rules=RULES, seed=st.integers(0, 100))
def test_the_order_depends_on_the_images_alone(images: list[ImageFacts], rules: str, seed: int) -> None:
    shuffled = list(images)
    random.Random(seed).shuffle(shuffled)
    assert order_of(rules, *shuffled) == order_of(rules, *images)
    assert sorted(keep_order(images, KeepRules.parse(rules))) == list(range(len(images)))


@given(images=IMAGES, rules=RULES)
def test_the_first_rule_is_never_overruled(images: list[ImageFacts], rules: str) -> None:
    first = rules.split(",")[0]
    alone = KeepRules.parse(first)
    values = [alone.key(images[position])[0] for position in keep_order(images, KeepRules.parse(rules))]
    assert values == sorted(values)
