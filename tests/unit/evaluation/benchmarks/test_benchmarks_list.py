"""The list of benchmarks: what a command prints is what the readers do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_folders import build_copydays, build_disc21, build_exam, build_ndec, build_pairs
from copylens.evaluation.benchmarks import (
    BENCHMARKS,
    open_copydays,
    open_disc21,
    open_exam,
    open_ndec,
    open_pairs,
)
from copylens.evaluation.nouns import Benchmark


def disc21(root: Path) -> Benchmark:
    build_disc21(root)
    return open_disc21(root, partial=True)


def copydays(root: Path) -> Benchmark:
    build_copydays(root, originals=3, strong=4, blocks=False)
    return open_copydays(root, partial=True)


def ndec(root: Path) -> Benchmark:
    build_ndec(root)
    return open_ndec(root, partial=True)


def exam(root: Path) -> Benchmark:
    build_exam(root)
    return open_exam(root)


def pairs(root: Path) -> Benchmark:
    build_pairs(root)
    return open_pairs(root / "queries", root / "references", root / "truth.csv")


@pytest.mark.parametrize("make", [disc21, copydays, ndec, exam, pairs])
def test_a_benchmark_is_what_its_description_says(tmp_path: Path, make: Callable[[Path], Benchmark]) -> None:
    benchmark = make(tmp_path)
    info = BENCHMARKS[benchmark.name]
    assert info.name == make.__name__
    assert benchmark.split.split(", ")[0] == info.splits[0]
    assert (benchmark.protocol, benchmark.rule) == (info.protocol, info.rule)
    for side in (benchmark.queries, benchmark.references, benchmark.training, benchmark.background):
        names = [picture.key for picture in side]
        assert names == sorted(set(names))
    assert benchmark.truth == tuple(sorted(set(benchmark.truth)))
    assert {q for q, _ in benchmark.truth} <= {p.key for p in benchmark.queries}
    assert {r for _, r in benchmark.truth} <= {p.key for p in benchmark.references}


def test_names_and_texts() -> None:
    assert list(BENCHMARKS) == ["disc21", "copydays", "ndec", "exam", "pairs"]
    for name, info in BENCHMARKS.items():
        assert info.name == name
        assert info.title
        assert info.address
        assert all(len(line) <= 104 for line in info.layout.splitlines())
        assert set(info.counts) in (set(), set(info.splits))
        assert bool(info.counts) == bool(info.sources)
