"""Pictures, truth and files in, short digests out: what is on disk is used again only under an equal one."""

# A benchmark may have a million pictures, and a Path for each costs several times as much as its text.
# ruff: noqa: PTH100, PTH116
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from copylens.errors import EvaluationError
from copylens.evaluation.nouns import Benchmark, Picture

HEX_DIGITS = 16


def of_texts(*parts: str) -> str:
    """Digest of an ordered list of texts; no two lists run together."""
    state = hashlib.blake2b(digest_size=HEX_DIGITS // 2)
    for part in parts:
        data = os.fsencode(part)
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def of_pictures(pictures: Sequence[Picture]) -> str:
    """Digest of keys, absolute paths, sizes and times: unchanged means what it means in a scan.

    Raises:
        EvaluationError: a picture is not there.
    """
    return of_texts(*(text for picture in pictures for text in _facts(picture)))


def _facts(picture: Picture) -> Iterable[str]:
    try:
        info = os.stat(picture.path)
    except OSError as error:
        raise EvaluationError(
            f"{picture.path}: a picture of the benchmark cannot be read ({error.strerror or error})."
        ) from error
    return picture.key, os.path.abspath(picture.path), str(info.st_size), str(info.st_mtime_ns)


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
