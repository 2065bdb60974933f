"""A folder with DISC2021 in, one of its splits out.

DISC2021 (Douze et al., "The 2021 Image Similarity Dataset and Challenge", arXiv 2106.09672): a million references
R000000 to R999999, a million training pictures T000000 to T999999 and twice 50,000 queries, of which 10,000 each
are edited copies of a reference. Q00000 to Q49999 are the development queries, the test queries follow. Files of
the repository facebookresearch/isc2021 fix the halves: ``list_files/dev_queries_25k`` ends with Q24999, and
``list_files/public_ground_truth.csv`` holds their 4,991 pairs (dev-I); the other 5,009 pairs are dev-II. The paper
of SSCD quotes the whole development split, k = 10, and fits whitening and score normalisation on the training
pictures (facebookresearch/sscd-copy-detection, ``sscd/disc_eval.py``); so `background` is `training` here.

The folders have gone by several names. Accepted are those of the archives at Meta AI (``refs_50k_0`` …), of the
challenge (``reference_images``, ``query_images``, ``query_images_phase2``), of its baselines (``images/references``,
``images/queries``), of the copy at Kaggle (``references_0/images/references``, ``dev_queries``, ``final_queries``)
and of SSCD (``val_ref``, ``val_query``). Queries of all splits may lie together: the numbers tell them apart.
"""

# ruff: noqa: PTH118
from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from copylens.errors import UsageError
from copylens.evaluation.benchmarks.base import BenchmarkInfo, SplitCounts
from copylens.evaluation.benchmarks.layout import (
    Folder,
    existing_folder,
    first_existing_file,
    incomplete,
    lacking,
    subfolders,
)
from copylens.evaluation.benchmarks.numbered import Found, Ids
from copylens.evaluation.benchmarks.truth import Row, Truth, gather, read_rows, refusal, sorted_pairs
from copylens.evaluation.nouns import Benchmark, Picture

TITLE = "DISC2021"
ADDRESS = "https://ai.meta.com/datasets/disc21-dataset/"

REFERENCES = Ids("R", 6, 0, 1_000_000)
TRAINING = Ids("T", 6, 0, 1_000_000)

_DEV_TRUTHS = (
    "dev_queries_groundtruth.csv",
    "dev_ground_truth.csv",
    "val_groundtruth_matches.csv",
    "groundtruth_matches.csv",
)


@dataclass(frozen=True, slots=True)
class Split:
    """What makes a split.

    Attributes:
        queries: their names.
        pairs: how many of them are copies.
        truths: names that the file with the pairs goes by.
    """

    queries: Ids
    pairs: int
    truths: tuple[str, ...]


SPLITS: Mapping[str, Split] = {
    "dev": Split(Ids("Q", 5, 0, 50_000), 10_000, _DEV_TRUTHS),
    "dev-I": Split(Ids("Q", 5, 0, 25_000), 4_991, (*_DEV_TRUTHS, "public_ground_truth.csv")),
    "dev-II": Split(Ids("Q", 5, 25_000, 50_000), 5_009, _DEV_TRUTHS),
    "test": Split(
        Ids("Q", 5, 50_000, 100_000), 10_000, ("test_queries_groundtruth.csv", "final_ground_truth.csv")
    ),
}

INFO = BenchmarkInfo(
    name="disc21",
    title="DISC2021: Dataset for the Image Similarity Challenge, Meta AI 2021",
    splits=tuple(SPLITS),
    layout="""\
dev_queries_groundtruth.csv    the pairs; or dev_ground_truth.csv, for dev-I public_ground_truth.csv
test_queries_groundtruth.csv   those of the split test; or final_ground_truth.csv
dev_queries_50k_0/             Q00000.jpg … Q49999.jpg; or dev_queries/, query_images/, queries/
test_queries_50k_0/            Q50000.jpg … Q99999.jpg; or final_queries/, query_images_phase2/
refs_50k_0/ … refs_50k_19/     R000000.jpg … R999999.jpg; or references/, reference_images/
train_50k_0/ … train_50k_19/   T000000.jpg … T999999.jpg; or train/, train_images/; may be missing""",
    address=ADDRESS,
    sources=(
        "Douze et al., The 2021 Image Similarity Dataset and Challenge, arXiv 2106.09672",
        "https://github.com/facebookresearch/isc2021",
        "https://github.com/facebookresearch/sscd-copy-detection",
    ),
    counts={
        name: SplitCounts(len(split.queries), len(REFERENCES), split.pairs) for name, split in SPLITS.items()
    },
)

