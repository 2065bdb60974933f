"""Measures what views of pictures gain and cost: an exam and a model in, a Markdown table of view sets out.

Every query and reference is described once with all candidate parts and turns; the rest is arithmetic on arrays. With
--greedy, groups of candidates are added one after the other, each time the one that gains most for its views.

    python -m benchmarks.view_sets EXAM --model copylens-small --cache view-sets --greedy 8
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.metrics import accuracy_at_1, judge, micro_average_precision, recall_at_precision
from copylens.evaluation.nouns import Benchmark, Picture, Predictions
from copylens.evaluation.scoring import truth_positions
from copylens.images import VIEW_SETS, prepare_views, read_file, view_key
from copylens.images.views import grid
from copylens.records import INSET_FINDER, INSETS, View
from copylens.workflows.describer import BATCH, Describer, load_model
from copylens.workflows.insets import inset_finder
from copylens.workflows.viewing import check_views, limits_of

Floats = npt.NDArray[np.float32]

EDITS = ("screenshot", "pip", "hard_crop", "crop", "rot90", "vflip")
CANDIDATES = 10

TIMED = 60
"""Queries that costs are measured on."""

FLIPS = {turn: (View(turn=turn),) for turn in ("hflip", "vflip", "rot180")}


def candidate_groups() -> dict[str, tuple[View, ...]]:
    """Symmetric groups of views that may be chosen, by name."""
    groups: dict[str, tuple[View, ...]] = {
        "insets": INSETS,
        "quarter turns": (View(turn="rot90"), View(turn="rot270")),
    }
    groups |= FLIPS
    for scale in (0.8, 0.7, 0.6, 0.5, 0.33):
        nine = grid(scale, 3)
        groups[f"centre {scale:g}"] = nine[4:5]
        groups[f"corners {scale:g}"] = tuple(nine[place] for place in (0, 2, 6, 8))
        groups[f"edges {scale:g}"] = tuple(nine[place] for place in (1, 3, 5, 7))
    sixteen = grid(0.4, 4)
    groups["middle 0.4"] = tuple(sixteen[place] for place in (5, 6, 9, 10))
    groups["corners 0.4"] = tuple(sixteen[place] for place in (0, 3, 12, 15))
    groups["edges 0.4"] = tuple(sixteen[place] for place in (1, 2, 4, 7, 8, 11, 13, 14))
    groups["bands"] = (View(0, 0.3, 1, 0.7), View(0.3, 0, 0.7, 1))
    groups["rows"] = tuple(View(0, top, 1, top + 0.5) for top in (0.0, 0.25, 0.5))
    groups["columns"] = tuple(View(left, 0, left + 0.5, 1) for left in (0.0, 0.25, 0.5))
    return groups


@dataclass(frozen=True)
class Described:
    """An exam with its descriptors, ``(n, 1 + V, D)`` each: the whole first, then the views.

    Attributes:
        benchmark: pictures and truth.
        place: of each view among the rows, by its key.
        queries, references: descriptors.
    """

    benchmark: Benchmark
    place: Mapping[str, int]
    queries: Floats
    references: Floats

    def scores(
        self, views: Sequence[View], penalty: float, *, sides: str = "both", crossed: bool = False
    ) -> Floats:
        """Scores of all pairs, ``(Q, R)``, by the best of the wholes and of a whole and a view less the penalty.

        Args:
            views: which.
            penalty: taken off the score of a view that is no inset.
            sides: whose views: ``"queries"``, ``"references"`` or ``"both"``.
            crossed: compare views with views, too.
        """
        best = self.queries[:, 0] @ self.references[:, 0].T
        rows = [self.place[view_key(view)] for view in views]
        for view, row in zip(views, rows, strict=True):
            lost = 0.0 if view in INSETS else penalty
            if sides != "references":
                np.maximum(best, self._seen(row, 0) - lost, out=best)
            if sides != "queries":
                np.maximum(best, self._seen(0, row) - lost, out=best)
            for other in rows if crossed else ():
                np.maximum(best, self._seen(row, other) - lost, out=best)
        return best

    def count(self, views: Sequence[View]) -> float:
        """How many descriptors a picture has with some views, the mean of both sides; insets count where found."""
        rows = [0, *(self.place[view_key(view)] for view in views)]
        sides = (self.queries, self.references)
        return float(np.mean([side[:, rows].any(axis=2).sum(axis=1).mean() for side in sides]))

    def _seen(self, row: int, other: int) -> Floats:
        """Scores of a view of each query with a view of each reference; a row of zeros is no view."""
        asked, known = self.queries[:, row], self.references[:, other]
        scores: Floats = asked @ known.T
        scores[~asked.any(axis=1)] = -np.inf
        scores[:, ~known.any(axis=1)] = -np.inf
        return scores


def describe(describer: Describer, pictures: Sequence[Picture], views: Sequence[View], file: Path) -> Floats:
    """Descriptors ``(n, 1 + V, D)`` of pictures, from the file where it is there; an inset not found is zeros."""
    if file.is_file():
        rows: npt.NDArray[np.float16] = np.load(file)
        return rows.astype(np.float32)
    out = np.empty((len(pictures), 1 + len(views), describer.dims), np.float16)
    for row, picture in enumerate(pictures):
        out[row] = described_with(describer, picture, views)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, out)
    return out.astype(np.float32)


def described_with(describer: Describer, picture: Picture, views: Sequence[View]) -> Floats:
    """The whole and the views of one picture, ``(1 + V, D)``."""
    made = prepare_views(read_file(picture.path), describer.input, views, finder=inset_finder())
    inputs = {row: item for row, item in enumerate((made.whole, *made.views)) if item is not None}
    out = np.zeros((1 + len(views), describer.dims), np.float32)
    rows = list(inputs)
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        out[part] = describer.describe_prepared([inputs[row] for row in part])
    return out


def costs(describer: Describer, pictures: Sequence[Picture]) -> list[str]:
    """What a picture costs with each set, from file to descriptors, in processor time of one thread."""
    lines = ["", "| views | ms a picture | pictures/s |", "|---|---|---|"]
    for name, views in VIEW_SETS.items():
        described_with(describer, pictures[0], views)
        started = time.process_time()
        for picture in pictures:
            described_with(describer, picture, views)
        each = (time.process_time() - started) / len(pictures)
        lines.append(f"| {name} | {1000 * each:.1f} | {1 / each:.1f} |")
    return lines


def figures(described: Described, scores: Floats) -> tuple[float, float, float, dict[str, float]]:
    """µAP, recall at 90 % precision, accuracy at 1, and that of the queries with one edit, by edit."""
    benchmark, truth = described.benchmark, truth_positions(described.benchmark)
    count, depth = len(scores), min(CANDIDATES, scores.shape[1])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    queries = np.repeat(np.arange(count), depth)
    listed = Predictions(queries, best.reshape(-1), np.take_along_axis(scores, best, 1).reshape(-1))
    judged = judge(listed, truth, count)
    true = set(map(tuple, truth.tolist()))
    by_edit = {}
    for edit in EDITS:
        facts = [benchmark.facts.get(picture.key) for picture in benchmark.queries]
        rows = [n for n, fact in enumerate(facts) if fact and (fact.kind, fact.edits) == ("single", (edit,))]
        by_edit[edit] = float(np.mean([(n, int(best[n, 0])) in true for n in rows])) if rows else float("nan")
    return (
        micro_average_precision(judged),
        recall_at_precision(judged, 0.9).recall,
        accuracy_at_1(judged),
        by_edit,
    )


def row_of(name: str, views: Sequence[View], described: Described, scores: Floats) -> str:
    """A line of the table."""
    precision, recall, first, by_edit = figures(described, scores)
    edits = " | ".join(f"{by_edit[edit]:.2f}" for edit in EDITS)
    return (
        f"| {name} | {described.count(views):.1f} | {precision:.4f} | {recall:.3f} | {first:.3f} | {edits} |"
    )


def greedy(described: Described, penalty: float, steps: int) -> list[str]:
    """Add groups one by one, each time the one with the highest µAP for each added view (to the power of 0.7)."""
    groups = {
        name: views
        for name, views in candidate_groups().items()
        if all(view_key(view) in described.place for view in views)
    }
    chosen: list[View] = []
    value = figures(described, described.scores((), 0))[0]
    lines = []
    for _ in range(min(steps, len(groups))):
        found = {
            name: figures(described, described.scores([*chosen, *views], penalty))[0]
            for name, views in groups.items()
        }
        # Below 1, since a view costs less than its share where the picture must be decoded anyway.
        name = max(
            found, key=lambda name: (found[name] - value) / (described.count(groups[name]) - 1.0) ** 0.7
        )
        chosen += groups.pop(name)
        value = found[name]
        lines.append(row_of(f"+ {name}", chosen, described, described.scores(chosen, penalty)))
    return lines


def table(described: Described, penalties: Mapping[str, float]) -> list[str]:
    """Lines for each set of views, and for the choices that were not taken."""
    lines = [
        f"| views | descriptors | µAP | R@P90 | Accuracy@1 | {' | '.join(EDITS)} |",
        f"|---|---|---|---|---|{'---|' * len(EDITS)}",
    ]
    for name, views in VIEW_SETS.items():
        scores = described.scores(views, penalties[name])
        lines.append(row_of(f"{name}, penalty {penalties[name]:g}", views, described, scores))
    thorough, penalty = VIEW_SETS["thorough"], penalties["thorough"]
    variants = {
        "thorough, no penalty": described.scores(thorough, 0.0),
        "thorough, of queries only": described.scores(thorough, penalty, sides="queries"),
        "thorough, of references only": described.scores(thorough, penalty, sides="references"),
        "thorough, views with views too": described.scores(thorough, penalty, crossed=True),
    }
    return lines + [row_of(name, thorough, described, scores) for name, scores in variants.items()]


def main() -> int:
    """Describe, or read what was described; print the tables."""
    options = parse_arguments()
    describer = load_model(options.model, threads=1)
    benchmark = open_exam(options.exam)
    views = list(VIEW_SETS["thorough"])
    if options.greedy:
        extra = [view for group in candidate_groups().values() for view in group]
        views = list(dict.fromkeys([*views, *extra]))
    stem = f"{describer.identity.fingerprint}-{INSET_FINDER}-{len(views)}"
    queries = describe(describer, benchmark.queries, views, options.cache / f"{stem}-queries.npy")
    references = describe(describer, benchmark.references, views, options.cache / f"{stem}-references.npy")
    place = {view_key(view): row for row, view in enumerate(views, start=1)}
    described = Described(benchmark, place, queries, references)
    penalties = {
        name: limits_of(describer.package, check_views(name)).penalty
        if options.penalty is None
        else options.penalty
        for name in VIEW_SETS
    }
    print("\n".join(table(described, penalties)))
    if options.greedy:
        print("\n".join(greedy(described, penalties["thorough"], options.greedy)))
    print("\n".join(costs(describer, benchmark.queries[:: max(1, len(benchmark.queries) // TIMED)])))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("exam", type=Path, help="folder with queries/, references/ and truth.csv")
    parser.add_argument("--model", help="as for copylens; default: the bundled one")
    parser.add_argument("--cache", type=Path, default=Path("view-sets"), help="folder for descriptors")
    parser.add_argument("--penalty", type=float, help="of views; default: the model's own")
    parser.add_argument("--greedy", type=int, default=0, metavar="N", help="also choose N groups of views")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
