"""The catalog against a dictionary that does the same, through any sequence of calls."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from catalog_samples import DIMS, descriptor_of, file_of, hash_of, image_facts, new, open_sample, same, skip
from copylens.catalog import NewContent, Partition, SameContent, SkippedFile
from copylens.records import RETRIED_CODES, Skipped

FOLDERS = ("/", "/a", "/a/b", "/a/bc", "/a/b/c", "/a/%", "/a/_", "/a/it's")
NAMES = ("x.jpg", "100%.jpg", "new\nline", "b", os.fsdecode(b"\xff.jpg"), '"', "[x]")
PATHS = tuple(os.path.join(folder, name) for folder in FOLDERS for name in NAMES)  # noqa: PTH118

paths = st.sampled_from(PATHS)
numbers = st.integers(1, 6)
codes = st.sampled_from(["corrupt", "empty", "permission", "changed"])


class CatalogMachine(RuleBasedStateMachine):
    """`images` and `skips` say what the catalog should know of a path; `contents`, what was described."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "c.db"
        self.catalog = open_sample(self.path)
        self.images: dict[str, int] = {}
        self.skips: dict[str, tuple[str, int | None]] = {}
        self.contents: set[int] = set()
        self.pixels: dict[int, str] = {}

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    @rule(
        items=st.lists(st.tuples(paths, numbers, st.sampled_from(["new", "same", "skip"]), codes), max_size=8)
    )
    def record(self, items: list[tuple[str, int, str, str]]) -> None:
        batch: list[NewContent | SameContent | SkippedFile] = []
        for path, number, kind, code in items:
            if kind == "skip":
                batch.append(skip(path, code, number))
                self.images.pop(path, None)
                self.skips[path] = code, number
            else:
                # Equal bytes can only be recorded of what was described.
                fresh = kind == "new" or number not in self.contents
                batch.append(new(path, number) if fresh else same(path, number))
                self.contents.add(number)
                self.skips.pop(path, None)
                self.images[path] = number
        self.catalog.record(batch)

    @rule(path=paths, code=codes)
    def record_without_state(self, path: str, code: str) -> None:
        self.catalog.record([Skipped(path, code, f"said of {code}")])
        self.images.pop(path, None)
        self.skips[path] = code, None

    @rule(asked=st.lists(st.tuples(paths, numbers), max_size=20))
    def partition(self, asked: list[tuple[str, int]]) -> None:
        expected = Partition()
        for path, number in asked:
            code, state = self.skips.get(path, ("", None))
            if self.images.get(path) == number:
                expected.images.append(file_of(path, number))
            elif state == number and code not in RETRIED_CODES:
                expected.skipped.append(Skipped(path, code, f"said of {code}"))
            else:
                expected.unread.append(file_of(path, number))
        assert self.catalog.partition([file_of(path, number) for path, number in asked]) == expected

    @rule(
        roots=st.lists(st.sampled_from([*FOLDERS, *PATHS]), max_size=3),
        seen=st.sets(paths),
        disk=st.sets(paths),
    )
    def forget_missing(self, roots: list[str], seen: set[str], disk: set[str]) -> None:
        gone = {
            path
            for path in [*self.images, *self.skips]
            if any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)
            and path not in seen
            and path not in disk
        }
        assert self.catalog.forget_missing(roots, seen, exists=disk.__contains__) == len(gone)
        for path in gone:
            self.images.pop(path, None)
            self.skips.pop(path, None)

    @rule()
    def prune(self) -> None:
        orphans = self.contents - set(self.images.values())
        assert self.catalog.prune() == len(orphans)
        self.contents -= orphans
        self.pixels = {number: value for number, value in self.pixels.items() if number not in orphans}

    @precondition(lambda self: self.images)
    @rule(data=st.data(), value=numbers)
    def remember_pixels(self, data: st.DataObject, value: int) -> None:
        path = data.draw(st.sampled_from(sorted(self.images)))
        (image,) = self.catalog.images([path])
        self.catalog.set_pixel_hashes({image.content_id: hash_of(value)})
        self.pixels[self.images[path]] = hash_of(value)

    @rule()
    def reopen(self) -> None:
        self.catalog.close()
        self.catalog = open_sample(self.path)

    @invariant()
    def holds_what_was_recorded(self) -> None:
        assert self.catalog.counts() == {
            "contents": len(self.contents),
            "files": len(self.images),
            "skipped": len(self.skips),
        }
        assert {
            number for number in range(1, 7) if self.catalog.has_content(hash_of(number))
        } == self.contents
        images = self.catalog.images(PATHS)
        assert [image.facts for image in images] == [
            image_facts(path, self.images[path]) for path in PATHS if path in self.images
        ]
        rows = self.catalog.descriptors([image.content_id for image in images])
        naive = [descriptor_of(self.images[image.facts.path]) for image in images]
        np.testing.assert_array_equal(rows, np.array(naive, np.float32).reshape(-1, DIMS))
        known = self.catalog.pixel_hashes([image.content_id for image in images])
        for image in images:
            assert known.get(image.content_id) == self.pixels.get(self.images[image.facts.path])


# Numbers are the states of a file as well as its contents, so that every state has one content.
TestCatalogMachine = CatalogMachine.TestCase
TestCatalogMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
