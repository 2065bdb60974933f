"""Files that are gone are forgotten, below the scanned roots only; what was merely left out stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog_samples import STRANGE_NAMES, hash_of, new, open_sample, same, skip
from copylens.catalog import Catalog
from copylens.records import Skipped


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_sample(tmp_path / "catalog.db") as opened:
        yield opened


def never(path: str) -> bool:
    return False


def always(path: str) -> bool:
    return True


def test_a_file_that_is_gone_is_forgotten_and_its_content_stays(catalog: Catalog) -> None:
    catalog.record([new("/r/a.jpg", 1), new("/r/b.jpg", 2), skip("/r/c.jpg"), skip("/r/d.jpg")])
    assert catalog.forget_missing(["/r"], {"/r/a.jpg", "/r/c.jpg"}, exists=never) == 2
    assert catalog.counts() == {"contents": 2, "files": 1, "skipped": 1}
    assert catalog.has_content(hash_of(2))
    catalog.record([same("/r/moved.jpg", 2)])
    assert len(catalog.images(["/r/a.jpg", "/r/moved.jpg"])) == 2


def test_a_file_that_was_only_left_out_stays(catalog: Catalog) -> None:
    catalog.record([new("/r/a.jpg", 1), skip("/r/c.jpg")])
    assert catalog.forget_missing(["/r"], set(), exists=always) == 0
    assert catalog.counts() == {"contents": 1, "files": 1, "skipped": 1}


def test_only_what_lies_below_a_root_is_forgotten(catalog: Catalog) -> None:
    paths = ["/a/b", "/a/b/x.jpg", "/a/b/deep/x.jpg", "/a/bc/x.jpg", "/a/b.jpg", "/a/B/x.jpg", "/a/x.jpg"]
    catalog.record([new(path, number) for number, path in enumerate(paths)])
    assert catalog.forget_missing(["/a/b"], set(), exists=never) == 3
    assert [image.facts.path for image in catalog.images(paths)] == paths[3:]


@pytest.mark.parametrize("root", ["/a/%", "/a/_", "/a/*", "/a/[b]", "/a/?"])
def test_no_character_of_a_root_is_a_wildcard(catalog: Catalog, root: str) -> None:
    catalog.record([new("/a/b/x.jpg", 1), new(f"{root}/x.jpg", 2)])
    assert catalog.forget_missing([root], set(), exists=never) == 1
    assert [image.facts.path for image in catalog.images(["/a/b/x.jpg", f"{root}/x.jpg"])] == ["/a/b/x.jpg"]


def test_a_single_file_may_be_the_root(catalog: Catalog) -> None:
    catalog.record([new("/r/a.jpg", 1), new("/r/b.jpg", 2)])
    assert catalog.forget_missing(["/r/a.jpg"], set(), exists=never) == 1
    assert catalog.counts()["files"] == 1


def test_the_root_of_all_holds_everything(catalog: Catalog) -> None:
    catalog.record([new("/r/a.jpg", 1), new("/b.jpg", 2)])
    assert catalog.forget_missing(["/"], set(), exists=never) == 2


def test_roots_that_overlap_count_a_file_once(catalog: Catalog) -> None:
    catalog.record([new("/r/s/a.jpg", 1), new("/r/b.jpg", 2)])
    assert catalog.forget_missing(["/r", "/r/s", "/r/"], set(), exists=never) == 2


def test_without_a_root_nothing_is_forgotten(catalog: Catalog) -> None:
    catalog.record([new("/r/a.jpg", 1)])
    assert catalog.forget_missing([], set(), exists=never) == 0


def test_only_the_unseen_are_looked_for(catalog: Catalog) -> None:
    catalog.record([new(f"/r/{name}", number) for number, name in enumerate(STRANGE_NAMES)])
    asked: list[str] = []

    def exists(path: str) -> bool:
        asked.append(path)
        return True

    seen = {f"/r/{name}" for name in STRANGE_NAMES[::2]}
    catalog.forget_missing(["/r"], seen, exists=exists)
    assert sorted(asked) == sorted(f"/r/{name}" for name in STRANGE_NAMES[1::2])


def test_what_was_skipped_without_a_state_is_forgotten_too(catalog: Catalog) -> None:
    catalog.record([Skipped("/r/folder.jpg", "directory", "a folder")])
    assert catalog.forget_missing(["/r"], set(), exists=never) == 1


def test_a_relative_root_concerns_the_working_folder_only(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, folder in enumerate(("first", "second")):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        catalog.record([new("./a.jpg", number), new("./gone.jpg", number)])
    Path("a.jpg").touch()
    assert catalog.forget_missing(["."], {"./a.jpg"}, exists=os.path.lexists) == 1
    kept = [str(tmp_path / name) for name in ("first/a.jpg", "first/gone.jpg", "second/a.jpg")]
    assert [image.facts.path for image in catalog.images([*kept, "gone.jpg"])] == kept


def test_on_a_real_folder_with_strange_names(catalog: Catalog, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    paths = [f"{root}/{name}" for name in STRANGE_NAMES if os.sep not in name]
    for path in paths:
        Path(path).touch()
    catalog.record([new(path, number) for number, path in enumerate(paths)])
    for path in paths[::2]:
        Path(path).unlink()
    assert catalog.forget_missing([str(root)], set(), exists=os.path.lexists) == len(paths[::2])
    assert [image.facts.path for image in catalog.images(paths)] == paths[1::2]
