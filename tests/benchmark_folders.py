"""Small benchmarks in the official layouts, with generated pictures: for the readers and for whole evaluations.

The pictures are random shapes and the queries are crops of them: a model finds many of the copies, not all.
"""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import numpy as np
from PIL import Image, ImageDraw

DiscLayout = Literal["archives", "challenge", "baselines", "kaggle", "sscd", "together"]

Pairs = dict[str, str]
"""Query to reference, both as the truth names them."""


def pattern(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Coloured rectangles and ellipses, others for each seed."""
    random_numbers = np.random.default_rng(seed)
    width, height = size
    picture = Image.new("RGB", size, _colour(random_numbers))
    draw = ImageDraw.Draw(picture)
    for number in range(9):
        x, y = random_numbers.uniform(0, width), random_numbers.uniform(0, height)
        a, b = random_numbers.uniform(width / 16, width / 4), random_numbers.uniform(height / 16, height / 4)
        shape = draw.ellipse if number % 2 else draw.rectangle
        shape((x - a, y - b, x + a, y + b), fill=_colour(random_numbers))
    return picture


def _colour(random_numbers: np.random.Generator) -> tuple[int, ...]:
    return tuple(random_numbers.integers(0, 256, 3).tolist())


def cropped(picture: Image.Image, share: float = 0.8) -> Image.Image:
    """The upper left part of a picture, both sides cut to a share."""
    width, height = picture.size
    return picture.crop((0, 0, max(1, round(width * share)), max(1, round(height * share))))


def save(picture: Image.Image, path: Path, *, quality: int = 90) -> None:
    """Write a JPEG, and the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "JPEG", quality=quality)


