"""Every kind of place gives the same pictures; what is wrong with a place is said in a sentence."""

from __future__ import annotations

import pickle
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from copylens.errors import ImageError, MissingExtraError, UsageError
from copylens.training.data import PictureSource, open_pictures, tables
from picture_places import (
    WRITERS,
    contents,
    write_folder,
    write_list,
    write_shards,
    write_struct_table,
    write_table,
    write_tar,
)

CONTENTS = contents()


def read_all(source: PictureSource) -> list[bytes]:
    return [source.read(number) for number in range(len(source))]


@pytest.fixture(params=WRITERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return WRITERS[request.param](tmp_path / "plätze", CONTENTS)


def test_every_kind_gives_the_pictures_in_order(place: str) -> None:
    source = open_pictures(place)
    assert read_all(source) == list(CONTENTS.values())
    names = [source.name(number) for number in range(len(source))]
    assert len(set(names)) == len(CONTENTS)
    if "parquet" in place:
        assert [name.rpartition(", ")[2] for name in names] == [f"row {i}" for i in range(len(names))]
    else:
        assert all(name.endswith(known) for name, known in zip(names, CONTENTS, strict=True))


def test_every_kind_can_be_pickled_and_read_in_threads(place: str) -> None:
    source = pickle.loads(pickle.dumps(open_pictures(place)))
    with ThreadPoolExecutor(4) as pool:
        numbers = [number % len(source) for number in range(40)]
        assert list(pool.map(source.read, numbers)) == [list(CONTENTS.values())[n] for n in numbers]


@pytest.mark.parametrize("kind", WRITERS)
def test_the_digest_is_of_names_and_sizes_not_of_the_place(kind: str, tmp_path: Path) -> None:
    digest = open_pictures(WRITERS[kind](tmp_path / "here", CONTENTS)).digest
    assert len(digest) == 16
    assert int(digest, 16) >= 0
    assert open_pictures(WRITERS[kind](tmp_path / "there" / "deep", CONTENTS)).digest == digest
    larger = CONTENTS | {"a.jpg": CONTENTS["a.jpg"] + b"more"}
    assert open_pictures(WRITERS[kind](tmp_path / "other", larger)).digest != digest


def test_the_digest_of_a_folder_does_not_depend_on_how_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(write_folder(tmp_path / "in", CONTENTS))
    monkeypatch.chdir(folder)
    spellings: list[str | Path] = [str(folder), f"{folder}/", ".", "./", "../in", folder]
    assert len({open_pictures(spelling).digest for spelling in spellings}) == 1


def test_a_folder_gives_nested_pictures_and_nothing_else(tmp_path: Path) -> None:
    write_folder(tmp_path, {"x/y/z.JPG": b"1", "notes.md": b"2", ".hidden.jpg": b"3", "x/empty.png": b""})
    source = open_pictures(tmp_path)
    assert [Path(source.name(i)).name for i in range(len(source))] == ["empty.png", "z.JPG"]
    with pytest.raises(ImageError, match="no bytes") as caught:
        source.read(0)
    assert caught.value.code == "empty"


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.jpg": b"1"})
    (tmp_path / "b.jpg").symlink_to(tmp_path / "absent.jpg")
    source = open_pictures(tmp_path)
    assert len(source) == 1
    assert [(Path(entry.path).name, entry.code) for entry in source.skipped] == [("b.jpg", "symlink-loop")]


def test_several_places_are_one_source(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", CONTENTS)
    listed = write_list(tmp_path / "l", CONTENTS)
    shards = write_shards(tmp_path / "s", CONTENTS)
    table = write_struct_table(tmp_path / "t", CONTENTS)
    source = open_pictures([table, folder, shards, listed])
    assert read_all(source) == list(CONTENTS.values()) * 4
    assert [source.name(n) for n in (0, 5, 10, 15)] == [
        f"{folder}/a.jpg",
        f"{tmp_path}/l/lies here/a.jpg",
        f"{tmp_path}/s/train-000.tar/a.jpg",
        f"{table}, row 0",
    ]
    assert read_all(pickle.loads(pickle.dumps(source))) == read_all(source)
    assert source.digest != open_pictures([folder, shards]).digest


def test_what_two_places_lead_to_is_taken_once(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", CONTENTS)
    one = write_tar(tmp_path / "one.tar", CONTENTS)
    source = open_pictures([folder, f"{folder}/b", f"{folder}/a.jpg", one, f"{tmp_path}/*.tar"])
    assert sorted(read_all(source)) == sorted([*CONTENTS.values()] * 2)


def test_a_list_is_relative_to_its_folder_and_keeps_missing_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_folder(tmp_path / "other", {"far.jpg": b"far"})
    write_folder(tmp_path / "in", {"sub/near.jpg": b"near", "with # and space .jpg": b"odd"})
    lines = ["\ufeffsub/near.jpg", "", f"{other}/far.jpg", "gone.jpg", "with # and space .jpg"]
    (tmp_path / "in" / "list.txt").write_bytes("\r\n".join(lines).encode())
    monkeypatch.chdir(tmp_path)
    source = open_pictures("in/list.txt")
    assert [source.read(n) for n in (0, 1, 3)] == [b"near", b"far", b"odd"]
    with pytest.raises(ImageError, match="no such file"):
        source.read(2)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("t-{008..010}.tar", ["t-008.tar", "t-009.tar", "t-010.tar"]),
        ("t-{010..009}.tar", ["t-010.tar", "t-009.tar"]),
        ("{t,u}-{008,011}.tar", ["t-008.tar", "t-011.tar", "u-008.tar", "u-011.tar"]),
        ("t-*.tar", ["t-008.tar", "t-009.tar", "t-010.tar", "t-011.tar"]),
        ("{t,u}-01?.tar", ["t-010.tar", "t-011.tar", "u-011.tar"]),
        ("[t].tar", ["[t].tar"]),
    ],
)
def test_patterns(pattern: str, names: list[str], tmp_path: Path) -> None:
    for name in ("t-008", "t-009", "t-010", "t-011", "u-008", "u-011", "[t]", "t"):
        write_tar(tmp_path / f"{name}.tar", {f"{name}.jpg": name.encode()})
    source = open_pictures(tmp_path / pattern)
    assert read_all(source) == [name.removesuffix(".tar").encode() for name in names]


def test_a_folder_of_shards_or_tables(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards" / "deep", CONTENTS)
    write_struct_table(tmp_path / "tables", CONTENTS)
    assert read_all(open_pictures(tmp_path / "shards")) == list(CONTENTS.values())
    assert read_all(open_pictures(tmp_path / "tables")) == list(CONTENTS.values())


def test_a_shard_gives_its_pictures_only(tmp_path: Path) -> None:
    long = "ordner/" * 40 + "ü.jpg"
    entries = {"k.json": b"{}", "k.jpg": b"k", "._k.jpg": b"resource fork", long: b"long", "none.png": b""}
    source = open_pictures(write_tar(tmp_path / "t.tar", entries))
    assert [source.name(n) for n in range(3)] == [
        f"{tmp_path}/t.tar/{n}" for n in ("k.jpg", long, "none.png")
    ]
    assert source.read(1) == b"long"
    with pytest.raises(ImageError, match="no bytes"):
        source.read(2)


def test_a_shard_that_changes_later_is_a_broken_picture(tmp_path: Path) -> None:
    path = Path(write_tar(tmp_path / "t.tar", {"k.jpg": b"k" * 2000}))
    source = open_pictures(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ImageError, match="shorter") as caught:
        source.read(0)
    assert caught.value.code == "changed"
    path.unlink()
    with pytest.raises(ImageError, match="no such file"):
        source.read(0)


def test_a_row_without_bytes_is_a_broken_picture(tmp_path: Path) -> None:
    rows = [{"bytes": None, "path": "p"}, None, {"bytes": b"", "path": ""}, {"bytes": b"x", "path": ""}]
    source = open_pictures(write_table(tmp_path / "t.parquet", {"image": rows}))
    for number in range(3):
        with pytest.raises(ImageError, match="no bytes"):
            source.read(number)
    assert source.read(3) == b"x"


def test_row_groups_are_kept_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "HELD_BYTES", 2500)
    path = write_table(tmp_path / "t.parquet", {"image": [bytes([n]) * 1000 for n in range(8)]}, rows=1)
    source = tables.TablePictures([path])
    for number in (0, 1, 2, 3, 2, 7, 0, 7, 6):
        assert source.read(number) == bytes([number]) * 1000
        assert 1 <= len(source._held) <= 2
    assert list(source._held) == [7, 6]


def test_parquet_needs_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_struct_table(tmp_path, CONTENTS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[parquet\]"):
        open_pictures(path)


def test_words_for_places_that_cannot_be_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.md").touch()
    (tmp_path / "none.txt").touch()
    (tmp_path / "absent.txt").write_text("a.jpg\nb.jpg\n")
    (tmp_path / "utf16.txt").write_text("a.jpg\n", encoding="utf-16")
    (tmp_path / "no.tar").write_bytes(b"no archive" * 100)
    (tmp_path / "no.parquet").write_bytes(b"no table")
    (tmp_path / "x.tar.gz").touch()
    write_table(tmp_path / "words.parquet", {"caption": ["a", "b"], "score": [1, 2]})
    write_shards(tmp_path / "both", CONTENTS)
    write_folder(tmp_path / "both", CONTENTS)
    for place, words in {
        "absent": "absent: no such file or folder",
        "empty": "no pictures found there",
        "none.txt": "no pictures found there",
        "absent.txt": "none of its 2 files is there, such as .*a.jpg",
        "utf16.txt": "not a list of paths; write UTF-8 text",
        "no.tar": "not a whole, plain tar archive",
        "x.tar.gz": "unpack it",
        "no.parquet": "not a readable Parquet file",
        "words.parquet": r"no column holds pictures .* caption \(string\), score \(int64\)",
        "both": "holds pictures and also train-000.tar",
        "train-*.tar": "nothing matches",
        "both/train-{000..002}.tar": "train-002.tar: no such file",
    }.items():
        with pytest.raises(UsageError, match=words):
            open_pictures(tmp_path / place)
    with pytest.raises(UsageError, match="No pictures given"):
        open_pictures([])


def test_a_cut_shard_is_refused(tmp_path: Path) -> None:
    path = Path(write_tar(tmp_path / "t.tar", {f"{n}.jpg": b"x" * 5000 for n in range(9)}))
    with tarfile.open(path) as archive:
        inside = archive.getmembers()[5].offset_data + 100
    path.write_bytes(path.read_bytes()[:inside])
    with pytest.raises(UsageError, match="not a whole"):
        open_pictures(path)
