"""Words for people: sizes, counts, times, and paths of any bytes."""

from __future__ import annotations

import os
from datetime import datetime
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.images import cut
from copylens.records import MatchedView, Turn, View
from copylens.reports.wording import (
    BACK,
    because_words,
    holds_words,
    human_bytes,
    kind_words,
    local_day,
    plural,
    printable,
    readable,
    utc_time,
)
from report_findings import NOON

UNITS = {"byte": 1, "bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (27_255, "27.3 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_999, "1.0 MB"),
        (1_449_999, "1.4 MB"),
        (999_999_999, "1.0 GB"),
        (999_999_999_999, "1.0 TB"),
        (1_234_567_000_000_000, "1,234.6 TB"),
    ],
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert human_bytes(count) == text


@given(st.integers(0, 10**16))
def test_a_size_means_its_bytes_within_the_rounding(count: int) -> None:
    number, unit = human_bytes(count).split(" ")
    value = float(number.replace(",", ""))
    assert abs(value * UNITS[unit] - count) <= max(0.051, value * 0.006) * UNITS[unit]
    assert value < 1000 or unit == "TB"


def test_a_count_agrees_with_its_noun() -> None:
    assert [plural(n, "copy", "copies") for n in (0, 1, 2, 12_345)] == [
        "0 copies",
        "1 copy",
        "2 copies",
        "12,345 copies",
    ]
    assert plural(2, "image") == "2 images"


@given(st.binary(max_size=30).filter(lambda name: b"\0" not in name))
def test_any_name_becomes_real_unicode(name: bytes) -> None:
    text = readable(os.fsdecode(name))
    text.encode("utf-8")
    try:
        assert text == name.decode("utf-8")
    except UnicodeDecodeError:
        assert "\\x" in text


def test_good_names_are_untouched_and_bad_bytes_are_named() -> None:
    assert readable("фото 😀/a b.jpg") == "фото 😀/a b.jpg"
    assert readable(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_nothing_steers_a_terminal(name: str) -> None:
    assert printable(name).isprintable()


def test_control_characters_become_escapes() -> None:
    assert printable("a\x1b[2J\nb\u202egpj.exe") == "a\\x1b[2J\\nb\\u202egpj.exe"
    assert printable(os.fsdecode(b"caf\xe9 \xc3\xa9.jpg")) == "caf\\xe9 é.jpg"


def test_times_are_cut_to_seconds_not_rounded() -> None:
    assert utc_time(NOON) == "2020-09-13T12:26:40+00:00"
    assert utc_time(NOON + 999_999_999) == "2020-09-13T12:26:40+00:00"
    assert utc_time(-1) == "1969-12-31T23:59:59+00:00"


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_that_a_file_can_have_is_written(mtime_ns: int) -> None:
    assert datetime.fromisoformat(utc_time(mtime_ns)).timestamp() == mtime_ns // 10**9


@pytest.mark.parametrize("mtime_ns", [10**21, -(10**21), 10**30])
def test_a_time_beyond_the_calendar_is_empty(mtime_ns: int) -> None:
    assert utc_time(mtime_ns) == ""
    assert local_day(mtime_ns) == ""


def test_the_day_is_that_of_the_place() -> None:
    assert local_day(NOON) in {"2020-09-13", "2020-09-14"}


def test_a_copy_that_a_turn_showed_is_said_to_lie_turned() -> None:
    """A view is turned to the left before it is compared: so it lies turned to the right."""
    turned = View(turn="rot90")
    assert kind_words("near", None) == "edited"
    assert kind_words("near", MatchedView("copy", turned)) == "turned by 90° to the right"
    assert kind_words("near", MatchedView("keeper", turned)) == "turned by 90° to the left"
    assert kind_words("near", MatchedView("keeper", View(turn="rot180"))) == "turned by 180°"
    assert kind_words("near", MatchedView("copy", View(turn="hflip"))) == "mirrored"
    assert kind_words("pixels", MatchedView("copy", turned)) == "same pixels"


def test_turning_the_words_back_gives_the_other_picture() -> None:
    for turn in get_args(Turn):
        view, back = View(turn=turn), View(turn=BACK.get(turn, turn))
        pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
        np.testing.assert_array_equal(cut(cut(pixels, view), back), pixels)


@pytest.mark.parametrize(
    ("turn", "pixels", "words"),
    [
        ("none", 0.125, "holds the other picture in this part, with 12 % of its pixels"),
        ("none", 0.0001, "holds the other picture in this part, with 1 % of its pixels"),
        ("none", 0.67, "holds the other picture in this part, with about as many pixels"),
        ("none", 1.5, "holds the other picture in this part, with about as many pixels"),
        ("none", 0.604, "holds the other picture in this part, with 60 % of its pixels"),
        ("hflip", 2.0, "holds the other picture in this part, mirrored, with 2.0 times its pixels"),
        (
            "rot90",
            1234.0,
            "holds the other picture in this part, turned by 90° to the right, with 1,234 times its pixels",
        ),
    ],
)
def test_a_box_is_said_in_words(turn: Turn, pixels: float, words: str) -> None:
    assert holds_words(turn, pixels) == words


def test_reasons_are_sentences() -> None:
    assert because_words("resolution") == "it has the most pixels"
    assert because_words(os.fsdecode(b"path:a\xff/*")) == r"its path matches a\xff/*"
    assert because_words("known") == because_words("") == ""
