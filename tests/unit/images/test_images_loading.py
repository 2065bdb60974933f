"""The threaded pipeline: order, bounded look-ahead, every file once, an end without hanging."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.images import (
    Loaded,
    content_hash,
    decode,
    decode_box,
    find_images,
    load,
    prepare,
    read_found,
)
from copylens.images import loading as module
from copylens.images import views as preparing
from copylens.images.decoding import DecodedImage, decode_image
from copylens.records import FoundFile, InputSpec, Skipped
from strange_pictures import encode

SPEC = InputSpec(height=8, width=8)


def nothing_known(content: str) -> bool:
    return False


def picture(seed: int) -> bytes:
    return encode(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8), "PNG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(30):
        (tmp_path / f"{number:02}.png").write_bytes(picture(number))
    return tmp_path


def files_in(folder: Path) -> list[FoundFile]:
    return [item for item in find_images([str(folder)]) if isinstance(item, FoundFile)]


def path_of(item: Loaded | Skipped | FoundFile) -> str:
    return item.file.path if isinstance(item, Loaded) else item.path


def test_what_is_loaded_equals_the_naive_way(folder: Path) -> None:
    for file, item in zip(
        files_in(folder), load(files_in(folder), SPEC, workers=3, known=nothing_known), strict=True
    ):
        data = Path(file.path).read_bytes()
        decoded = decode(data, box=decode_box(SPEC))
        assert isinstance(item, Loaded)
        assert (item.file, item.content_hash, item.facts) == (file, content_hash(data), decoded.facts)
        np.testing.assert_array_equal(item.pixels, prepare(decoded.pixels, SPEC))


@settings(max_examples=25, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["good", "broken", "gone", "skipped"]), max_size=25),
    workers=st.integers(1, 5),
    window=st.none() | st.integers(0, 9),
)
def test_everything_comes_out_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], workers: int, window: int | None
) -> None:
    folder = tmp_path_factory.mktemp("load")
    source: list[FoundFile | Skipped] = []
    for number, kind in enumerate(kinds):
        path = folder / f"{number}.png"
        if kind in ("good", "broken"):
            path.write_bytes(picture(number)[: None if kind == "good" else 60])
        source.append(
            Skipped(str(path), "directory", "why") if kind == "skipped" else FoundFile(str(path), 1, 1)
        )
    out = list(load(source, SPEC, workers=workers, known=nothing_known, window=window))
    codes = {"broken": "truncated", "gone": "vanished", "skipped": "directory", "good": "loaded"}
    assert [path_of(item) for item in out] == [item.path for item in source]
    assert [getattr(item, "code", "loaded") for item in out] == [codes[kind] for kind in kinds]


def test_slow_files_do_not_disturb_the_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file finishes last: it waits until the second one is ready."""
    files, ready, real = files_in(folder)[:2], threading.Event(), read_found

    def read(path: str) -> tuple[bytes, FoundFile]:
        if path == files[0].path:
            assert ready.wait(30)
        result = real(path)
        if path == files[1].path:
            ready.set()
        return result

    monkeypatch.setattr(module, "read_found", read)
    out = list(load(files, SPEC, workers=2, known=nothing_known))
    assert [path_of(item) for item in out] == [file.path for file in files]


@pytest.mark.parametrize(("workers", "window", "bound"), [(2, 5, 5), (3, 1, 1), (2, None, 24), (1, 0, 1)])
def test_the_look_ahead_is_bounded(folder: Path, workers: int, window: int | None, bound: int) -> None:
    pulled = 0

    def counting() -> Iterator[FoundFile]:
        nonlocal pulled
        for _ in range(5):
            for file in files_in(folder):
                pulled += 1
                yield file

    for consumed, _ in enumerate(load(counting(), SPEC, workers=workers, known=nothing_known, window=window)):
        assert pulled - consumed <= bound
    assert pulled == 150


