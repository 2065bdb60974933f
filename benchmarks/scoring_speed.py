"""Measures how long figures take once predictions are on disk: random candidates in, a Markdown table out.

Crosses in: how many queries, references and bootstrap samples. Crosses out: seconds and the peak of memory on
stdout. Nothing is searched and no network runs; the candidates are random, with a hit for some of the queries.

    python -m benchmarks.scoring_speed --queries 50000 --references 1000000 --samples 1000
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from copylens.evaluation.comparing import compare
from copylens.evaluation.metrics import judge
from copylens.evaluation.nouns import Benchmark, Ints, Picture, Predictions, QueryFacts
from copylens.evaluation.predicting import Predicted
from copylens.evaluation.results import Origin
from copylens.evaluation.scoring import Resampling, figures_of, score, statistics_for, truth_positions

T = TypeVar("T")

EDITS = tuple(f"edit-{number:02}" for number in range(40))
STRENGTHS = ("mild", "medium", "hard")


def main() -> int:
    """Make the arrays, time each step, print the table."""
    options = parse_arguments()
    benchmark = make_benchmark(options.queries, options.references)
    rows: list[tuple[str, float]] = []
    truth = timed(rows, "truth to positions", lambda: truth_positions(benchmark))
    first, second = (make_predicted(benchmark, truth, options.candidates, seed) for seed in (1, 2))
    judged = timed(
        rows, "joining predictions with the truth", lambda: judge(first.predictions, truth, options.queries)
    )
    statistics = statistics_for("micro")
    timed(rows, "five figures, no intervals", lambda: figures_of(judged, statistics, Resampling(0, 0.95, 0)))
    for samples in (0, options.samples):
        resampling = Resampling(samples, 0.95, 0)
        timed(
            rows,
            f"one system with every breakdown, {samples:,} samples",
            lambda: score(benchmark, truth, "first", origin(benchmark), first, None, resampling),  # noqa: B023 - called here
        )
        timed(
            rows,
            f"two systems compared, {samples:,} samples",
            lambda: compare(benchmark, truth, [("first", first, None), ("second", second, None)], resampling),  # noqa: B023 - called here
        )
    print("\n".join(table(rows, options)))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scoring_speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, default=50_000, metavar="N")
    parser.add_argument("--references", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--candidates", type=int, default=10, metavar="K", help="of each query")
    parser.add_argument("--samples", type=int, default=1000, metavar="N", help="of the bootstrap")
    return parser.parse_args()


def make_benchmark(queries: int, references: int) -> Benchmark:
    """A fifth of the queries has a reference, as in DISC2021; every query was made with one to three edits."""
    draw = np.random.default_rng(0)
    pairs = draw.choice(queries, queries // 5, replace=False)
    targets = draw.integers(references, size=len(pairs))
    counts = draw.integers(1, 4, queries)
    edits = draw.integers(len(EDITS), size=(queries, 3))
    strengths = draw.integers(len(STRENGTHS), size=queries)
    return Benchmark(
        name="random",
        split="all",
        queries=tuple(Picture(f"Q{number:06}", f"Q{number:06}.jpg") for number in range(queries)),
        references=tuple(Picture(f"R{number:07}", f"R{number:07}.jpg") for number in range(references)),
        truth=tuple(
            sorted((f"Q{query:06}", f"R{target:07}") for query, target in zip(pairs, targets, strict=True))
        ),
        facts={
            f"Q{number:06}": QueryFacts(
                "single" if counts[number] == 1 else "multi",
                tuple(EDITS[edit] for edit in edits[number, : counts[number]]),
                STRENGTHS[strengths[number]],
            )
            for number in range(queries)
        },
    )


def make_predicted(benchmark: Benchmark, truth: Ints, candidates: int, seed: int) -> Predicted:
    """Random candidates; seven of ten true pairs are among them, mostly with a higher score than the others."""
    draw = np.random.default_rng(seed)
    count = len(benchmark.queries)
    # Evenly spaced from a random start, so that no reference comes twice.
    starts = draw.integers(len(benchmark.references), size=count)
    steps = np.arange(candidates) * (len(benchmark.references) // candidates)
    references = (starts[:, None] + steps) % len(benchmark.references)
    scores = np.sort(draw.normal(0.3, 0.1, (count, candidates)).astype(np.float32), axis=1)[:, ::-1].copy()
    truth_scores = draw.normal(0.6, 0.2, len(truth)).astype(np.float32)
    for query, reference, high in zip(*truth.T, truth_scores, strict=True):
        if draw.random() < 0.7 and reference not in references[query]:
            references[query, 0], scores[query, 0] = reference, high
    queries = np.repeat(np.arange(count), candidates)
    return Predicted("none", 512, 512, Predictions(queries, references.ravel(), scores.ravel()), truth_scores)


def origin(benchmark: Benchmark) -> Origin:
    return Origin(
        benchmark=benchmark.name,
        split=benchmark.split,
        protocol=benchmark.protocol,
        benchmark_digest="",
        rule=benchmark.rule.text,
        queries=len(benchmark.queries),
        references=len(benchmark.references),
        pairs=len(benchmark.truth),
        without_reference=len(benchmark.queries) - len(benchmark.truth),
        training=0,
        background=0,
        model="random",
        fingerprint="",
        source="",
        precision="",
        dims=512,
        post_processing="none",
        samples=0,
        level=0.95,
        seed=0,
        command="",
        copylens="",
    )


def timed(rows: list[tuple[str, float]], name: str, work: Callable[[], T]) -> T:
    """Run it once, note the seconds, and return what it gave."""
    started = time.perf_counter()
    result = work()
    rows.append((name, time.perf_counter() - started))
    print(f"{name}: {rows[-1][1]:.2f} s", file=sys.stderr, flush=True)
    return result


def table(rows: list[tuple[str, float]], options: argparse.Namespace) -> Iterator[str]:
    """Lines of Markdown."""
    yield (
        f"{options.queries:,} queries x {options.candidates} candidates of {options.references:,} references, "
        f"{options.queries // 5:,} true pairs; Python {platform.python_version()}, NumPy {np.__version__}."
    )
    yield ""
    yield "| step | seconds |"
    yield "|---|---:|"
    for name, seconds in rows:
        yield f"| {name} | {seconds:.2f} |"
    yield ""
    yield f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB, arrays included."


if __name__ == "__main__":
    sys.exit(main())
