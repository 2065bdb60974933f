"""Settings and a number of photographs in, what each picture of an exam will be made from, and how, out; no I/O.

The photographs are those that an exam may use, in an order that does not depend on where they lie. Names tell
nothing: they are numbers in a shuffled order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from copylens.evaluation.edits import Edit, Step, Strength, draw_composition
from copylens.evaluation.making_settings import ExamCounts, ExamSettings, Kind, count_parts
from copylens.evaluation.nouns import QueryKind

SHORTEST_NUMBER = 5


@dataclass(frozen=True, slots=True)
class PlannedPicture:
    """A picture that is stored as it is.

    Attributes:
        name: of its file.
        photograph: number of the photograph it is made from.
    """

    name: str
    photograph: int


@dataclass(frozen=True, slots=True)
class PlannedQuery:
    """A picture that is edited.

    Attributes:
        name: of its file.
        photograph: number of the photograph it is made from.
        reference: file name of the reference it is a copy of; empty when there is none.
        kind: single, multi, or none.
        steps: the edits.
        strength: of the hardest edit.
    """

    name: str
    photograph: int
    reference: str
    kind: QueryKind
    steps: tuple[Step, ...]
    strength: Strength

    @property
    def edits(self) -> tuple[str, ...]:
        """Names of the edits in the order in which they are applied."""
        return tuple(step.edit.name for step in self.steps)


@dataclass(frozen=True)
class ExamPlan:
    """All pictures of an exam.

    Attributes:
        counts: how many of each.
        references, queries, background: sorted by name.
        others: numbers of the photographs that appear inside edited pictures only.
    """

    counts: ExamCounts
    references: tuple[PlannedPicture, ...] = field(repr=False)
    queries: tuple[PlannedQuery, ...] = field(repr=False)
    background: tuple[PlannedPicture, ...] = field(repr=False)
    others: tuple[int, ...] = field(repr=False)


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one purpose: the same for equal seed and name, on any thread and in any order."""
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest))


def plan_exam(photographs: int, settings: ExamSettings) -> ExamPlan:
    """Share the photographs out and decide on every picture.

    No photograph has two parts: what a query without a match shows, what lies inside edited pictures, and the
    background never appear among the references.

    Raises:
        UsageError: there are too few photographs.
    """
    counts = count_parts(settings, photographs)
    shuffled = stream(settings.seed, "parts").permutation(photographs).tolist()
    originals, distractors, unmatched, background, others = _cut(
        shuffled,
        (counts.originals, counts.distractors, counts.unmatched, counts.background, counts.others),
    )
    references = _numbered("r", [*originals, *distractors], settings.seed)
    return ExamPlan(
        counts=counts,
        references=references,
        queries=_queries(originals, unmatched, references, counts, settings),
        background=_numbered("b", background, settings.seed),
        others=tuple(others),
    )


def _cut(numbers: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    ends = np.cumsum(lengths).tolist()
    return [list(numbers[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _stems(letter: str, count: int) -> list[str]:
    width = max(SHORTEST_NUMBER, len(str(count)))
    return [f"{letter}{number:0{width}d}" for number in range(1, count + 1)]


def _numbered(letter: str, photographs: Sequence[int], seed: int) -> tuple[PlannedPicture, ...]:
    order = stream(seed, f"names {letter}").permutation(len(photographs))
    return tuple(
        PlannedPicture(f"{stem}.jpg", photographs[int(position)])
        for stem, position in zip(_stems(letter, len(photographs)), order, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """A query before it has a name and, when it is a composition, its edits."""

    photograph: int
    matched: bool
    kind: Kind
    strength: Strength
    edit: Edit | None


def _queries(
    originals: Sequence[int],
    unmatched: Sequence[int],
    references: Sequence[PlannedPicture],
    counts: ExamCounts,
    settings: ExamSettings,
) -> tuple[PlannedQuery, ...]:
    matched = [originals[number % len(originals)] for number in range(counts.queries)]
    # Original by original, then once more with the other kind, and so on.
    kinds = [
        settings.kinds[number // len(originals) % len(settings.kinds)] for number in range(counts.queries)
    ]
    tasks = _tasks(matched, kinds, settings, matched=True)
    kinds = [settings.kinds[number % len(settings.kinds)] for number in range(len(unmatched))]
    tasks += _tasks(unmatched, kinds, settings, matched=False)
    order = stream(settings.seed, "names q").permutation(len(tasks))
    names = {planned.photograph: planned.name for planned in references}
    return tuple(
        _planned(stem, tasks[int(position)], names, settings)
        for stem, position in zip(_stems("q", len(tasks)), order, strict=True)
    )


def _tasks(
    photographs: Sequence[int], kinds: Sequence[Kind], settings: ExamSettings, *, matched: bool
) -> list[_Task]:
    """Deal out edits and strengths, each as often as the others."""
    rng = stream(settings.seed, "deck of matched" if matched else "deck of unmatched")
    singles, multis = kinds.count("single"), kinds.count("multi")
    deck = iter(_single_deck(singles, settings, rng))
    strengths = iter(_strength_deck(multis, settings.strengths, rng))
    tasks: list[_Task] = []
    for photograph, kind in zip(photographs, kinds, strict=True):
        if kind == "single":
            edit, strength = next(deck)
            tasks.append(_Task(photograph, matched, kind, strength, edit))
        else:
            tasks.append(_Task(photograph, matched, kind, next(strengths), None))
    return tasks


def _single_deck(count: int, settings: ExamSettings, rng: np.random.Generator) -> list[tuple[Edit, Strength]]:
    """Every edit once before any comes again, and every strength of an edit before any comes again."""
    edits, strengths = settings.chosen_edits(), settings.strengths
    first = rng.integers(len(strengths), size=len(edits)).tolist()
    deck: list[tuple[Edit, Strength]] = []
    for number in range(-(-count // len(edits))):
        deck += [
            (edits[index], strengths[(first[index] + number) % len(strengths)])
            for index in rng.permutation(len(edits)).tolist()
        ]
    return deck[:count]


def _strength_deck(count: int, strengths: Sequence[Strength], rng: np.random.Generator) -> list[Strength]:
    deck = [strengths[number % len(strengths)] for number in range(count)]
    return [deck[index] for index in rng.permutation(count).tolist()]


def _planned(stem: str, task: _Task, names: dict[int, str], settings: ExamSettings) -> PlannedQuery:
    if task.edit is not None:
        steps: tuple[Step, ...] = (Step(task.edit, task.strength),)
    else:
        rng = stream(settings.seed, f"{stem} composition")
        steps = draw_composition(settings.chosen_edits(), task.strength, rng)
    return PlannedQuery(
        name=f"{stem}.{steps[-1].edit.suffix}",
        photograph=task.photograph,
        reference=names[task.photograph] if task.matched else "",
        kind=task.kind if task.matched else "none",
        steps=steps,
        strength=task.strength,
    )
