"""What a caller may choose about an exam in, how many photographs each part of it gets out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from copylens.errors import UsageError
from copylens.evaluation.edits import STRENGTHS, Edit, Strength, can_compose, choose_edits

Kind: TypeAlias = Literal["single", "multi"]
KINDS: tuple[Kind, ...] = ("single", "multi")

MOST_REFERENCES = 10_000
MOST_ORIGINALS = 1_000
MOST_UNMATCHED = 500
MOST_OTHERS = 200
FEWEST_OTHERS = 3
"""Defaults stay within these, however many photographs there are."""

UNMATCHED_SHARE = 0.15
OTHERS_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamSettings:
    """What an exam shall hold. A count of None follows from the number of photographs.

    Attributes:
        seed: chooses everything that is drawn: two exams of one seed, settings and photographs are equal.
        references: pictures to be searched, distractors included; by default all that is left, at most 10,000.
        distractors: references that no query was made from; by default about half.
        queries: queries with a match; by default two of each original.
        unmatched: queries without a match; by default 15 % of the photographs, at most 500.
        background: photographs unrelated to both sides, stored for score normalisation.
        kinds: queries with one edit, with a composition of several, or both in turn.
        strengths: which strengths are used, each as often.
        edits: names of the edits to use; None takes all.
        without_edits: names of edits to leave out.
        size: longest side of the references and of the pictures that are edited, in pixels.
        quality: of the JPEG files, where the edit does not say another.
        dedupe: leave out photographs that are near copies of others, which would make the truth wrong.
        dedupe_threshold: score from which two photographs are near copies; None takes the bundled model's.

    Raises:
        UsageError: a value that cannot be meant.
    """

    seed: int = 0
    references: int | None = None
    distractors: int | None = None
    queries: int | None = None
    unmatched: int | None = None
    background: int = 0
    kinds: tuple[Kind, ...] = KINDS
    strengths: tuple[Strength, ...] = STRENGTHS
    edits: tuple[str, ...] | None = None
    without_edits: tuple[str, ...] = ()
    size: int = 640
    quality: int = 90
    dedupe: bool = True
    dedupe_threshold: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("references", 1), ("distractors", 0), ("queries", 1), ("unmatched", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"--{name} must be at least {least}, got {value}.")
        _check_range("--seed", self.seed, 0, 2**63 - 1)
        _check_range("--background", self.background, 0, None)
        _check_range("--size", self.size, 64, 4096)
        _check_range("--quality", self.quality, 30, 100)
        if self.dedupe_threshold is not None and not -1 <= self.dedupe_threshold <= 1:
            raise UsageError(
                f"--dedupe-threshold must be a score from -1 to 1, got {self.dedupe_threshold:g}."
            )
        _check_words("--kinds", self.kinds, KINDS)
        _check_words("--strengths", self.strengths, STRENGTHS)
        if "multi" in self.kinds and not can_compose(self.chosen_edits()):
            raise UsageError(
                "Compositions need edits that go together; include more edits, or say --kinds single."
            )

    def chosen_edits(self) -> tuple[Edit, ...]:
        """The edits that may be used; raises UsageError for an unknown name, or when none is left."""
        return choose_edits(self.edits, self.without_edits)


def _check_range(option: str, value: int, low: int, high: int | None) -> None:
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"between {low} and {high}"
        raise UsageError(f"{option} must be {limits}, got {value}.")


def _check_words(option: str, words: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not words or len(set(words)) != len(words) or any(word not in known for word in words):
        raise UsageError(
            f"{option} {','.join(words)}: give one or more of {', '.join(known)}, separated by commas, each once."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamCounts:
    """How many photographs and pictures each part has.

    Attributes:
        originals: references that queries are made from.
        distractors: references that none is made from.
        queries: with a match.
        unmatched: queries without a match, each from a photograph of its own.
        background: stored for score normalisation.
        others: photographs that appear inside edited pictures only, as grounds and overlays.
    """

    originals: int
    distractors: int
    queries: int
    unmatched: int
    background: int
    others: int

    @property
    def references(self) -> int:
        """Originals and distractors."""
        return self.originals + self.distractors

    @property
    def photographs(self) -> int:
        """All that the exam is made from."""
        return self.references + self.unmatched + self.background + self.others

    def to_dict(self) -> dict[str, Any]:
        """As exam.json and ``--json`` list them."""
        return {
            "references": self.references,
            "distractors": self.distractors,
            "queries": self.queries + self.unmatched,
            "matched": self.queries,
            "unmatched": self.unmatched,
            "background": self.background,
        }


def count_parts(settings: ExamSettings, photographs: int) -> ExamCounts:
    """Share the photographs out.

    Raises:
        UsageError: there are too few; the message says how many each part needs.
    """
    others = 0
    if any(edit.needs_others for edit in settings.chosen_edits()):
        others = _between(FEWEST_OTHERS, round(OTHERS_SHARE * photographs), MOST_OTHERS)
    unmatched = settings.unmatched
    if unmatched is None:
        unmatched = _between(1, round(UNMATCHED_SHARE * photographs), MOST_UNMATCHED)
    rest = photographs - others - unmatched - settings.background
    references = settings.references
    if references is None:
        # One original is the least that there is something to find.
        references = _between((settings.distractors or 0) + 1, rest, MOST_REFERENCES)
    originals = _count_originals(settings, references)
    counts = ExamCounts(
        originals=originals,
        distractors=references - originals,
        queries=2 * originals if settings.queries is None else settings.queries,
        unmatched=unmatched,
        background=settings.background,
        others=others,
    )
    if counts.photographs > photographs:
        raise UsageError(_too_few(counts, photographs))
    return counts


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def _count_originals(settings: ExamSettings, references: int) -> int:
    if settings.distractors is not None:
        originals = references - settings.distractors
        if originals < 1:
            raise UsageError(
                f"--distractors {settings.distractors} leaves no reference to make queries from; "
                f"there are {references} references in all."
            )
        if settings.queries is not None and settings.queries < originals:
            raise UsageError(
                f"--queries {settings.queries} are fewer than the {originals} references that are no distractors; "
                "ask for more queries or more distractors."
            )
        return originals
    originals = min(MOST_ORIGINALS, (references + 1) // 2)
    return originals if settings.queries is None else min(originals, settings.queries)


def _too_few(counts: ExamCounts, photographs: int) -> str:
    parts = {
        "references": counts.references,
        "queries without a match": counts.unmatched,
        "background": counts.background,
        "pictures inside others": counts.others,
    }
    wanted = ", ".join(f"{count:,} for {part}" for part, count in parts.items() if count)
    return (
        f"{photographs:,} usable photographs are too few: the exam needs {counts.photographs:,} ({wanted}); "
        "give more photographs, or ask for less."
    )