_SHARD = r"(_50k)?(_[0-9]+)?"
QUERY_FOLDERS = re.compile(rf"((dev|final|test|val)_)?quer(y|ies)(_images)?(_phase2)?{_SHARD}", re.IGNORECASE)
REFERENCE_FOLDERS = re.compile(rf"(val_)?ref(s|erences?)?(_images)?{_SHARD}", re.IGNORECASE)
TRAINING_FOLDERS = re.compile(rf"train(ing)?(_images)?{_SHARD}", re.IGNORECASE)


def open_disc21(folder: Folder, split: str = "dev", *, partial: bool = False) -> Benchmark:
    """Open a split of DISC2021.

    Training pictures are taken as many as there are, also none. Pictures with other names than the benchmark's,
    and files that are no pictures, are not looked at.

    Args:
        folder: holds the folders of `INFO.layout`, directly or in a folder ``images``.
        split: one of `INFO.splits`.
        partial: take what is there. Pairs count only where both pictures are there; when anything is missing,
            the name of the split says "partial".

    Returns:
        The benchmark; keys are the names of the truth, e.g. ``"Q00042"``.

    Raises:
        UsageError: no such split, a folder or file is missing, the truth is wrong, a picture is there twice, or
            (unless `partial`) pictures or pairs are missing.
    """
    root = existing_folder(folder, f"{TITLE} as described by its layout")
    if split not in SPLITS:
        raise UsageError(f"{TITLE} has no split {split!r}; it has {', '.join(SPLITS)}.")
    facts = SPLITS[split]
    what = f"{TITLE}, split {split}"
    truth = _read_truth(root, what, facts)
    queries = facts.queries.find(folders_of(root, QUERY_FOLDERS))
    references = find_references(root)
    lacks = [*queries.lacks("queries"), *references.lacks("references")]
    if len(truth) < facts.pairs:
        lacks.append(lacking(len(truth), facts.pairs, "pairs in its truth"))
    if lacks and not partial:
        raise incomplete(root, what, lacks, ADDRESS)
    if lacks:
        truth = _pairs_with_pictures(root, what, truth, queries, references)
    training = find_training(root)
    return Benchmark(
        name=INFO.name,
        split=f"{split}, partial" if lacks else split,
        queries=queries.pictures,
        references=references.pictures,
        truth=truth,
        training=training,
        background=training,
    )


def find_references(root: str) -> Found:
    """The references below a folder with DISC2021.

    Raises:
        UsageError: a folder cannot be read, or two pictures have one name.
    """
    return REFERENCES.find(folders_of(root, REFERENCE_FOLDERS))


def find_training(root: str) -> tuple[Picture, ...]:
    """The training pictures below a folder with DISC2021, as many as there are.

    Raises:
        UsageError: a folder cannot be read, or two pictures have one name.
    """
    return TRAINING.find(folders_of(root, TRAINING_FOLDERS)).pictures


def folders_of(root: str, form: re.Pattern[str]) -> list[str]:
    """Folders in `root` or in ``root/images`` whose name has a form, sorted."""
    names = subfolders(root)
    found = [os.path.join(root, name) for name in names if form.fullmatch(name)]
    if "images" in names:
        inner = os.path.join(root, "images")
        found += [os.path.join(inner, name) for name in subfolders(inner) if form.fullmatch(name)]
    return found


def _pairs_with_pictures(root: str, what: str, truth: Truth, queries: Found, references: Found) -> Truth:
    kept = tuple(pair for pair in truth if pair[0] in queries and pair[1] in references)
    if not kept:
        raise UsageError(
            f"{root}: {what} has no pair of which both pictures are there ({len(queries):,} queries and "
            f"{len(references):,} references were found); get more of it from {ADDRESS}."
        )
    return kept


def _read_truth(root: str, what: str, split: Split) -> Truth:
    """The pairs of a split; rows of other splits' queries in the same file are left out."""
    path = first_existing_file(root, [os.path.join(f, n) for n in split.truths for f in ("", "list_files")])
    if path is None:
        raise UsageError(
            f"{root}: the truth of {what} is missing; put {' or '.join(split.truths[:2])} there, "
            f"from {ADDRESS}."
        )
    rows = read_rows(path, headerless=True)
    _check_names(path, rows)
    truth = sorted_pairs(gather(path, (row for row in rows if row.query in split.queries)))
    if len(truth) > split.pairs:
        raise UsageError(
            f"{path}: {len(truth):,} pairs for {what}, which has {split.pairs:,}; take the official file."
        )
    return truth


def _check_names(path: str, rows: Sequence[Row]) -> None:
    form = next(iter(SPLITS.values())).queries
    for row in rows:
        if form.number(row.query) is None:
            raise refusal(path, row.line, f"{row.query!r} is no query of {TITLE}, such as {form.name(42)}.")
        if row.reference and row.reference not in REFERENCES:
            raise refusal(
                path,
                row.line,
                f"{row.reference!r} is no reference of {TITLE}, such as {REFERENCES.name(42)}.",
            )
