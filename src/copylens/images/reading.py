"""Paths in, bytes and their hash out; every way in which reading fails becomes an `ImageError`."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

from copylens.errors import ImageError
from copylens.records import FoundFile

MAX_BYTES = 1 << 30
"""Files above this many bytes are skipped: they would be held in memory whole."""


def content_hash(data: bytes) -> str:
    """Hash a content to its identity: BLAKE2b with 128 bits, as 32 hex digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read_file(path: str) -> bytes:
    """Read a whole file.

    Raises:
        ImageError: with code empty, too-large, permission, vanished, path-too-long, directory, special-file,
            changed or io-error.
    """
    return _read(path)[0]


def read_found(path: str) -> tuple[bytes, FoundFile]:
    """Read a whole file, and say which state of it was read (size and time may be newer than the walk's).

    Raises:
        ImageError: as `read_file`.
    """
    data, info = _read(path)
    return data, FoundFile(path, info.st_size, info.st_mtime_ns)


def _read(path: str) -> tuple[bytes, os.stat_result]:
    try:
        # Non-blocking, so that a pipe put in a picture's place cannot hang the scan.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            before = os.fstat(descriptor)
            _check_kind(before)
            with open(descriptor, "rb", closefd=False) as file:
                # One byte more than there should be: enough to see growth, and a bound on memory.
                data = file.read(before.st_size + 1)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _as_image_error(error) from error
    except MemoryError as error:
        raise ImageError("too-large", "there is not enough memory to read it") from error
    if not len(data) == before.st_size == after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise ImageError("changed", "it changed while it was read; scan again when it is finished")
    if not data:
        raise ImageError("empty", "the file has no bytes")
    return data, after


def _check_kind(info: os.stat_result) -> None:
    if stat.S_ISDIR(info.st_mode):
        raise ImageError("directory", "a folder, not a file")
    if not stat.S_ISREG(info.st_mode):
        raise ImageError("special-file", "a pipe, socket or device, not a file")
    if info.st_size > MAX_BYTES:
        raise ImageError("too-large", f"{info.st_size:,} bytes are above the limit of {MAX_BYTES:,}")


def _as_image_error(error: OSError) -> ImageError:
    if isinstance(error, PermissionError):
        return ImageError("permission", "no permission to read it")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return ImageError("vanished", "there is no such file (any more)")
    if isinstance(error, IsADirectoryError):
        return ImageError("directory", "a folder, not a file")
    if error.errno == errno.ENAMETOOLONG:
        return ImageError("path-too-long", "the system refuses a path of this length")
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return ImageError("special-file", "a pipe, socket or device, not a file")
    return ImageError("io-error", f"the system could not read it: {error.strerror or error}")
