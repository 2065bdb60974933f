"""Reading: the whole file or the true reason, also for what changes between two system calls."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copylens.errors import ImageError
from copylens.images import content_hash, read_file, read_found
from copylens.images import reading as module
from copylens.records import RETRIED_CODES, FoundFile
from strange_files import LONG_PATH, TOO_LONG_PATH, write_deep


def code_of(path: Path | str) -> str:
    with pytest.raises(ImageError) as caught:
        read_file(str(path))
    assert caught.value.reason
    return caught.value.code


def test_the_bytes_and_the_state_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"some bytes")
    os.utime(path, ns=(5, 7_000_000_000))
    assert read_file(str(path)) == b"some bytes"
    assert read_found(str(path)) == (b"some bytes", FoundFile(str(path), 10, 7_000_000_000))


def test_the_hash_is_blake2b_of_128_bits() -> None:
    # The digest of no bytes, as coreutils' `b2sum -l 128 /dev/null` prints it.
    assert content_hash(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert content_hash(b"abc") == hashlib.blake2b(b"abc", digest_size=16).hexdigest()


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert code_of(tmp_path / "empty.jpg") == "empty"
    assert code_of(tmp_path) == "directory"
    assert code_of(tmp_path / "gone.jpg") == "vanished"
    assert code_of(tmp_path / "file" / "below.jpg") == "vanished"
    assert code_of(tmp_path / "pipe.jpg") == "special-file"
    assert code_of("/dev/null") == "special-file"
    assert code_of(tmp_path / "loop") == "io-error"


def test_paths_of_4000_characters_are_read_and_longer_ones_refused(tmp_path: Path) -> None:
    for name, length in (("long", LONG_PATH), ("too-long", TOO_LONG_PATH)):
        (tmp_path / name).mkdir()
        path = write_deep(str(tmp_path / name), length, b"deep")
        if length == LONG_PATH:
            assert read_file(path) == b"deep"
        else:
            assert code_of(path) == "path-too-long"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, "permission"),
        (errno.EPERM, "permission"),
        (errno.ENOENT, "vanished"),
        (errno.EIO, "io-error"),
        (errno.ESTALE, "io-error"),
        (errno.ENXIO, "special-file"),
        (errno.EMFILE, "io-error"),
    ],
)
def test_errors_of_the_system_have_their_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def refuse(path: str, flags: int) -> int:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(os, "open", refuse)
    assert code_of(tmp_path / "a.jpg") == code


def test_what_may_pass_is_tried_again() -> None:
    assert {"permission", "vanished", "changed", "io-error"} <= RETRIED_CODES
    assert not RETRIED_CODES & {"empty", "truncated", "corrupt", "not-an-image", "too-large"}


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        read_file(str(tmp_path / "a.jpg"))
        for path in (tmp_path, tmp_path / "empty.jpg", tmp_path / "pipe.jpg"):
            code_of(path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def between_the_looks(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Let something happen after the first `fstat` of a read, and before its bytes are taken."""
    real: Callable[[int], os.stat_result] = os.fstat
    looks: list[int] = []

    def fstat(descriptor: int) -> os.stat_result:
        result = real(descriptor)
        looks.append(descriptor)
        if len(looks) == 1:
            meanwhile()
        return result

    monkeypatch.setattr(os, "fstat", fstat)


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite", "empty"])
def test_a_file_that_changes_while_it_is_read_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 100)
    os.utime(path, ns=(0, 0))
    contents = {"grow": b"x" * 1_000_000, "shrink": b"x" * 50, "rewrite": b"y" * 100, "empty": b""}
    between_the_looks(monkeypatch, lambda: path.write_bytes(contents[change]))
    assert code_of(path) == "changed"


def test_a_file_that_is_replaced_by_rename_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, newer = tmp_path / "a.jpg", tmp_path / "new"
    path.write_bytes(b"old")
    newer.write_bytes(b"newer")
    between_the_looks(monkeypatch, lambda: newer.replace(path))
    assert read_file(str(path)) == b"old"


def test_files_above_the_limit_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(module.MAX_BYTES + 1)

    def no_reading(*args: Any, **options: Any) -> None:
        raise AssertionError("opened for reading")

    monkeypatch.setattr(module, "open", no_reading, raising=False)
    assert code_of(path) == "too-large"


def test_too_little_memory_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*args: Any, **options: Any) -> None:
        raise MemoryError

    (tmp_path / "a.jpg").write_bytes(b"x")
    monkeypatch.setattr(module, "open", exhausted, raising=False)
    assert code_of(tmp_path / "a.jpg") == "too-large"
