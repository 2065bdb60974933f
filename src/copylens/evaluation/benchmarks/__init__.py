"""Folders of the field's benchmarks in, `Benchmark` out; whatever is missing is named, with where to get it."""

from copylens.evaluation.benchmarks import copydays, disc21, exam, ndec, pairs
from copylens.evaluation.benchmarks.base import BenchmarkInfo, SplitCounts
from copylens.evaluation.benchmarks.copydays import open_copydays
from copylens.evaluation.benchmarks.disc21 import open_disc21
from copylens.evaluation.benchmarks.exam import open_exam
from copylens.evaluation.benchmarks.layout import list_pictures
from copylens.evaluation.benchmarks.ndec import open_ndec
from copylens.evaluation.benchmarks.pairs import open_pairs

BENCHMARKS: dict[str, BenchmarkInfo] = {
    info.name: info for info in (disc21.INFO, copydays.INFO, ndec.INFO, exam.INFO, pairs.INFO)
}
"""What can be opened, by name."""

__all__ = [
    "BENCHMARKS",
    "BenchmarkInfo",
    "SplitCounts",
    "list_pictures",
    "open_copydays",
    "open_disc21",
    "open_exam",
    "open_ndec",
    "open_pairs",
]
