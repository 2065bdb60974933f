"""Paths become keys: absolute, of bytes, one for each file; roots become spans of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_samples import STRANGE_NAMES
from copylens.catalog.keys import key_of, span_below

names = st.sampled_from(["a", "b", "ab", "a.b", "%", "_", "a b", "/", "0", ".", os.fsdecode(b"\xff")])
paths = st.lists(names, max_size=5).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/a/b.jpg", b"/a/b.jpg"),
        ("/a//b.jpg", b"/a/b.jpg"),
        ("/a/./b.jpg", b"/a/b.jpg"),
        ("/a/", b"/a"),
        ("/a/..b", b"/a/..b"),
        ("/", b"/"),
        (os.fsdecode(b"/\xff.jpg"), b"/\xff.jpg"),
    ],
)
def test_an_absolute_path_is_tidied(path: str, key: bytes) -> None:
    assert key_of(path) == key


def test_a_step_up_is_kept_for_behind_a_link_it_leads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far" / "deep")
    (tmp_path / "far" / "x").write_text("far")
    (tmp_path / "near" / "x").write_text("near")
    through = f"{tmp_path}/near/link/../x"
    assert Path(os.fsdecode(key_of(through))).read_text() == "far"
    assert key_of(through) != key_of(f"{tmp_path}/near/x")


def test_a_relative_path_belongs_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = os.fsencode(Path.cwd())
    assert key_of("a.jpg") == key_of("./a.jpg") == here + b"/a.jpg"
    assert key_of(".") == here
    assert key_of("../a.jpg") == here + b"/../a.jpg"


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_a_strange_name_comes_back_from_its_key(name: str) -> None:
    assert os.fsdecode(key_of(f"/photos/{name}")) == f"/photos/{name}"


def naive_below(key: bytes, root: bytes) -> bool:
    """The parts of the root are the first parts of the path."""
    parts, top = key.split(b"/")[1:], [part for part in root.split(b"/")[1:] if part]
    return parts[: len(top)] == top


@given(paths, paths)
def test_a_span_holds_what_lies_below_the_root_and_nothing_else(path: str, root: str) -> None:
    base, first, after = span_below(root)
    key = key_of(path)
    inside = key == base or first <= key < after
    assert inside == naive_below(key, key_of(root))


@pytest.mark.parametrize(
    ("root", "path", "inside"),
    [
        ("/a/b", "/a/bc/x", False),
        ("/a/b", "/a/b/x", True),
        ("/a/b/", "/a/b/x", True),
        ("/a/b", "/a/b", True),
        ("/a/b", "/a/b.jpg", False),
        ("/a/b", "/a/b0", False),
        ("/a/%", "/a/b/x", False),
        ("/a/_", "/a/b/x", False),
        ("/", "/x", True),
    ],
)
def test_a_span_by_hand(root: str, path: str, inside: bool) -> None:
    base, first, after = span_below(root)
    assert (key_of(path) == base or first <= key_of(path) < after) is inside


@pytest.mark.parametrize("root", [".", "./", "..", "./sub/..", "sub", "./sub//"])
def test_a_relative_root_holds_the_paths_that_a_walk_makes_of_it(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    base, first, after = span_below(root)
    for name in STRANGE_NAMES:
        key = key_of(os.path.join(root, name))  # noqa: PTH118
        assert key != base
        assert first <= key < after
