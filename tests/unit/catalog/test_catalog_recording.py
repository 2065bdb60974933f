"""What goes in by `record` comes out by `partition`, `images` and `descriptors`, whatever the name."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from catalog_samples import (
    DIMS,
    STRANGE_NAMES,
    descriptor_of,
    file_of,
    hash_of,
    image_facts,
    new,
    numbered,
    open_sample,
    same,
    skip,
)
from copylens.catalog import Catalog, NewContent, Partition, SkippedFile
from copylens.catalog.store import CHUNK
from copylens.errors import CatalogError
from copylens.records import RETRIED_CODES, SKIP_CODES, FoundFile, PictureFacts, Skipped


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_sample(tmp_path / "catalog.db") as opened:
        yield opened


def ids(catalog: Catalog, *paths: str) -> list[int]:
    return [image.content_id for image in catalog.images(paths)]


def test_nothing_is_known_of_an_empty_catalog(catalog: Catalog) -> None:
    files = [file_of("/a.jpg"), file_of("/b.jpg")]
    assert catalog.partition(files) == Partition(unread=files)
    assert catalog.partition([]) == Partition()
    assert catalog.images(["/a.jpg"]) == []
    assert catalog.descriptors([]).shape == (0, DIMS)


def test_a_described_file_is_known_until_size_or_time_change(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1)])
    known = file_of("/a.jpg", 1)
    bigger = FoundFile(known.path, known.size + 1, known.mtime_ns)
    touched = FoundFile(known.path, known.size, known.mtime_ns + 1)
    elsewhere = FoundFile("/b.jpg", known.size, known.mtime_ns)
    parts = catalog.partition([bigger, known, touched, elsewhere])
    assert parts == Partition(images=[known], unread=[bigger, touched, elsewhere])


def test_an_image_comes_back_with_its_facts_and_descriptor(catalog: Catalog) -> None:
    catalog.record(numbered([1, 2, 3], "/p"))
    (image,) = catalog.images(["/p/000002.jpg"])
    assert image.facts == image_facts("/p/000002.jpg", 2)
    out = catalog.descriptors([image.content_id])
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(out, descriptor_of(2)[None])


def test_two_paths_of_equal_bytes_are_two_images_with_one_content(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1), new("/b.jpg", 1), same("/c.jpg", 1)])
    first, second, third = catalog.images(["/a.jpg", "/b.jpg", "/c.jpg"])
    assert first.content_id == second.content_id == third.content_id
    assert [image.facts.path for image in (first, second, third)] == ["/a.jpg", "/b.jpg", "/c.jpg"]
    assert catalog.counts() == {"contents": 1, "files": 3, "skipped": 0}


def test_the_first_descriptor_of_a_content_stays(catalog: Catalog) -> None:
    first = new("/a.jpg", 1)
    other = NewContent(file_of("/b.jpg"), first.content_hash, PictureFacts(9, 9, "GIF"), descriptor_of(2))
    catalog.record([first])
    catalog.record([other])
    (image,) = catalog.images(["/b.jpg"])
    assert (image.facts.width, image.facts.format) == (first.facts.width, first.facts.format)
    np.testing.assert_array_equal(catalog.descriptors([image.content_id])[0], first.descriptor)


def test_a_later_record_replaces_what_was_known_of_a_path(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1)])
    catalog.record([new("/a.jpg", 2)])
    assert [image.facts for image in catalog.images(["/a.jpg"])] == [image_facts("/a.jpg", 2)]
    catalog.record([same("/a.jpg", 1)])
    assert [image.facts for image in catalog.images(["/a.jpg"])] == [image_facts("/a.jpg", 1)]
    assert catalog.counts() == {"contents": 2, "files": 1, "skipped": 0}


def test_a_file_is_either_an_image_or_skipped(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1)])
    catalog.record([skip("/a.jpg", number=2)])
    assert catalog.counts() == {"contents": 1, "files": 0, "skipped": 1}
    catalog.record([same("/a.jpg", 1)])
    assert catalog.counts() == {"contents": 1, "files": 1, "skipped": 0}


@pytest.mark.parametrize("code", sorted(SKIP_CODES))
def test_an_unchanged_skipped_file_is_remembered_unless_its_cause_may_pass(
    catalog: Catalog, code: str
) -> None:
    item = skip("/a.jpg", code)
    catalog.record([item])
    parts = catalog.partition([item.file])
    if code in RETRIED_CODES:
        assert parts == Partition(unread=[item.file])
    else:
        assert parts == Partition(skipped=[item.skipped])
    changed = file_of("/a.jpg", 2)
    assert catalog.partition([changed]) == Partition(unread=[changed])


def test_what_was_skipped_without_a_state_is_tried_again(catalog: Catalog) -> None:
    catalog.record([Skipped("/a.jpg", "directory", "a folder")])
    assert catalog.counts()["skipped"] == 1
    assert catalog.partition([file_of("/a.jpg")]) == Partition(unread=[file_of("/a.jpg")])


def test_a_later_skip_replaces_the_reason(catalog: Catalog) -> None:
    catalog.record([skip("/a.jpg", "empty"), skip("/a.jpg", "truncated")])
    assert catalog.partition([file_of("/a.jpg")]).skipped == [
        Skipped("/a.jpg", "truncated", "said of truncated")
    ]


@pytest.mark.parametrize(
    ("reason", "remembered"),
    [
        ("plain", "plain"),
        ("日本語 🙂", "日本語 🙂"),
        ("ends\x00in the middle", "ends\x00in the middle"),
        ("name \udcff", r"name \udcff"),
        ("", ""),
    ],
)
def test_any_reason_can_be_kept(catalog: Catalog, reason: str, remembered: str) -> None:
    catalog.record([SkippedFile(Skipped("/a.jpg", "corrupt", reason), file_of("/a.jpg"))])
    assert catalog.partition([file_of("/a.jpg")]).skipped == [Skipped("/a.jpg", "corrupt", remembered)]


def test_strange_names_and_long_paths_come_back(catalog: Catalog) -> None:
    paths = [f"/photos/{name}" for name in STRANGE_NAMES]
    paths.append("/" + "/".join(["very-long-folder-name" * 8] * 24) + "/x.jpg")
    assert len(paths[-1]) > 4000
    catalog.record([new(path, number) for number, path in enumerate(paths)])
    assert [image.facts.path for image in catalog.images(paths)] == paths
    files = [file_of(path, number) for number, path in enumerate(paths)]
    assert catalog.partition(files) == Partition(images=files)
    assert catalog.counts()["files"] == len(paths)


def test_equal_relative_paths_of_two_working_folders_are_two_files(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "first")
    catalog.record([new("scan.bmp", 1)])
    assert catalog.images(["./scan.bmp"])[0].facts.path == "./scan.bmp"
    monkeypatch.chdir(tmp_path / "second")
    assert catalog.partition([file_of("scan.bmp", 1)]) == Partition(unread=[file_of("scan.bmp", 1)])
    assert catalog.images(["scan.bmp"]) == []
    (absolute,) = catalog.images([str(tmp_path / "first" / "scan.bmp")])
    assert absolute.facts.content_hash == hash_of(1)


@pytest.mark.parametrize("mtime_ns", [0, -1, -(10**18), 2**63 - 1, 2**63, 10_413_792_000 * 10**9, -(10**20)])
def test_any_time_of_a_file_system_can_be_kept(catalog: Catalog, mtime_ns: int) -> None:
    file = FoundFile("/a.jpg", 5, mtime_ns)
    catalog.record([NewContent(file, hash_of(1), PictureFacts(1, 1, "PNG"), descriptor_of(1))])
    catalog.record([SkippedFile(Skipped("/b.jpg", "empty", "no bytes"), FoundFile("/b.jpg", 0, mtime_ns))])
    assert catalog.partition([file]).images == [file]
    assert len(catalog.partition([FoundFile("/b.jpg", 0, mtime_ns)]).skipped) == 1


def test_extreme_descriptors_come_back_bit_for_bit(catalog: Catalog) -> None:
    row = np.array([0.0, -0.0, 1.0, np.finfo(np.float32).tiny, 1e-45, -1.0, 1 / 3, 3e38], np.float32)
    wide = np.zeros((DIMS, 2), np.float32)
    wide[:, 0] = row
    facts = PictureFacts(1, 1, "PNG")
    catalog.record([NewContent(file_of("/a.jpg"), hash_of(1), facts, row)])
    catalog.record([NewContent(file_of("/b.jpg"), hash_of(2), facts, wide[:, 0])])
    assert [out.tobytes() for out in catalog.descriptors(ids(catalog, "/a.jpg", "/b.jpg"))] == [
        row.tobytes()
    ] * 2


@pytest.mark.parametrize("shape", [(DIMS - 1,), (DIMS + 1,), (1, DIMS), ()])
def test_a_descriptor_of_another_shape_is_refused_and_nothing_is_written(
    catalog: Catalog, shape: tuple[int, ...]
) -> None:
    wrong = NewContent(file_of("/b.jpg"), hash_of(2), PictureFacts(1, 1, "PNG"), np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="a descriptor of 8 numbers was expected"):
        catalog.record([new("/a.jpg", 1), wrong])
    assert catalog.counts() == {"contents": 0, "files": 0, "skipped": 0}
    assert not catalog.has_content(hash_of(1))
    catalog.record([new("/a.jpg", 1)])


def test_equal_bytes_that_nobody_described_are_refused_and_nothing_is_written(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="pruned by another process"):
        catalog.record([new("/a.jpg", 1), same("/b.jpg", 2)])
    assert catalog.counts() == {"contents": 0, "files": 0, "skipped": 0}


def test_descriptors_stand_in_the_order_asked(catalog: Catalog) -> None:
    numbers = list(range(CHUNK * 2 + 7))
    catalog.record(numbered(numbers, "/p"))
    random.Random(3).shuffle(numbers)
    numbers += numbers[:5]
    contents = ids(catalog, *(f"/p/{number:06}.jpg" for number in numbers))
    assert len(contents) == len(numbers)
    naive = np.stack([descriptor_of(number) for number in numbers])
    np.testing.assert_array_equal(catalog.descriptors(contents), naive)


def test_images_keep_the_order_asked_and_leave_out_the_unknown(catalog: Catalog) -> None:
    catalog.record([*numbered(range(CHUNK + 3), "/p"), skip("/p/broken.jpg")])
    asked = ["/p/000502.jpg", "/p/none.jpg", "/p/000000.jpg", "/p/broken.jpg", "/p/000502.jpg"]
    found = [image.facts.path for image in catalog.images(asked)]
    assert found == ["/p/000502.jpg", "/p/000000.jpg", "/p/000502.jpg"]


def test_a_content_that_is_gone_is_an_error(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1)])
    (content,) = ids(catalog, "/a.jpg")
    with pytest.raises(CatalogError, match="lost 1 contents"):
        catalog.descriptors([content, content + 1])


def test_a_descriptor_of_another_length_is_damage(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1)])
    catalog._db.execute("UPDATE contents SET descriptor = x'00'")
    with pytest.raises(CatalogError, match="is damaged: delete it"):
        catalog.descriptors(ids(catalog, "/a.jpg"))


def test_pixel_hashes_are_remembered_by_content(catalog: Catalog) -> None:
    catalog.record(numbered([1, 2, 3], "/p"))
    contents = ids(catalog, "/p/000001.jpg", "/p/000002.jpg", "/p/000003.jpg")
    assert catalog.pixel_hashes(contents) == {}
    catalog.set_pixel_hashes({contents[0]: hash_of(7), contents[2]: hash_of(7)})
    assert catalog.pixel_hashes(contents) == {contents[0]: hash_of(7), contents[2]: hash_of(7)}
    assert catalog.pixel_hashes(contents[1:2]) == {}
    catalog.record([new("/p/again.jpg", 1)])
    assert catalog.pixel_hashes(contents[:1]) == {contents[0]: hash_of(7)}


def test_a_number_of_a_pruned_content_is_never_given_again(catalog: Catalog) -> None:
    catalog.record(numbered([1, 2], "/p"))
    before = ids(catalog, "/p/000001.jpg", "/p/000002.jpg")
    catalog.record([skip("/p/000001.jpg"), skip("/p/000002.jpg")])
    assert catalog.prune() == 2
    catalog.record(numbered([3], "/p"))
    assert ids(catalog, "/p/000003.jpg")[0] not in before
    catalog.set_pixel_hashes(dict.fromkeys(before, hash_of(9)))
    assert catalog.pixel_hashes(ids(catalog, "/p/000003.jpg")) == {}


def test_prune_drops_what_no_file_holds(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1), new("/b.jpg", 2), same("/c.jpg", 2)])
    catalog.record([skip("/a.jpg"), skip("/b.jpg")])
    assert catalog.has_content(hash_of(1))
    assert catalog.prune() == 1
    assert not catalog.has_content(hash_of(1))
    assert catalog.has_content(hash_of(2))
    assert catalog.prune() == 0
    assert catalog.counts() == {"contents": 1, "files": 1, "skipped": 2}


def test_a_content_in_use_cannot_be_dropped(catalog: Catalog) -> None:
    catalog.record([new("/a.jpg", 1)])
    with pytest.raises(Exception, match="FOREIGN KEY constraint failed"):
        catalog._db.execute("DELETE FROM contents")


def test_any_thread_may_ask_for_a_content_while_batches_are_recorded(catalog: Catalog) -> None:
    wrong: list[str] = []
    recorded = 0
    finished = threading.Event()

    def ask() -> None:
        while not finished.is_set():
            upto = recorded
            wrong.extend(f"{n} is missing" for n in range(upto) if not catalog.has_content(hash_of(n)))
            wrong.extend(f"{n} is unknown" for n in (200, 201) if catalog.has_content(hash_of(n)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for start in range(0, 200, 10):
            catalog.record(numbered(range(start, start + 10)))
            recorded = start + 10
    finally:
        finished.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert all(catalog.has_content(hash_of(number)) for number in range(200))


def test_a_batch_of_nothing_does_not_need_the_write_lock(catalog: Catalog) -> None:
    with open_sample(os.fspath(catalog.path)) as other:
        other._db.execute("BEGIN IMMEDIATE")
        catalog.record([])
        other._db.execute("ROLLBACK")
