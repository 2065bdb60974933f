"""The walk: what it takes, what it leaves, what it says, and that it takes each file once."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.images import IMAGE_EXTENSIONS, find_images, parse_extensions
from copylens.records import FoundFile, Skipped


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(*roots: Path, exclude: tuple[str, ...] = (), hidden: bool = False) -> list[str]:
    """The paths found, relative to the first root; anything skipped fails the test."""
    items = list(find_images([str(root) for root in roots], exclude=exclude, hidden=hidden))
    assert [item for item in items if isinstance(item, Skipped)] == []
    return [os.path.relpath(item.path, roots[0]) for item in items]


def skipped(root: Path) -> dict[str, str]:
    items = find_images([str(root)])
    return {os.path.relpath(item.path, root): item.code for item in items if isinstance(item, Skipped)}


def test_sizes_and_times_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"twelve bytes")
    os.utime(tmp_path / "a.jpg", ns=(1, 123_456_789_000))
    assert list(find_images([str(tmp_path)])) == [FoundFile(str(tmp_path / "a.jpg"), 12, 123_456_789_000)]


def test_files_come_by_name_and_before_the_folders_beside_them(tmp_path: Path) -> None:
    write(*(tmp_path / name for name in ("b/z.jpg", "b/a.jpg", "a/b.jpg", "c.jpg", "B.jpg", "a/a/a.jpg")))
    assert found(tmp_path) == ["B.jpg", "c.jpg", "a/b.jpg", "a/a/a.jpg", "b/a.jpg", "b/z.jpg"]


def test_only_images_suffixes_are_taken_whatever_their_case(tmp_path: Path) -> None:
    write(
        *(tmp_path / name for name in ("a.JPG", "b.Webp", "c.txt", "d", "jpg", ".png", "e.jpg.bak", "f.heic"))
    )
    assert found(tmp_path) == ["a.JPG", "b.Webp", "f.heic"]


def test_other_suffixes_can_be_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", tmp_path / "b.dat")
    items = find_images([str(tmp_path)], extensions=parse_extensions(".DAT"))
    assert [Path(item.path).name for item in items] == ["b.dat"]


def test_a_file_as_root_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    write(tmp_path / "picture.dat", tmp_path / ".hidden")
    roots = [str(tmp_path / "picture.dat"), str(tmp_path / ".hidden")]
    assert [item.path for item in find_images(roots)] == roots


def test_hidden_files_and_folders_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    write(tmp_path / ".a.jpg", tmp_path / ".git" / "b.jpg", tmp_path / "c.jpg")
    assert found(tmp_path) == ["c.jpg"]
    assert found(tmp_path, hidden=True) == [".a.jpg", "c.jpg", ".git/b.jpg"]
    assert found(tmp_path / ".git") == ["b.jpg"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("thumbs", ["a.jpg", "in/b.jpg", "in/b.png"]),
        ("thumbs/", ["a.jpg", "in/b.jpg", "in/b.png"]),
        ("thumbs/*", ["a.jpg", "in/b.jpg", "in/b.png", "in/thumbs/d.jpg"]),
        ("**/thumbs/**", ["a.jpg", "in/b.jpg", "in/b.png"]),
        ("**/b.jpg", ["a.jpg", "in/b.png", "in/thumbs/d.jpg", "thumbs/c.jpg"]),
        ("*.png", ["a.jpg", "in/b.jpg", "in/thumbs/d.jpg", "thumbs/c.jpg"]),
        ("in/b.*", ["a.jpg", "in/thumbs/d.jpg", "thumbs/c.jpg"]),
        ("in", ["a.jpg", "thumbs/c.jpg"]),
        ("[ab].jpg", ["in/b.png", "in/thumbs/d.jpg", "thumbs/c.jpg"]),
        ("B.JPG", ["a.jpg", "in/b.jpg", "in/b.png", "in/thumbs/d.jpg", "thumbs/c.jpg"]),
    ],
)
def test_exclusions_match_names_and_paths_below_the_root(
    tmp_path: Path, pattern: str, left: list[str]
) -> None:
    names = ("a.jpg", "in/b.jpg", "in/b.png", "thumbs/c.jpg", "in/thumbs/d.jpg")
    write(*(tmp_path / name for name in names))
    assert sorted(found(tmp_path, exclude=(pattern,))) == sorted(left)


def test_an_excluded_folder_is_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "keep" / "a.jpg", tmp_path / "node_modules" / "b.jpg")
    scandir, entered = os.scandir, []

    def watched(path: str) -> object:
        entered.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)
    assert found(tmp_path, exclude=("node_modules",)) == ["keep/a.jpg"]
    assert "node_modules" not in entered


def test_overlapping_roots_give_each_file_once(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "in.jpg"
    write(tmp_path / "top.jpg", inner, tmp_path / "b" / "x.jpg")
    everything = ["a/in.jpg", "b/x.jpg", "top.jpg"]
    for roots in itertools.permutations(
        [tmp_path, tmp_path / "a", inner, tmp_path, tmp_path / "b" / ".." / "a"]
    ):
        paths = [os.path.realpath(item.path) for item in find_images([str(root) for root in roots])]
        assert sorted(os.path.relpath(path, tmp_path) for path in paths) == everything


def test_a_missing_root_is_named_before_anything_is_walked(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="gone: no such file or folder"):
        next(find_images([str(tmp_path), str(tmp_path / "gone")]))


def test_the_walk_streams(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.jpg", tmp_path / "b" / "2.jpg")
    walk = find_images([str(tmp_path)])
    assert Path(next(walk).path).name == "1.jpg"
    write(tmp_path / "b" / "3.jpg")
    assert [Path(item.path).name for item in walk] == ["2.jpg", "3.jpg"]


def test_links_to_files_elsewhere_are_images_under_the_links_name(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a.dat", tmp_path / "scanned" / "b.jpg")
    (tmp_path / "scanned" / "link.jpg").symlink_to(tmp_path / "elsewhere" / "a.dat")
    assert found(tmp_path / "scanned") == ["b.jpg", "link.jpg"]


def test_a_link_to_a_file_that_the_walk_leaves_out_is_an_image(tmp_path: Path) -> None:
    write(tmp_path / ".hidden.jpg", tmp_path / "out" / "x.jpg", tmp_path / "a.dat", tmp_path / "a.jpg")
    for number, target in enumerate((".hidden.jpg", "out/x.jpg", "a.dat", "a.jpg")):
        (tmp_path / f"link{number}.jpg").symlink_to(target)
    assert found(tmp_path, exclude=("out",)) == ["a.jpg", "link0.jpg", "link1.jpg", "link2.jpg"]


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.jpg")
    (tmp_path / "link").symlink_to("real")
    assert found(tmp_path / "link") == ["a.jpg"]
    (tmp_path / "dangling").symlink_to("nothing")
    assert skipped(tmp_path / "dangling") == {".": "symlink-loop"}


def test_loops_of_links_end_and_are_reported(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "c.jpg")
    (tmp_path / "a" / "b" / "up").symlink_to("../..")
    (tmp_path / "a" / "b" / "here").symlink_to(".")
    (tmp_path / "circle-1").symlink_to("circle-2")
    (tmp_path / "circle-2").symlink_to("circle-1")
    (tmp_path / "dangling-without-suffix").symlink_to("nothing")
    assert skipped(tmp_path) == {
        "a/b/up": "symlink-loop",
        "a/b/here": "symlink-loop",
        "circle-1": "symlink-loop",
        "circle-2": "symlink-loop",
    }


def test_two_folders_that_link_to_each_other_are_walked_once(tmp_path: Path) -> None:
    write(tmp_path / "x" / "1.jpg", tmp_path / "y" / "2.jpg", tmp_path / "scanned" / "0.jpg")
    (tmp_path / "x" / "to-y").symlink_to("../y")
    (tmp_path / "y" / "to-x").symlink_to("../x")
    (tmp_path / "scanned" / "x").symlink_to("../x")
    assert found(tmp_path / "scanned") == ["0.jpg", "x/1.jpg", "x/to-y/2.jpg"]


def deny(monkeypatch: pytest.MonkeyPatch, function: str, barred: Path) -> None:
    """As root, which the tests may run as, no mode of a file bars anybody."""
    real = getattr(os, function)

    def guarded(path: object, *args: object, **options: object) -> object:
        if os.fspath(path) == str(barred):  # type: ignore[call-overload]
            raise PermissionError(13, "Permission denied", str(barred))
        return real(path, *args, **options)

    monkeypatch.setattr(os, function, guarded)


def test_an_unreadable_folder_is_reported_and_the_rest_is_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "barred" / "a.jpg", tmp_path / "open" / "b.jpg")
    deny(monkeypatch, "scandir", tmp_path / "barred")
    items = list(find_images([str(tmp_path)]))
    assert isinstance(items[0], Skipped)
    assert (items[0].path, items[0].code) == (str(tmp_path / "barred"), "permission")
    assert [item.path for item in items[1:]] == [str(tmp_path / "open" / "b.jpg")]


@pytest.mark.parametrize("name", ["link", "link.jpg"])
def test_a_link_into_a_barred_folder_says_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).symlink_to("/barred")
    deny(monkeypatch, "stat", tmp_path / name)
    assert skipped(tmp_path) == {name: "permission"}


def test_a_folder_that_vanishes_meanwhile_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", tmp_path / "gone" / "b.jpg")
    walk = find_images([str(tmp_path)])
    next(walk)
    (tmp_path / "gone" / "b.jpg").unlink()
    (tmp_path / "gone").rmdir()
    assert [(item.path, getattr(item, "code", None)) for item in walk] == [
        (str(tmp_path / "gone"), "vanished")
    ]


def test_a_pipe_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.setattr(os, "open", None)
    assert skipped(tmp_path) == {"pipe.jpg": "special-file"}
    assert skipped(tmp_path / "pipe.jpg") == {".": "special-file"}


def test_extensions_are_read_leniently() -> None:
    assert parse_extensions("jpg,png") == {"jpg", "png"}
    assert parse_extensions(" .JPG ,, *.Png ") == {"jpg", "png"}


@pytest.mark.parametrize("text", ["", " , ", ".", "a/b", "tar.gz"])
def test_extensions_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="suffixes separated by commas"):
        parse_extensions(text)


def test_the_suffixes_are_those_of_the_formats_that_decode_reads() -> None:
    assert {
        "jpg",
        "jpeg",
        "png",
        "webp",
        "avif",
        "gif",
        "bmp",
        "tif",
        "tiff",
        "jp2",
        "heic",
    } <= IMAGE_EXTENSIONS
    assert all(name == name.lower() and "." not in name for name in IMAGE_EXTENSIONS)


NAMES = st.sampled_from(["a", "b", "c.jpg", "d.png", ".e", "f.txt", "é.jpg"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(paths=st.sets(st.lists(NAMES, min_size=1, max_size=4).map(tuple), max_size=12), hidden=st.booleans())
def test_the_walk_equals_the_naive_one(
    tmp_path_factory: pytest.TempPathFactory, paths: set[tuple[str, ...]], hidden: bool
) -> None:
    root = tmp_path_factory.mktemp("walk")
    for parts in sorted(paths, key=len, reverse=True):
        path = root.joinpath(*parts)
        if not path.exists() and all(not above.is_file() for above in path.parents):
            write(path)
    expected = sorted(
        str(path)
        for path in root.rglob("*")
        if path.is_file()
        and path.suffix in (".jpg", ".png")
        and (hidden or not any(part.startswith(".") for part in path.relative_to(root).parts))
    )
    items = list(find_images([str(root)], hidden=hidden))
    assert sorted(item.path for item in items if isinstance(item, FoundFile)) == expected
    folders = {item.path for item in items if isinstance(item, Skipped) and item.code == "directory"}
    assert len(folders) == len(items) - len(expected)
    assert all(Path(path).is_dir() and Path(path).suffix for path in folders)
