"""Pictures in every kind of place that a training takes them from, and a source that counts what is read."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from copylens.errors import ImageError
from copylens.training.data.sources import PictureSource, signature_digest
from workflow_samples import picture_bytes, scene

NAMES = ("a.jpg", "c d.jpeg", "z.gif", "b/ünter dem Baum.PNG", "b/写真.webp")
FORMS = ("JPEG", "JPEG", "GIF", "PNG", "WEBP")


def contents() -> dict[str, bytes]:
    """Encoded pictures of several sizes and formats, by name, in the order of a walk."""
    return {
        name: picture_bytes(scene(seed, 40 + 8 * seed, 64), form)
        for seed, (name, form) in enumerate(zip(NAMES, FORMS, strict=True))
    }


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> str:
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(folder)


def write_list(folder: Path, contents: Mapping[str, bytes]) -> str:
    write_folder(folder / "lies here", contents)
    lines = [f"lies here/{name}" for name in contents]
    (folder / "list.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "list.txt")


def write_tar(path: Path, contents: Mapping[str, bytes]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(path)


def write_table(path: Path, columns: Mapping[str, Any], *, rows: int = 2) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path, row_group_size=rows)
    return str(path)


def write_shards(folder: Path, contents: Mapping[str, bytes]) -> str:
    names = list(contents)
    write_tar(folder / "train-000.tar", {name: contents[name] for name in names[:2]})
    write_tar(folder / "train-001.tar", {name: contents[name] for name in names[2:]})
    return str(folder / "train-{000..001}.tar")


def write_bytes_table(folder: Path, contents: Mapping[str, bytes]) -> str:
    return write_table(folder / "t.parquet", {"label": range(len(contents)), "img": list(contents.values())})


def write_struct_table(folder: Path, contents: Mapping[str, bytes]) -> str:
    rows = [{"bytes": data, "path": name} for name, data in contents.items()]
    return write_table(folder / "t.parquet", {"image": rows, "raw": [b"no picture"] * len(rows)}, rows=3)


WRITERS: dict[str, Callable[[Path, Mapping[str, bytes]], str]] = {
    "folder": write_folder,
    "list": write_list,
    "tar": lambda folder, contents: write_tar(folder / "one.tar", contents),
    "shards": write_shards,
    "table of bytes": write_bytes_table,
    "table of structs": write_struct_table,
}


class Listed(PictureSource):
    """Pictures in memory that count how often each is read; None is a broken one."""

    def __init__(self, entries: Sequence[bytes | None]) -> None:
        self.entries = list(entries)
        self.reads: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self.entries)

    def name(self, number: int) -> str:
        return f"picture {number}"

    def read(self, number: int) -> bytes:
        self.reads[number] += 1
        data = self.entries[number]
        if data is None:
            raise ImageError("empty", "the file has no bytes")
        return data

    @property
    def digest(self) -> str:
        return signature_digest((self.name(i), len(data or b"")) for i, data in enumerate(self.entries))


def pictures(count: int, *, broken: Sequence[int] = ()) -> Listed:
    """Small pictures, each another; those in `broken` cannot be read."""
    return Listed(
        [None if i in broken else picture_bytes(scene(i, 20, 16 + i % 9), "PNG") for i in range(count)]
    )
