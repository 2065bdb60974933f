"""Pictures, truth and files in, short digests out: what is on disk is used again only under an equal one."""

# A benchmark may have a million pictures, and a Path for each costs several times as much as its text.
# ruff: noqa: PTH100, PTH116
from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from copylens.errors import EvaluationError
from copylens.evaluation.nouns import Benchmark, Picture

HEX_DIGITS = 16


class _Digest:
    """Of an ordered list of texts that comes piece by piece."""

    def __init__(self) -> None:
        self._state = hashlib.blake2b(digest_size=HEX_DIGITS // 2)

    def add(self, *parts: str) -> None:
        for part in parts:
            data = os.fsencode(part)
            self._state.update(len(data).to_bytes(8, "little"))
            self._state.update(data)

    @property
    def text(self) -> str:
        return self._state.hexdigest()


def of_texts(*parts: str) -> str:
    """Digest of an ordered list of texts; no two lists run together."""
    state = _Digest()
    state.add(*parts)
    return state.text


class OfPictures(NamedTuple):
    """Two digests of the same pictures.

    Attributes:
        state: of keys, absolute paths, sizes and times: unchanged means what it means in a scan.
        portable: of keys and sizes: the same for a copy of them in another place.
    """

    state: str
    portable: str


def of_pictures(pictures: Sequence[Picture]) -> OfPictures:
    """Look at the files of pictures, once each.

    Raises:
        EvaluationError: a picture is not there.
    """
    state, portable = _Digest(), _Digest()
    for picture in pictures:
        try:
            info = os.stat(picture.path)
        except OSError as error:
            raise EvaluationError(
                f"{picture.path}: a picture of the benchmark cannot be read ({error.strerror or error})."
            ) from error
        size = str(info.st_size)
        state.add(picture.key, os.path.abspath(picture.path), size, str(info.st_mtime_ns))
        portable.add(picture.key, size)
    return OfPictures(state.text, portable.text)


def of_truth(benchmark: Benchmark) -> str:
    """Digest of which pairs are copies, and of how the queries were made."""
    facts = (
        text
        for key, fact in sorted(benchmark.facts.items())
        for text in (key, fact.kind, "\0".join(fact.edits), fact.strength)
    )
    pairs = (text for pair in benchmark.truth for text in pair)
    return of_texts(benchmark.name, benchmark.split, benchmark.protocol, of_texts(*pairs), of_texts(*facts))


def of_array(values: npt.NDArray[Any]) -> str:
    """Digest of an array's type, shape and numbers."""
    state = hashlib.blake2b(digest_size=HEX_DIGITS // 2)
    state.update(repr((values.dtype.str, values.shape)).encode())
    state.update(values.tobytes())
    return state.hexdigest()


def of_file(path: str) -> str:
    """Digest of a file's bytes.

    Raises:
        EvaluationError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=HEX_DIGITS // 2)).hexdigest()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}.") from error
