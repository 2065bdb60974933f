"""What is known of a benchmark before any folder is opened, as frozen dataclasses; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from copylens.evaluation.nouns import CandidateRule, Protocol


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much a complete split holds.

    Attributes:
        queries: pictures that are asked about.
        references: pictures that are searched, without distractors of one's own.
        pairs: true pairs; None where its makers do not say.
    """

    queries: int
    references: int
    pairs: int | None


@dataclass(frozen=True, kw_only=True)
class BenchmarkInfo:
    """A benchmark as a list of benchmarks shows it.

    Attributes:
        name: as in `Benchmark.name`.
        title: with its makers and the year.
        splits: the first is taken when none is named.
        layout: the folder that its reader wants, one line each, for people.
        address: where it can be got; for one's own benchmarks the command that makes one.
        sources: the papers and repositories that the layout and the counts were taken from.
        protocol: which figures it is quoted by.
        rule: the candidate rule of its makers.
        counts: by split; empty where every folder is a benchmark of its own.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    layout: str
    address: str
    sources: tuple[str, ...] = ()
    protocol: Protocol = "micro"
    rule: CandidateRule = field(default_factory=CandidateRule)
    counts: Mapping[str, SplitCounts] = field(default_factory=dict)
