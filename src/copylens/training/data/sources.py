"""Numbers in, names and bytes of pictures out, wherever they lie; what every source of pictures can do."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias

from copylens.errors import ImageError
from copylens.records import Skipped

Signature: TypeAlias = Iterable[tuple[str, int]]


class PictureSource(ABC):
    """Pictures by number, 0 to ``len - 1``.

    Reading is safe in threads, and a source can be pickled.

    Attributes:
        skipped: what looked like pictures and could not be taken in at all, such as links that lead nowhere.
    """

    skipped: tuple[Skipped, ...] = ()

    @abstractmethod
    def __len__(self) -> int:
        """How many pictures there are."""

    @abstractmethod
    def name(self, number: int) -> str:
        """Say where a picture lies, for people."""

    @abstractmethod
    def read(self, number: int) -> bytes:
        """Read the file of a picture, as it was encoded.

        Raises:
            ImageError: it cannot be read, or has no bytes.
        """

    @property
    @abstractmethod
    def digest(self) -> str:
        """16 hex digits of the names and sizes: what a resumed run compares. Another place changes nothing."""


class JoinedPictures(PictureSource):
    """Several sources as one, in their order."""

    def __init__(self, parts: Sequence[PictureSource]) -> None:
        self._parts = tuple(parts)
        self._ends = list(accumulate(len(part) for part in self._parts))
        self.skipped = tuple(entry for part in self._parts for entry in part.skipped)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def name(self, number: int) -> str:
        """As `PictureSource.name`."""
        part, inner = self._find(number)
        return part.name(inner)

    def read(self, number: int) -> bytes:
        """As `PictureSource.read`."""
        part, inner = self._find(number)
        return part.read(inner)

    @property
    def digest(self) -> str:
        """As `PictureSource.digest`."""
        return signature_digest((part.digest, len(part)) for part in self._parts)

    def _find(self, number: int) -> tuple[PictureSource, int]:
        position = bisect_right(self._ends, number)
        return self._parts[position], number - (self._ends[position - 1] if position else 0)


def signature_digest(entries: Signature) -> str:
    """Hash names and sizes, in their order, to 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name, size in entries:
        digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def unreadable(error: OSError) -> ImageError:
    """Say why the system did not give the bytes of a picture that lies inside another file."""
    if isinstance(error, PermissionError):
        return ImageError("permission", "no permission to read it")
    if isinstance(error, FileNotFoundError):
        return ImageError("vanished", "there is no such file (any more)")
    return ImageError("io-error", f"the system could not read it: {error.strerror or error}")
