"""The folder of strange files, from walk to network input: each decodes rightly or is truly refused."""

# ruff: noqa: PTH100, PTH114, PTH117, PTH118, PTH120
from __future__ import annotations

import io
import os
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from copylens.errors import ImageError
from copylens.images import Loaded, decode, find_images, load, prepare, thumbnail
from copylens.records import SKIP_CODES, InputSpec, Pixels, Skipped
from strange_files import StrangeFolder, build
from strange_pictures import Refused, Shown, broken, sound

SPEC = InputSpec(height=64, width=64)


@dataclass(frozen=True)
class Scanned:
    folder: StrangeFolder
    outcomes: list[Loaded | Skipped]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    folder = build(tmp_path_factory.mktemp("strange"))
    files = find_images([folder.root])
    return Scanned(folder, list(load(files, SPEC, workers=3, known=frozenset().__contains__)))


def path_of(outcome: Loaded | Skipped) -> str:
    return outcome.path if isinstance(outcome, Skipped) else outcome.file.path


def quadrants(pixels: Pixels) -> list[list[float]]:
    """The colours in the middle of the quadrants, row by row."""
    height, width = pixels.shape[:2]
    return [
        pixels[row * height // 4, column * width // 4].astype(float).tolist()
        for row in (1, 3)
        for column in (1, 3)
    ]


def looks_right(pixels: Pixels, shown: Shown, *, tolerance: int = 0) -> bool:
    difference = np.abs(np.array(quadrants(pixels)) - np.array(shown.quadrants))
    return bool(difference.max() <= shown.tolerance + tolerance)


def test_every_file_is_reported_exactly_once(scanned: Scanned) -> None:
    seen = Counter(path_of(outcome) for outcome in scanned.outcomes)
    assert [path for path, times in seen.items() if times > 1] == []
    assert set(seen) == set(scanned.folder.expected)


def test_the_truth_covers_everything_on_the_disk(scanned: Scanned) -> None:
    folder = scanned.folder
    known = set(folder.expected) | folder.silent
    on_disk = {
        os.path.join(top, name)
        for top, folders, files in os.walk(folder.root)
        for name in files + [name for name in folders if os.path.islink(os.path.join(top, name))]
    }
    # The walk through a link is reported under the link's name, so the link itself is not.
    assert on_disk - known == {folder.path("link-to-album")}


def test_every_sound_picture_is_decoded_rightly(scanned: Scanned) -> None:
    wrong = {}
    for outcome in scanned.outcomes:
        expected = scanned.folder.expected[path_of(outcome)]
        if not isinstance(expected, Shown):
            continue
        if isinstance(outcome, Skipped):
            wrong[outcome.path] = f"{outcome.code}: {outcome.reason}"
        elif outcome.facts is None or outcome.pixels is None:
            wrong[outcome.file.path] = "no pixels"
        elif (outcome.facts.width, outcome.facts.height) != (expected.width, expected.height):
            wrong[outcome.file.path] = f"{outcome.facts} instead of {expected}"
        elif not looks_right(outcome.pixels, expected):
            wrong[outcome.file.path] = f"{quadrants(outcome.pixels)} instead of {expected.quadrants}"
    assert wrong == {}


def test_every_other_file_is_refused_for_its_true_reason(scanned: Scanned) -> None:
    wrong = {}
    for outcome in scanned.outcomes:
        expected = scanned.folder.expected[path_of(outcome)]
        if not isinstance(expected, Refused):
            continue
        if not isinstance(outcome, Skipped):
            wrong[outcome.file.path] = "it was taken for a picture"
        elif outcome.code != expected.code or expected.says not in outcome.reason:
            wrong[outcome.path] = f"{outcome.code}: {outcome.reason}"
    assert wrong == {}


def test_all_codes_are_documented_and_all_reasons_are_sentences_without_line_breaks(scanned: Scanned) -> None:
    skipped = [outcome for outcome in scanned.outcomes if isinstance(outcome, Skipped)]
    assert {item.code for item in skipped} <= set(SKIP_CODES)
    assert [item for item in skipped if not 5 < len(item.reason) < 200 or "\n" in item.reason] == []


@pytest.mark.parametrize("box", [(8, 8), (16, 24), (4, 300), (300, 4), (1, 1)])
def test_a_box_changes_neither_the_facts_nor_the_look(box: tuple[int, int]) -> None:
    for name, data, outcome in sound():
        if not isinstance(outcome, Shown):
            continue
        full, boxed = decode(data), decode(data, box=box)
        assert boxed.facts == full.facts, name
        assert full.pixels.shape == (outcome.height, outcome.width, 3), name
        height, width = boxed.pixels.shape[:2]
        assert height >= min(box[0], outcome.height), name
        assert width >= min(box[1], outcome.width), name
        if min(width, height) >= 8:
            assert looks_right(prepare(boxed.pixels, SPEC), outcome, tolerance=8), name


def test_a_box_never_makes_a_broken_picture_pass() -> None:
    for name, data, _ in broken():
        if data:
            with pytest.raises(ImageError) as full:
                decode(data)
            with pytest.raises(ImageError) as boxed:
                decode(data, box=(16, 16))
            assert boxed.value.code == full.value.code, name


def test_thumbnails_of_every_sound_picture_are_small_and_upright(scanned: Scanned) -> None:
    for path, expected in scanned.folder.expected.items():
        if isinstance(expected, Shown):
            with Image.open(io.BytesIO(thumbnail(path, side=80))) as image:
                assert image.format == "WEBP", path
                assert max(image.size) == min(80, max(expected.width, expected.height)), path
                if min(image.size) > 8:
                    assert looks_right(np.asarray(image.convert("RGB")), expected, tolerance=16), path


def test_a_relative_root_gives_relative_paths(scanned: Scanned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(os.path.dirname(scanned.folder.root))
    relative = {item.path for item in find_images(["scanned"])}
    assert {os.path.abspath(path) for path in relative} >= {
        path for path in scanned.folder.expected if "too-long" not in path
    }
    assert not any(os.path.isabs(path) for path in relative)
