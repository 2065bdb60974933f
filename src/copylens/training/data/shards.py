"""Tar archives in, a source of the pictures inside them out; each is listed once and then read at any place."""

from __future__ import annotations

import tarfile
from array import array
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from copylens.errors import ImageError, UsageError
from copylens.images import IMAGE_EXTENSIONS
from copylens.training.data.sources import PictureSource, signature_digest, unreadable


class ShardPictures(PictureSource):
    """The pictures in plain tar archives, known by their suffix; other members are left alone.

    A picture is read from its place in the archive, with a file opened for that alone: nothing is held open, so
    any number of threads and processes can read.

    Args:
        paths: of the archives.

    Raises:
        UsageError: an archive is missing, damaged or compressed.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = list(paths)
        self._shards, self._starts, self._sizes = array("i"), array("q"), array("q")
        self._names: list[str] = []
        for shard, path in enumerate(self._paths):
            self._list(shard, path)
        self._digest = signature_digest(zip(self._names, self._sizes, strict=True))

    def __len__(self) -> int:
        return len(self._names)

    def name(self, number: int) -> str:
        """As `PictureSource.name`."""
        return f"{self._paths[self._shards[number]]}/{self._names[number]}"

    def read(self, number: int) -> bytes:
        """As `PictureSource.read`."""
        size = self._sizes[number]
        if not size:
            raise ImageError("empty", "the file has no bytes")
        try:
            with open(self._paths[self._shards[number]], "rb", buffering=0) as file:
                file.seek(self._starts[number])
                data = file.read(size)
        except OSError as error:
            raise unreadable(error) from error
        if len(data) < size:
            raise ImageError("changed", "its archive has become shorter")
        return data

    @property
    def digest(self) -> str:
        """As `PictureSource.digest`."""
        return self._digest

    def _list(self, shard: int, path: str) -> None:
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    if member.isreg() and not member.issparse() and _is_picture(member.name):
                        self._shards.append(shard)
                        self._starts.append(member.offset_data)
                        self._sizes.append(member.size)
                        self._names.append(member.name)
        except FileNotFoundError as error:
            raise UsageError(f"{path}: there is no such shard.") from error
        except OSError as error:
            raise UsageError(f"{path}: the shard cannot be read: {error.strerror}.") from error
        except tarfile.TarError as error:
            raise UsageError(
                f"{path}: not a whole, plain tar archive ({error}); compressed ones must be unpacked first."
            ) from error


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix[1:].lower() in IMAGE_EXTENSIONS and not path.name.startswith(".")


def is_shard(path: str | Path) -> bool:
    """Whether a name is that of a tar archive."""
    return Path(path).suffix.lower() == ".tar"
