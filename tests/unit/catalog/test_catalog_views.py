"""Views in the catalog: kept beside the whole, topped up, read back in order; older files gain the table."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from catalog_samples import (
    DIMS,
    FINGERPRINT,
    MODEL,
    assert_sound,
    descriptor_of,
    file_of,
    hash_of,
    new,
    open_sample,
    rows_of,
    same,
)
from copylens.catalog import Catalog, NewContent, SameContent
from copylens.catalog.migrations import m001_initial, m002_views
from copylens.errors import CatalogError
from copylens.records import INSET_KEYS, View

Views = Mapping[str, npt.NDArray[np.float32]]


def views_of(number: int, *keys: str) -> Views:
    return {key: descriptor_of(1000 * number + len(key)) for key in keys}


def with_views(path: str, number: int, *keys: str) -> NewContent:
    return replace(new(path, number), views=views_of(number, *keys))


def more_views(path: str, number: int, *keys: str) -> SameContent:
    return replace(same(path, number), views=views_of(number, *keys))


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return open_sample(tmp_path / "c.db")


def ids_of(catalog: Catalog, *paths: str) -> list[int]:
    return [image.content_id for image in catalog.images(list(paths))]


def test_views_come_back_in_the_order_asked_to_half_precision(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views(["a", "bb"])
        catalog.record([with_views("/1", 1, "bb", "a", "other"), with_views("/2", 2, "a", "bb")])
        stack = catalog.view_descriptors(ids_of(catalog, "/2", "/1"))
        assert stack.shape == (2, 2, DIMS)
        assert stack.dtype == np.float32
        for row, number in enumerate((2, 1)):
            for place, key in enumerate(("a", "bb")):
                expected = views_of(number, key)[key]
                np.testing.assert_array_equal(stack[row, place], expected.astype(np.float16))
        assert catalog.view_descriptors([]).shape == (0, 2, DIMS)


def test_nothing_is_missing_where_nothing_is_wanted(catalog: Catalog) -> None:
    with catalog:
        catalog.record([new("/1", 1)])
        assert catalog.missing_views(hash_of(1)) == ()
        assert [file.path for file in catalog.partition([file_of("/1", 1)]).images] == ["/1"]


def test_an_image_without_a_wanted_view_is_unread_until_it_has_it(catalog: Catalog) -> None:
    files = [file_of("/1", 1), file_of("/2", 2), file_of("/3", 3)]
    with catalog:
        catalog.record([new("/1", 1), with_views("/2", 2, "a"), with_views("/3", 3, "a", "bb")])
        catalog.want_views(["a", "bb"])
        assert [catalog.missing_views(hash_of(n)) for n in (1, 2, 3, 4)] == [
            ("a", "bb"),
            ("bb",),
            (),
            ("a", "bb"),
        ]
        parts = catalog.partition(files)
        assert [file.path for file in parts.unread] == ["/1", "/2"]
        catalog.record([more_views("/1", 1, "a"), more_views("/2", 2, "bb")])
        assert [catalog.missing_views(hash_of(n)) for n in (1, 2)] == [("bb",), ()]
        catalog.record([more_views("/1", 1, "bb")])
        assert catalog.partition(files).unread == []
        assert catalog.view_descriptors(ids_of(catalog, "/1", "/2", "/3")).shape == (3, 2, DIMS)
        catalog.want_views(["a"])
        assert catalog.partition(files).unread == []


def test_what_is_there_stays_and_the_whole_is_untouched(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views(["a"])
        catalog.record([with_views("/1", 1, "a")])
        before = catalog.view_descriptors(ids_of(catalog, "/1")).copy()
        catalog.record([replace(same("/1", 1), views={"a": descriptor_of(99)})])
        np.testing.assert_array_equal(catalog.view_descriptors(ids_of(catalog, "/1")), before)
        (row,) = catalog.descriptors(ids_of(catalog, "/1"))
        np.testing.assert_array_equal(row, descriptor_of(1))


def test_views_go_with_their_content(catalog: Catalog, tmp_path: Path) -> None:
    with catalog:
        catalog.want_views(["a"])
        catalog.record([with_views("/1", 1, "a"), with_views("/2", 2, "a")])
        catalog.forget_missing(["/1"], set(), exists=lambda _: False)
        assert catalog.prune() == 1
        assert [catalog.missing_views(hash_of(n)) for n in (1, 2)] == [("a",), ()]
        assert catalog._db.execute("SELECT count(*) FROM views").fetchone() == (1,)
        assert_sound(catalog)


def test_a_missing_or_damaged_view_is_said(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views(["a"])
        catalog.record([with_views("/1", 1, "a"), new("/2", 2)])
        with pytest.raises(CatalogError, match="lost descriptors of views"):
            catalog.view_descriptors(ids_of(catalog, "/1", "/2"))
        catalog._db.execute("UPDATE views SET descriptor = x'00'")
        with pytest.raises(CatalogError, match="damaged"):
            catalog.view_descriptors(ids_of(catalog, "/1"))


def test_a_view_of_another_length_leaves_nothing_of_its_batch(catalog: Catalog) -> None:
    wrong = replace(new("/2", 2), views={"a": np.zeros(DIMS + 1, np.float32)})
    with catalog:
        with pytest.raises(ValueError, match="numbers was expected"):
            catalog.record([with_views("/1", 1, "a"), wrong])
        assert rows_of(catalog) == []
        assert catalog._db.execute("SELECT count(*) FROM views").fetchone() == (0,)


def test_a_catalog_of_the_first_schema_gains_the_table_and_keeps_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with open_sample(tmp_path / "new.db") as fresh:
        fresh.record([new("/1", 1), new("/2", 2)])
        held = rows_of(fresh)
        contents = fresh._db.execute("SELECT * FROM contents").fetchall()
        files = fresh._db.execute("SELECT * FROM files").fetchall()
    with closing(sqlite3.connect(path)) as old:
        m001_initial.apply(old)
        old.execute("PRAGMA user_version = 1")
        facts = {"fingerprint": FINGERPRINT, "model": MODEL, "dims": str(DIMS)}
        old.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        old.executemany(f"INSERT INTO contents VALUES ({','.join('?' * 7)})", contents)
        old.executemany("INSERT INTO files VALUES (?, ?, ?, ?)", files)
        old.commit()
    with open_sample(path) as catalog:
        assert rows_of(catalog) == held
        catalog.want_views(["a"])
        assert catalog.missing_views(hash_of(1)) == ("a",)
        catalog.record([more_views("/1", 1, "a")])
        assert catalog.missing_views(hash_of(1)) == ()
        assert_sound(catalog)


BOX, OTHER = View(0.1, 0.2, 0.7, 0.65), View(0.5, 0.5, 0.75, 1.0)
INSET_KEY, SECOND = INSET_KEYS[:2]


def with_inset(path: str, number: int) -> NewContent:
    views = {INSET_KEY: descriptor_of(number + 50), SECOND: None, "a": descriptor_of(7)}
    return replace(new(path, number), views=views, insets=(BOX,))


def without_inset(path: str, number: int) -> NewContent:
    return replace(new(path, number), views={INSET_KEY: None, SECOND: None, "a": descriptor_of(8)})


def test_an_inset_comes_back_with_its_box_and_none_as_zeros(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views([INSET_KEY, "a"])
        catalog.record([with_inset("/1", 1), without_inset("/2", 2), new("/3", 3)])
        assert [catalog.missing_views(hash_of(n)) for n in (1, 2, 3)] == [(), (), (INSET_KEY, "a")]
        first, second, third = ids_of(catalog, "/1", "/2", "/3")
        stack = catalog.view_descriptors([second, first])
        assert not stack[0, 0].any()
        assert stack[0, 1].any()
        np.testing.assert_array_equal(stack[1, 0], descriptor_of(51).astype(np.float16))
        assert catalog.insets([first, second, third]) == {first: {INSET_KEY: BOX}}
        assert catalog.insets([]) == {}


def test_an_inset_is_added_to_a_known_content_and_what_is_there_stays(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views(INSET_KEYS)
        catalog.record([new("/1", 1), with_inset("/2", 2)])
        views = {INSET_KEY: descriptor_of(9), SECOND: descriptor_of(10)}
        later = replace(same("/1", 1), views=views, insets=(BOX, OTHER))
        again = replace(same("/2", 2), views={INSET_KEY: None})
        catalog.record([later, again])
        first, second = ids_of(catalog, "/1", "/2")
        expected = {first: {INSET_KEY: BOX, SECOND: OTHER}, second: {INSET_KEY: BOX}}
        assert catalog.insets([first, second]) == expected
        there = catalog.view_descriptors([first, second]) != 0.0
        assert there[:, :2].any(2).tolist() == [[True, True], [True, False]]
        assert not there[:, 2:].any()


def test_of_insets_that_were_not_found_one_row_says_so(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views([*INSET_KEYS, "a"])
        nothing = {**dict.fromkeys(INSET_KEYS), "a": descriptor_of(8)}
        two = {**nothing, INSET_KEY: descriptor_of(1), SECOND: descriptor_of(2)}
        catalog.record(
            [replace(new("/1", 1), views=nothing), replace(new("/2", 2), views=two, insets=(BOX, OTHER))]
        )
        counts = "SELECT count(*) FROM views GROUP BY content ORDER BY content"
        assert catalog._db.execute(counts).fetchall() == [(2,), (3,)]
        assert [catalog.missing_views(hash_of(n)) for n in (1, 2, 3)] == [(), (), (*INSET_KEYS, "a")]
        seen = catalog.view_descriptors(ids_of(catalog, "/1", "/2")) != 0.0
        assert seen[:, :3].any(2).tolist() == [[False] * 3, [True, True, False]]
        assert seen[:, -1].any(1).all()
        # Another look with the same wishes reads them from the file.
        catalog.want_views(["a", *INSET_KEYS])
        assert [catalog.missing_views(hash_of(n)) for n in (1, 2)] == [(), ()]
        catalog.want_views(["b", *INSET_KEYS])
        assert catalog.missing_views(hash_of(2)) == ("b",)


def test_where_nobody_looked_for_insets_all_of_them_are_missing(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views(["a"])
        catalog.record([with_views("/1", 1, "a")])
        catalog.want_views(["a", *INSET_KEYS])
        assert catalog.missing_views(hash_of(1)) == INSET_KEYS
        with pytest.raises(CatalogError, match="lost descriptors of views"):
            catalog.view_descriptors(ids_of(catalog, "/1"))


@pytest.mark.parametrize("box", ["[1, 2]", "no box", "[0, 0, 1, null]"])
def test_a_damaged_box_is_said(catalog: Catalog, box: str) -> None:
    with catalog:
        catalog.record([with_inset("/1", 1)])
        catalog._db.execute("UPDATE views SET box = ?", (box,))
        with pytest.raises(CatalogError, match="damaged"):
            catalog.insets(ids_of(catalog, "/1"))


def test_only_an_inset_may_be_empty(catalog: Catalog) -> None:
    with catalog:
        catalog.want_views(["a"])
        catalog.record([with_inset("/1", 1)])
        catalog._db.execute("UPDATE views SET descriptor = x''")
        with pytest.raises(CatalogError, match="damaged"):
            catalog.view_descriptors(ids_of(catalog, "/1"))


def test_a_catalog_of_the_second_schema_gains_the_boxes_and_keeps_its_views(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        m001_initial.apply(old)
        m002_views.apply(old)
        old.execute("PRAGMA user_version = 2")
        facts = {"fingerprint": FINGERPRINT, "model": MODEL, "dims": str(DIMS)}
        old.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        whole, view = descriptor_of(1).astype("<f4").tobytes(), descriptor_of(2).astype("<f2").tobytes()
        old.execute(
            "INSERT INTO contents VALUES (1, ?, 4, 5, 'PNG', NULL, ?)", (bytes.fromhex(hash_of(1)), whole)
        )
        old.execute("INSERT INTO views VALUES (1, 1, 'a', ?)", (view,))
        old.commit()
    with open_sample(path) as catalog:
        catalog.want_views(["a", INSET_KEY])
        assert catalog.missing_views(hash_of(1)) == (INSET_KEY,)
        catalog.record([replace(same("/1", 1), views={INSET_KEY: descriptor_of(3)}, insets=(BOX,))])
        (row,) = catalog.view_descriptors([1])
        np.testing.assert_array_equal(row[0], descriptor_of(2).astype(np.float16))
        assert catalog.insets([1]) == {1: {INSET_KEY: BOX}}
        assert_sound(catalog)
