"""Parquet files in, a source of the pictures in their image column out."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

from copylens.errors import ImageError, MissingExtraError, UsageError
from copylens.training.data.sources import PictureSource, signature_digest, unreadable

USUAL_NAMES = ("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "bytes")
"""Of image columns, best first; without one of them the first column that holds bytes is taken."""

HELD_BYTES = 256 << 20
"""Row groups are kept in memory up to this size, and the last one whatever its size."""


class TablePictures(PictureSource):
    """The pictures in a column of Parquet files: bytes, or Hugging Face's ``{"bytes", "path"}``.

    Parquet reads whole row groups. The last ones are kept, but pictures are drawn in random order: with groups
    of more than some 100 pictures, keep the decoded pictures in memory (``data.cache``) or write shards. Every process
    that decodes (``data.decode_in``) keeps row groups of its own.

    Args:
        paths: of the files.

    Raises:
        UsageError: a file is missing or damaged, or has no column that could hold pictures.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = list(paths)
        self._columns: list[str] = []
        self._groups: list[tuple[int, int]] = []
        rows: list[int] = []
        entries: list[tuple[str, int]] = []
        for number, path in enumerate(self._paths):
            column, groups = _describe(path)
            self._columns.append(column)
            self._groups += [(number, group) for group in range(len(groups))]
            rows += [count for count, _ in groups]
            entries += [(f"{Path(path).name}\0{column}\0{count}", size) for count, size in groups]
        self._ends = list(accumulate(rows))
        self._digest = signature_digest(entries)
        self._start_cache()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def name(self, number: int) -> str:
        """As `PictureSource.name`."""
        position = bisect_right(self._ends, number)
        file = self._groups[position][0]
        first = next(place for place, (owner, _) in enumerate(self._groups) if owner == file)
        return f"{self._paths[file]}, row {number - (self._ends[first - 1] if first else 0)}"

    def read(self, number: int) -> bytes:
        """As `PictureSource.read`."""
        position = bisect_right(self._ends, number)
        row = number - (self._ends[position - 1] if position else 0)
        data = self._group(position)[row].as_py()
        if not data:
            raise ImageError("empty", "the table has no bytes in this row")
        return bytes(data)

    @property
    def digest(self) -> str:
        """As `PictureSource.digest`."""
        return self._digest

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_lock", "_held")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_cache()

    def _start_cache(self) -> None:
        self._lock = Lock()
        self._held: OrderedDict[int, Any] = OrderedDict()

    def _group(self, position: int) -> Any:
        # One at a time: pyarrow unpacks a group with threads of its own, and two could hold twice the memory.
        with self._lock:
            if position in self._held:
                self._held.move_to_end(position)
                return self._held[position]
            values = self._read_group(position)
            self._held[position] = values
            while len(self._held) > 1 and sum(held.nbytes for held in self._held.values()) > HELD_BYTES:
                self._held.popitem(last=False)
            return values

    def _read_group(self, position: int) -> Any:
        pyarrow = _pyarrow()
        file, group = self._groups[position]
        column = self._columns[file]
        try:
            with pyarrow.parquet.ParquetFile(self._paths[file]) as table:
                values = table.read_row_group(group, columns=[column]).column(0)
        except OSError as error:
            raise unreadable(error) from error
        except pyarrow.ArrowException as error:
            raise ImageError(
                "corrupt", f"damaged Parquet data: {' '.join(str(error).split())[:120]}"
            ) from error
        if pyarrow.types.is_struct(values.type):
            values = pyarrow.compute.struct_field(values, "bytes")
        return values


def _describe(path: str) -> tuple[str, list[tuple[int, int]]]:
    """Give the image column of a file, and of each of its row groups the rows and the bytes, not compressed."""
    pyarrow = _pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            schema, facts = table.schema_arrow, table.metadata
            groups = [facts.row_group(group) for group in range(facts.num_row_groups)]
            sizes = [(group.num_rows, group.total_byte_size) for group in groups]
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such table.") from error
    except (OSError, pyarrow.ArrowException) as error:
        raise UsageError(
            f"{path}: not a readable Parquet file: {' '.join(str(error).split())[:120]}."
        ) from error
    possible = [field.name for field in schema if _holds_bytes(pyarrow, field.type)]
    if not possible:
        raise UsageError(
            f"{path}: no column holds pictures (bytes, or a struct with bytes); its columns are "
            f"{', '.join(f'{field.name} ({field.type})' for field in schema) or 'none'}."
        )
    usual = [name for name in USUAL_NAMES if name in possible]
    return (usual or possible)[0], sizes


def _holds_bytes(pyarrow: Any, kind: Any) -> bool:
    types = pyarrow.types
    if types.is_struct(kind):
        return any(
            kind.field(i).name == "bytes" and _holds_bytes(pyarrow, kind.field(i).type)
            for i in range(kind.num_fields)
        )
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "parquet") from error
    return pyarrow


def is_table(path: str | Path) -> bool:
    """Whether a name is that of a Parquet file."""
    return Path(path).suffix.lower() in (".parquet", ".pq")
