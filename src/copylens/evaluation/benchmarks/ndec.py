"""Folders with NDEC and DISC2021 in, the test of NDEC out: queries that look like a reference and are no copy.

NDEC (Wang, Sun and Yang, "A Benchmark and Asymmetrical-Similarity Learning for Practical Image Copy Detection",
AAAI 2023, arXiv 2205.12358) has 49,252 queries, 24,252 of them hard negatives, and searches them in the references
of DISC2021. Its training set is that of DISC2021 with 100,000 pairs of pictures that look alike. Folders are called
as the archives that the repository WangWenhao0716/ASL links (``query_images_h5.tar``, ``negative_pair.tar.aa`` …).
The name of the truth, ``public_ground_truth_h5.csv``, its header ``query_id,reference_id``, its first rows
(``Q25000,R352148`` and ``Q25001,``: where dev-II of DISC2021 begins) and the folders ``negative_pair/00001`` … are
known only from loaders that others have published. The README speaks of "100,000 reference images", the paper of
the million of DISC2021: the million is wanted here.

Which of the queries without a reference are the hard negatives, the truth does not say.
"""

# ruff: noqa: PTH112, PTH118, PTH119, PTH122
from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

from copylens.errors import UsageError
from copylens.evaluation.benchmarks import disc21
from copylens.evaluation.benchmarks.base import BenchmarkInfo, SplitCounts
from copylens.evaluation.benchmarks.layout import (
    Folder,
    existing_folder,
    first_existing_file,
    incomplete,
    lacking,
    list_pictures,
    picture_names,
)
from copylens.evaluation.benchmarks.truth import gather, read_rows, refusal, sorted_pairs
from copylens.evaluation.nouns import Benchmark, Picture

TITLE = "NDEC"
ADDRESS = "https://github.com/WangWenhao0716/ASL"
QUERIES = 49_252
TRUTHS = ("public_ground_truth_h5.csv",)
NEGATIVE_PAIRS = "negative_pair"
QUERY_FOLDERS = re.compile(r"query_(images_h5|set)", re.IGNORECASE)

INFO = BenchmarkInfo(
    name="ndec",
    title="NDEC: Negative Distractors for Edited Copy, Wang, Sun and Yang, AAAI 2023",
    splits=("test",),
    layout="""\
public_ground_truth_h5.csv     query_id, reference_id; the reference is empty where there is none
query_images_h5/               Q25000.jpg …, 49,252 pictures; or query_set/query_images_h5/
refs_50k_0/ … refs_50k_19/     R000000.jpg … R999999.jpg of DISC2021; or in a folder of its own
negative_pair/00001/ …         100,000 folders of two pictures that look alike; may be missing""",
    address=f"{ADDRESS}, and the references from {disc21.ADDRESS}",
    sources=(
        "Wang, Sun and Yang, A Benchmark and Asymmetrical-Similarity Learning for Practical Image Copy "
        "Detection, arXiv 2205.12358",
        "https://github.com/WangWenhao0716/ASL",
    ),
    counts={"test": SplitCounts(QUERIES, len(disc21.REFERENCES), None)},
)

_NAME = re.compile(r"Q[0-9]+")


def open_ndec(folder: Folder, *, disc21_folder: Folder | None = None, partial: bool = False) -> Benchmark:
    """Open the test of NDEC.

    Training pictures are those of ``negative_pair`` and of DISC2021, as many as there are, also none; background
    pictures are those of DISC2021 alone. Pictures among the queries that are not called ``Q`` and a number, and
    files that are no pictures, are not looked at.

    Args:
        folder: holds what `INFO.layout` shows.
        disc21_folder: a folder with DISC2021, for references and training pictures; None when they lie in `folder`.
        partial: take what is there. Pairs count only where both pictures are there; when anything is missing,
            the name of the split says "partial".

    Returns:
        The benchmark; keys are the names of the truth, e.g. ``"Q25000"``.

    Raises:
        UsageError: a folder or file is missing, the truth is wrong, a picture is there twice, there are more
            queries than NDEC has, or (unless `partial`) pictures are missing.
    """
    root = existing_folder(folder, f"{TITLE} as described by its layout")
    shared = root if disc21_folder is None else existing_folder(disc21_folder, disc21.TITLE)
    gathered = _read_truth(root)
    queries = _find_queries(root)
    references = disc21.find_references(shared)
    lacks = [*_lacking_queries(gathered, queries), *references.lacks(f"references of {disc21.TITLE}")]
    if lacks and not partial:
        raise incomplete(root, TITLE, lacks, INFO.address)
    truth = sorted_pairs(gathered)
    if lacks:
        truth = tuple(pair for pair in truth if pair[0] in queries and pair[1] in references)
    if not truth:
        raise UsageError(
            f"{root}: {TITLE} has no pair of which both pictures are there ({len(queries):,} queries and "
            f"{len(references):,} references were found); get more of it from {INFO.address}."
        )
    background = disc21.find_training(shared)
    return Benchmark(
        name=INFO.name,
        split="test, partial" if lacks else "test",
        queries=tuple(queries[key] for key in sorted(queries)),
        references=references.pictures,
        truth=truth,
        training=tuple(sorted((*_negative_pairs(root), *background), key=lambda picture: picture.key)),
        background=background,
    )


def _read_truth(root: str) -> dict[str, set[str]]:
    path = first_existing_file(root, TRUTHS)
    if path is None:
        raise UsageError(f"{root}: the truth of {TITLE} is missing; put {TRUTHS[0]} there, from {ADDRESS}.")
    rows = read_rows(path)
    for row in rows:
        if not _NAME.fullmatch(row.query):
            raise refusal(path, row.line, f"{row.query!r} is no query of {TITLE}, such as Q25000.")
        if row.reference and row.reference not in disc21.REFERENCES:
            raise refusal(
                path, row.line, f"{row.reference!r} is no reference of {disc21.TITLE}, such as R000042."
            )
    return gather(path, rows)


def _find_queries(root: str) -> dict[str, Picture]:
    """The query pictures by key."""
    found: dict[str, set[str]] = {}
    for folder in disc21.folders_of(root, QUERY_FOLDERS):
        for name in picture_names(folder):
            key = os.path.splitext(os.path.basename(name))[0]
            if _NAME.fullmatch(key):
                found.setdefault(key, set()).add(os.path.join(folder, name))
    for key in sorted(key for key, paths in found.items() if len(paths) > 1):
        first, second, *_ = sorted(found[key])
        raise UsageError(f"{first} and {second} are both {key}; keep only the right one.")
    if len(found) > QUERIES:
        raise UsageError(f"{root}: {len(found):,} queries, but {TITLE} has {QUERIES:,}; keep only its own.")
    return {key: Picture(key, paths.pop()) for key, paths in found.items()}


def _lacking_queries(gathered: Collection[str], queries: Mapping[str, Picture]) -> list[str]:
    """Words for what is missing: what the truth names, and what the paper counts."""
    unseen = sorted(set(gathered) - set(queries))
    if not unseen and len(queries) >= QUERIES:
        return []
    wanted = max(QUERIES, len(queries) + len(unseen))
    return [lacking(len(queries), wanted, "queries", unseen[0] if unseen else "")]


def _negative_pairs(root: str) -> tuple[Picture, ...]:
    folder = os.path.join(root, NEGATIVE_PAIRS)
    return list_pictures(folder, prefix=f"{NEGATIVE_PAIRS}/") if os.path.isdir(folder) else ()
