"""Digests are equal exactly where what they stand for is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from copylens.errors import EvaluationError
from copylens.evaluation import digests
from copylens.evaluation.nouns import Picture, QueryFacts
from evaluation_cases import random_case


def test_texts_do_not_run_together() -> None:
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ()]
    assert len({digests.of_texts(*texts) for texts in lists}) == len(lists)
    assert digests.of_texts("a", "b") == digests.of_texts("a", "b")
    assert len(digests.of_texts("a\udcff")) == 16


def test_a_picture_is_its_key_place_size_and_time(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.jpg", "b.jpg")]
    for path in paths:
        path.write_bytes(b"123")
        os.utime(path, ns=(5, 5))
    pictures = [Picture("a", str(paths[0])), Picture("b", str(paths[1]))]
    known = digests.of_pictures(pictures)
    assert digests.of_pictures(pictures) == known
    assert digests.of_pictures(pictures[::-1]) != known
    assert digests.of_pictures(pictures[:1]) != known
    assert digests.of_pictures([replace(pictures[0], key="c"), pictures[1]]) != known
    assert digests.of_pictures([replace(pictures[0], path=str(paths[1])), pictures[1]]) != known
    os.utime(paths[0], ns=(5, 6))
    newer = digests.of_pictures(pictures)
    assert newer != known
    paths[0].write_bytes(b"1234")
    os.utime(paths[0], ns=(5, 6))
    assert digests.of_pictures(pictures) not in (known, newer)


def test_a_copy_in_another_place_differs_in_its_state_alone(tmp_path: Path) -> None:
    found = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        for name, content in (("a.jpg", b"123"), ("b.jpg", b"12345")):
            (tmp_path / place / name).write_bytes(content)
        pictures = [Picture(name, str(tmp_path / place / f"{name}.jpg")) for name in ("a", "b")]
        found.append(digests.of_pictures(pictures))
    assert found[0].portable == found[1].portable
    assert found[0].state != found[1].state
    (tmp_path / "there" / "b.jpg").write_bytes(b"1234")
    assert digests.of_pictures(pictures).portable != found[0].portable
    assert digests.of_pictures(pictures[::-1]).portable != digests.of_pictures(pictures).portable


def test_a_relative_path_is_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"123")
    monkeypatch.chdir(tmp_path)
    assert digests.of_pictures([Picture("a", "a.jpg")]) == digests.of_pictures(
        [Picture("a", str(tmp_path / "a.jpg"))]
    )


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"gone\.jpg: a picture of the benchmark cannot be read"):
        digests.of_pictures([Picture("a", str(tmp_path / "gone.jpg"))])


def test_the_truth_is_its_pairs_and_facts() -> None:
    benchmark = random_case(1).benchmark
    key = benchmark.queries[0].key
    known = digests.of_truth(benchmark)
    changed = [
        replace(benchmark, truth=benchmark.truth[1:]),
        replace(benchmark, split="other"),
        replace(benchmark, protocol="copydays"),
        replace(benchmark, facts={**benchmark.facts, key: QueryFacts("single", ("new",))}),
        replace(benchmark, facts={}),
    ]
    assert len({known, *map(digests.of_truth, changed)}) == len(changed) + 1
    shuffled = dict(reversed(list(benchmark.facts.items())))
    assert digests.of_truth(replace(benchmark, facts=shuffled)) == known


def test_arrays_are_their_numbers_shape_and_type() -> None:
    values: npt.NDArray[Any] = np.arange(6, dtype=np.int64)
    others: list[npt.NDArray[Any]] = [values.reshape(2, 3), values[::-1], values.astype(np.int32), values[:0]]
    assert len({digests.of_array(array) for array in [values, *others]}) == 5
    assert digests.of_array(np.arange(12)[::2] // 2) == digests.of_array(values)


def test_files_are_their_bytes(tmp_path: Path) -> None:
    for name, data in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(data)
    a, b, c = (digests.of_file(str(tmp_path / name)) for name in "abc")
    assert a == b != c
    with pytest.raises(EvaluationError, match="nowhere cannot be read: No such file"):
        digests.of_file(str(tmp_path / "nowhere"))