def test_prepared_inputs_are_let_go(folder: Path) -> None:
    files = files_in(folder)
    alive: list[weakref.ref[Any]] = []
    for item in load(files, SPEC, workers=2, known=nothing_known, window=4):
        assert isinstance(item, Loaded)
        assert item.pixels is not None
        alive.append(weakref.ref(item.pixels))
        del item
        gc.collect()
        assert sum(reference() is not None for reference in alive) <= 4


def test_known_contents_are_hashed_but_not_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_in(folder)
    known = {content_hash(Path(file.path).read_bytes()) for file in files[::2]}
    decoded: list[bytes] = []

    def counted(data: bytes, *, box: tuple[int, int]) -> DecodedImage:
        decoded.append(data)
        return decode_image(data, box=box)

    monkeypatch.setattr(preparing, "decode_image", counted)
    out = list(load(files, SPEC, workers=2, known=known.__contains__))
    assert [item.pixels is None for item in out if isinstance(item, Loaded)] == [True, False] * 15
    assert [item.facts is None for item in out if isinstance(item, Loaded)] == [True, False] * 15
    assert len(decoded) == 15


def test_a_known_content_that_does_not_decode_stays_known(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture at all")
    (item,) = load(files_in(tmp_path), SPEC, workers=1, known=lambda content: bool(content))
    assert isinstance(item, Loaded)
    assert item.pixels is None


def test_a_file_that_changed_since_the_walk_is_taken_as_it_is_now(folder: Path) -> None:
    files = files_in(folder)[:1]
    newer = picture(99) + b"\0" * 10
    Path(files[0].path).write_bytes(newer)
    os.utime(files[0].path, ns=(0, 42_000))
    (item,) = load(files, SPEC, workers=1, known=nothing_known)
    assert isinstance(item, Loaded)
    assert item.file == FoundFile(files[0].path, len(newer), 42_000)
    assert item.content_hash == content_hash(newer)


def test_stopping_early_begins_nothing_more_and_leaves_no_thread(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    gate, real = threading.Event(), read_found

    def read(path: str) -> tuple[bytes, FoundFile]:
        begun.append(path)
        if len(begun) > 1:
            assert gate.wait(30)
        return real(path)

    monkeypatch.setattr(module, "read_found", read)
    stream = load(files_in(folder), SPEC, workers=1, known=nothing_known, window=10)
    next(stream)
    threading.Timer(0.05, gate.set).start()
    stream.close()
    assert len(begun) <= 2
    assert [thread.name for thread in threading.enumerate() if "copylens-decode" in thread.name] == []


def consume_one(stream: Iterator[Loaded | Skipped], error: type[BaseException]) -> None:
    for _ in stream:
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_of_the_consumer_or_of_the_source_ends_the_threads(
    folder: Path, error: type[BaseException]
) -> None:
    def failing() -> Iterator[FoundFile]:
        yield from files_in(folder)[:20]
        raise error

    with pytest.raises(error):
        list(load(failing(), SPEC, workers=2, known=nothing_known))
    with pytest.raises(error):
        consume_one(load(files_in(folder), SPEC, workers=2, known=nothing_known), error)
    gc.collect()
    assert [thread.name for thread in threading.enumerate() if "copylens-decode" in thread.name] == []


def test_an_error_of_the_question_is_not_hidden(folder: Path) -> None:
    def broken(content: str) -> bool:
        raise OSError("the catalog is gone")

    with pytest.raises(OSError, match="the catalog is gone"):
        list(load(files_in(folder), SPEC, workers=2, known=broken))


def test_too_little_memory_for_one_picture_is_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(pixels: object, spec: InputSpec) -> None:
        raise MemoryError

    monkeypatch.setattr(preparing, "prepare", exhausted)
    (item,) = load(files_in(folder)[:1], SPEC, workers=1, known=nothing_known)
    assert isinstance(item, Skipped)
    assert item.code == "too-large"


def test_no_files_are_no_work() -> None:
    assert list(load([], SPEC, workers=1, known=nothing_known)) == []
