"""Reads what should be found: a truth file in; pairs of copies of one original, and scores of findings, out.

Two layouts are read. With the columns ``copy,original,edit`` each row is a file below the folder and the file
that it was made from. With ``query,reference,kind,ops`` the files lie in ``queries/`` and ``references/``; a
query without a reference is a distractor. Everything made from one original, and that original, are copies of
each other: n files of one original are n (n - 1) / 2 pairs. Files that no row names are unlike all others.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

Pair = tuple[str, str]
"""Two paths relative to the folder, the smaller first."""

REPORTED_MISSING = 3
LAYOUTS = ("copy,original,edit", "query,reference,kind,ops")


class TruthError(Exception):
    """The truth file cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What should be found.

    Attributes:
        pairs: every two files that are copies of one original.
        edited: the files that were made from others, and queries without a reference; none that was itself the
            original of another.
        edits: how a copy was made, for the pairs of a copy and the file that it was made from.
    """

    pairs: frozenset[Pair]
    edited: frozenset[str]
    edits: dict[Pair, str]

    def kept(self, pairs: Iterable[Pair], *, with_originals: bool) -> set[Pair]:
        """Keep the pairs that are judged: all, or those with an original on at least one side.

        What is not edited counts as an original, so a false match with a distractor counts as one.
        """
        chosen = set(pairs)
        if not with_originals:
            return chosen
        return {pair for pair in chosen if not self.edited.issuperset(pair)}


def ordered(one: str, other: str) -> Pair:
    """Make a pair of two paths."""
    return (one, other) if one < other else (other, one)


def read_truth(path: Path, folder: Path) -> Truth:
    """Read a truth file of either layout.

    Raises:
        TruthError: it is neither layout, gives a file two originals, or names files that are not in the folder.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        rows = list(reader)
    if {"copy", "original", "edit"} <= columns:
        made = [(row["copy"], row["original"], row["edit"]) for row in rows]
        distractors = []
    elif {"query", "reference", "kind", "ops"} <= columns:
        made = [
            (f"queries/{row['query']}", f"references/{row['reference']}", _edit(row))
            for row in rows
            if row["reference"]
        ]
        distractors = [f"queries/{row['query']}" for row in rows if not row["reference"]]
    else:
        raise TruthError(f"{path.name} has neither the columns {' nor '.join(LAYOUTS)}.")
    _check(path.name, made, distractors, folder)
    return _paired(made, distractors)


def _edit(row: dict[str, str]) -> str:
    """Name the edit of a query."""
    return row["ops"] if row["kind"] == "single" else row["kind"]


def _check(name: str, made: list[tuple[str, str, str]], distractors: list[str], folder: Path) -> None:
    """Refuse what would be judged wrongly without a word."""
    listed = Counter([*(copy for copy, _, _ in made), *distractors])
    twice = sorted(copy for copy, count in listed.items() if count > 1)
    if twice:
        raise TruthError(f"{name} lists {twice[0]} {listed[twice[0]]} times; a copy has one original.")
    files = {file for copy, original, _ in made for file in (copy, original)} | set(distractors)
    missing = sorted(file for file in files if not (folder / file).is_file())
    if missing:
        some = ", ".join(missing[:REPORTED_MISSING])
        raise TruthError(f"{name} names {len(missing)} files that are not in the folder, such as {some}.")


def _paired(made: list[tuple[str, str, str]], distractors: list[str]) -> Truth:
    """Pair every two files that go back to the same file."""
    source = {copy: original for copy, original, _ in made}
    families: dict[str, set[str]] = defaultdict(set)
    for copy in source:
        first, seen = copy, {copy}
        while first in source and source[first] not in seen:
            first = source[first]
            seen.add(first)
        families[first] |= seen
    return Truth(
        pairs=frozenset(ordered(*pair) for family in families.values() for pair in combinations(family, 2)),
        edited=frozenset({*source, *distractors}.difference(source.values())),
        edits={ordered(copy, original): edit for copy, original, edit in made},
    )


@dataclass(frozen=True, slots=True)
class Score:
    """How good findings are.

    Attributes:
        found: pairs found.
        right: those of them that should be found.
        wanted: pairs that should be found.
    """

    found: int
    right: int
    wanted: int

    @property
    def precision(self) -> float | None:
        """The share of the findings that is right; none when nothing was found."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """The share of what should be found that was; none when there is nothing to find."""
        return self.right / self.wanted if self.wanted else None


def judge(found: Iterable[Pair], truth: Truth, *, with_originals: bool) -> Score:
    """Compare findings with the truth."""
    kept = truth.kept(found, with_originals=with_originals)
    wanted = truth.kept(truth.pairs, with_originals=with_originals)
    return Score(found=len(kept), right=len(kept & wanted), wanted=len(wanted))


def recall_by_edit(found: set[Pair], truth: Truth) -> dict[str, float]:
    """For each edit, the share of its copies that were found together with the file they were made from."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for pair, edit in truth.edits.items():
        hits[edit].append(pair in found)
    return {edit: round(sum(flags) / len(flags), 4) for edit, flags in sorted(hits.items())}