def write_csv(path: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Write rows, with a header unless it is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([header, *rows] if header else rows)


@contextmanager
def shuffled_disk(seed: int) -> Iterator[None]:
    """As long as this is open, `os.scandir` lists every folder in another order."""
    scandir = os.scandir

    @contextmanager
    def shuffled(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        random.Random(seed).shuffle(listed)
        yield iter(listed)

    patched: Any = shuffled
    with mock.patch.object(os, "scandir", patched):
        yield


@dataclass(frozen=True)
class DiscNames:
    """What the folders and files of DISC2021 are called in one of its layouts."""

    dev: str
    test: str
    references: str
    training: str
    dev_truth: str
    test_truth: str
    headed: bool
    """Whether the truth has a header and rows for queries without a reference."""


DISC_NAMES: Mapping[DiscLayout, DiscNames] = {
    "archives": DiscNames(
        "dev_queries_50k_0", "test_queries_50k_0", "refs_50k_{}", "train_50k_{}",
        "dev_queries_groundtruth.csv", "test_queries_groundtruth.csv", headed=False,
    ),
    "challenge": DiscNames(
        "query_images", "query_images_phase2", "reference_images", "train_images",
        "dev_ground_truth.csv", "final_ground_truth.csv", headed=True,
    ),
    "baselines": DiscNames(
        "images/queries", "images/final_queries", "images/references", "images/train",
        "list_files/dev_ground_truth.csv", "list_files/final_ground_truth.csv", headed=True,
    ),
    "kaggle": DiscNames(
        "dev_queries/images/queries", "final_queries/images/final_queries", "references_{}/images/references",
        "train_{}/images/train", "dev_ground_truth.csv", "final_ground_truth.csv", headed=True,
    ),
    "sscd": DiscNames(
        "val_query", "test_query", "val_ref", "training",
        "val_groundtruth_matches.csv", "test_queries_groundtruth.csv", headed=False,
    ),
    "together": DiscNames(
        "queries", "queries", "references", "train",
        "dev_ground_truth.csv", "final_ground_truth.csv", headed=True,
    ),
}  # fmt: skip


def build_disc21(
    root: Path,
    *,
    layout: DiscLayout = "archives",
    queries: Sequence[int] = (*range(8), *range(25_000, 25_006), *range(50_000, 50_008)),
    references: int = 20,
    training: int = 6,
) -> Pairs:
    """Write part of DISC2021: every second query is a crop of a reference.

    Args:
        root: of the benchmark.
        layout: what folders and files are called; where they are numbered, two folders share the pictures.
        queries: their numbers.
        references, training: how many, from number 0.

    Returns:
        The pairs, e.g. ``{"Q00000": "R000000"}``.
    """
    names = DISC_NAMES[layout]
    for number in range(references):
        folder = names.references.format(number * 2 // references)
        save(pattern(number), root / folder / f"R{number:06d}.jpg")
    for number in range(training):
        save(pattern(1_000_000 + number), root / names.training.format(number % 2) / f"T{number:06d}.jpg")
    pairs: Pairs = {}
    for place, number in enumerate(queries):
        original = place // 2 % references
        copy = place % 2 == 0
        picture = cropped(pattern(original)) if copy else pattern(2_000_000 + number)
        save(picture, root / (names.dev if number < 50_000 else names.test) / f"Q{number:05d}.jpg")
        if copy:
            pairs[f"Q{number:05d}"] = f"R{original:06d}"
    for name, in_test in ((names.dev_truth, False), (names.test_truth, True)):
        asked = [f"Q{number:05d}" for number in queries if (number >= 50_000) == in_test]
        write_disc_truth(root / name, asked, pairs, headed=names.headed)
    return pairs


def write_disc_truth(path: Path, queries: Sequence[str], pairs: Mapping[str, str], *, headed: bool) -> None:
    """Write a truth of DISC2021: with a header and every query, or the pairs alone."""
    if headed:
        write_csv(path, [(q, pairs.get(q, "")) for q in queries], ("query_id", "reference_id"))
    else:
        write_csv(path, [(q, pairs[q]) for q in queries if q in pairs])


COPYDAYS_CROPS = (10, 15, 20, 30, 40, 50, 60, 70, 80)
COPYDAYS_JPEG = (3, 5, 8, 10, 15, 20, 30, 50, 75)


def build_copydays(
    root: Path, *, originals: int = 157, strong: int = 229, blocks: bool = True, distractors: int = 0
) -> None:
    """Write Copydays, complete unless other counts are given.

    Args:
        root: of the benchmark.
        originals: how many.
        strong: how many strong attacks; the originals have them by turns.
        blocks: write ``crops`` and ``jpegqual``, too.
        distractors: how many pictures to write to ``distractors``.
    """
    for number in range(originals):
        picture = pattern(number, (40, 30))
        name = f"{2000 + number}00.jpg"
        save(picture, root / "original" / name)
        for level in COPYDAYS_CROPS if blocks else ():
            save(cropped(picture, 1 - level / 200), root / f"crops/{level}" / name)
        for level in COPYDAYS_JPEG if blocks else ():
            save(picture.resize((20, 15)), root / f"jpegqual/{level}" / name, quality=level)
    for number in range(strong):
        attacked = cropped(pattern(number % originals, (40, 30)), 0.6)
        save(attacked, root / "strong" / f"{2000 + number % originals}{number // originals + 1:02d}.jpg")
    for number in range(distractors):
        save(pattern(3_000_000 + number), root / "distractors" / f"{number % 2}" / f"photo{number}.jpg")


def build_ndec(root: Path, *, queries: int = 12, references: int = 10, negative_pairs: int = 3) -> Pairs:
    """Write part of NDEC with its references: every third query is a crop of one, others look alike or unlike.

    Returns:
        The pairs, e.g. ``{"Q25000": "R000000"}``.
    """
    for number in range(references):
        save(pattern(number), root / "refs_50k_0" / f"R{number:06d}.jpg")
    pairs: Pairs = {}
    rows = []
    for number in range(queries):
        original = number // 3 % references
        key = f"Q{25_000 + number}"
        pictures = (
            cropped(pattern(original)),
            Image.blend(pattern(original), pattern(5_000_000 + number), 0.4),
            pattern(4_000_000 + number),
        )
        save(pictures[number % 3], root / "query_images_h5" / f"{key}.jpg")
        if number % 3 == 0:
            pairs[key] = f"R{original:06d}"
        rows.append((key, pairs.get(key, "")))
    for number in range(negative_pairs):
        folder = root / "negative_pair" / f"{number:05d}"
        save(pattern(6_000_000 + number), folder / f"T{613_143 + number}.jpg")
        save(pattern(6_100_000 + number), folder / f"{number}.jpg")
    write_csv(root / "public_ground_truth_h5.csv", rows, ("query_id", "reference_id"))
    return pairs


def build_pairs(root: Path, *, pairs: int = 6, extra: int = 3) -> Pairs:
    """Write ``queries``, ``references`` and ``truth.csv``; some pictures lie in folders within.

    Args:
        root: of the benchmark.
        pairs: how many queries are crops of a reference.
        extra: how many queries without a reference, and as many distractors, no row names.

    Returns:
        The pairs.
    """
    truth: Pairs = {}
    for number in range(pairs + extra):
        folder = "" if number % 2 else "more/"
        reference, query = f"{folder}photo {number}.jpg", f"{folder}edit-{number}.jpg"
        save(pattern(number), root / "references" / reference)
        copy = number < pairs
        save(cropped(pattern(number)) if copy else pattern(7_000_000 + number), root / "queries" / query)
        if copy:
            truth[query] = reference
    write_csv(root / "truth.csv", list(truth.items()), ("query", "reference"))
    return truth


def build_exam(root: Path, *, photos: int = 6, negatives: int = 3, background: int = 4) -> Pairs:
    """Write an exam: of each photograph a crop, and a crop that is mirrored, by turns at three strengths.

    Returns:
        The pairs.
    """
    truth: Pairs = {}
    rows: list[tuple[str, ...]] = []
    for number in range(photos):
        reference = f"R{number:05d}.jpg"
        save(pattern(number), root / "references" / reference)
        strength = ("mild", "medium", "hard")[number % 3]
        crop = cropped(pattern(number), {"mild": 0.9, "medium": 0.75, "hard": 0.5}[strength])
        mirrored = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for kind, ops, picture in (("single", "crop", crop), ("multi", "crop+hflip", mirrored)):
            query = f"Q{len(rows):05d}.jpg"
            save(picture, root / "queries" / query)
            truth[query] = reference
            rows.append((query, reference, kind, ops, strength))
    for number in range(negatives):
        query = f"Q{len(rows):05d}.jpg"
        save(cropped(pattern(8_000_000 + number)), root / "queries" / query)
        rows.append((query, "", "none", "crop", "mild"))
    for number in range(background):
        save(pattern(9_000_000 + number), root / "background" / f"B{number:05d}.jpg")
    write_csv(root / "truth.csv", rows, ("query", "reference", "kind", "ops", "strength"))
    return truth
