"""A folder with Copydays in, and perhaps one of distractors; one of its splits out.

INRIA Copydays (Jégou, Douze and Schmid, ECCV 2008; published beside Holidays): 157 originals 200000.jpg, 200100.jpg
…; 229 strong attacks made by hand, called after their original with the last two digits counted up (200001.jpg);
each original cropped by 10 to 80 % of its surface, and scaled to 1/16 with JPEG quality 75 to 3. The first four
digits tell the original. Folder and block names, and the counts 157 and 229, are those of the evaluation in
facebookresearch/dino (``eval_copy_detection.py``) and facebookresearch/sscd-copy-detection
(``sscd/datasets/copydays.py``): ``original``, ``strong``, ``crops/10`` …, ``jpegqual/75`` …. The archives of the
originals and of the strong attacks unpack without a folder, so both may also lie in the folder itself, together:
the last two digits tell them apart (``multigrain/datasets/retrieval.py`` of facebookresearch/multigrain).

SSCD searches 100 references per query among originals and 10,000 distractors from YFCC100M. Its "strong mAP" is the
split ``strong``; its overall µAP asks with every block, the originals themselves too: the split ``all+originals``.
"""

# ruff: noqa: PTH100, PTH112, PTH118, PTH120, PTH122
from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from copylens.errors import UsageError
from copylens.evaluation.benchmarks.base import BenchmarkInfo, SplitCounts
from copylens.evaluation.benchmarks.layout import (
    Folder,
    existing_folder,
    incomplete,
    lacking,
    list_pictures,
    picture_names,
)
from copylens.evaluation.nouns import Benchmark, CandidateRule, Picture, QueryFacts

TITLE = "Copydays"
ADDRESS = "https://thoth.inrialpes.fr/~jegou/data.php.html"
MIRROR = "https://dl.fbaipublicfiles.com/vissl/datasets/copydays_original.tar.gz and copydays_strong.tar.gz"
DISTRACTORS = "distractors"

ORIGINALS = 157
STRONG = 229
CROPS = tuple(f"crops/{percent}" for percent in (10, 15, 20, 30, 40, 50, 60, 70, 80))
JPEG = tuple(f"jpegqual/{quality}" for quality in (3, 5, 8, 10, 15, 20, 30, 50, 75))

SPLITS: Mapping[str, tuple[str, ...]] = {
    "strong": ("strong",),
    "crops": CROPS,
    "jpeg": JPEG,
    "all": ("strong", *CROPS, *JPEG),
    "all+originals": ("original", "strong", *CROPS, *JPEG),
}
"""The blocks whose pictures are asked about."""


def _size(block: str) -> int:
    return STRONG if block == "strong" else ORIGINALS


def _counts(split: str) -> SplitCounts:
    queries = sum(_size(block) for block in SPLITS[split])
    return SplitCounts(queries, ORIGINALS, queries)


INFO = BenchmarkInfo(
    name="copydays",
    title="Copydays: Jégou, Douze and Schmid, INRIA",
    splits=tuple(SPLITS),
    layout="""\
original/                      157: 200000.jpg, 200100.jpg …; or copydays_original/, or no folder
strong/                        229: 200001.jpg …; or copydays_strong/, or no folder
crops/10/ … crops/80/          157 each; or copydays_crop/crops/10/ …; not for strong
jpegqual/3/ … jpegqual/75/     157 each; or copydays_jpeg/jpegqual/3/ …; not for strong
a folder of your choice        distractors, any pictures; may be missing""",
    address=f"{ADDRESS} (originals and strong also {MIRROR})",
    sources=(
        "Jégou, Douze and Schmid, Hamming Embedding and Weak Geometric Consistency, ECCV 2008",
        "https://github.com/facebookresearch/dino",
        "https://github.com/facebookresearch/sscd-copy-detection",
        "https://github.com/facebookresearch/multigrain",
    ),
    protocol="copydays",
    rule=CandidateRule(per_query=100),
    counts={split: _counts(split) for split in SPLITS},
)

_NAME = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class _Copy:
    """A picture of a block and the number of its original."""

    picture: Picture
    original: str


def open_copydays(
    folder: Folder, split: str = "strong", *, distractors: Folder | None = None, partial: bool = False
) -> Benchmark:
    """Open a split of Copydays.

    Pictures whose name is not a number of six digits, and files that are no pictures, are not looked at.

    Args:
        folder: holds the folders of `INFO.layout`.
        split: one of `INFO.splits`.
        distractors: a folder of pictures that are no copies, joined to the references; searched with all folders
            in it. The name of the split says how many there are.
        partial: take what is there. Queries without their original are left out; when anything is missing, the
            name of the split says "partial".

    Returns:
        The benchmark; keys are paths in the official layout, e.g. ``"strong/200001.jpg"``, whatever the folders are
        called here, and ``"distractors/…"``. Strengths are the names of the blocks.

    Raises:
        UsageError: no such split, a folder is missing or wrong, or (unless `partial`) pictures are missing.
    """
    root = existing_folder(folder, f"{TITLE} as described by its layout")
    if split not in SPLITS:
        raise UsageError(f"{TITLE} has no split {split!r}; it has {', '.join(SPLITS)}.")
    originals = {copy.original: copy for copy in _find_block(root, "original")}
    blocks = {block: _find_block(root, block) for block in SPLITS[split]}
    lacks = _lacks(originals, blocks)
    what = f"{TITLE}, split {split}"
    if lacks and not partial:
        raise incomplete(root, what, lacks, INFO.address)
    copies = [copy for found in blocks.values() for copy in found if copy.original in originals]
    if not copies:
        raise UsageError(f"{root}: no query of {what} has its original there; get them from {INFO.address}.")
    others = () if distractors is None else _distractors(distractors, blocks, originals)
    references = [*(copy.picture for copy in originals.values()), *others]
    return Benchmark(
        name=INFO.name,
        split=_split_text(split, bool(lacks), len(others)),
        queries=tuple(sorted((copy.picture for copy in copies), key=_key)),
        references=tuple(sorted(references, key=_key)),
        truth=tuple(sorted((copy.picture.key, originals[copy.original].picture.key) for copy in copies)),
        facts={copy.picture.key: _facts(copy.picture.key) for copy in copies},
        protocol=INFO.protocol,
        rule=INFO.rule,
    )


def _key(picture: Picture) -> str:
    return picture.key


def _split_text(split: str, partial: bool, distractors: int) -> str:
    parts = [split, "partial" if partial else "", f"{distractors:,} distractors" if distractors else ""]
    return ", ".join(part for part in parts if part)


def _facts(key: str) -> QueryFacts:
    block = key.rpartition("/")[0]
    edit = {"crops": "crop", "jpegqual": "jpeg"}.get(block.partition("/")[0])
    return QueryFacts("single", (edit,), block) if edit else QueryFacts(strength=block)


def _find_block(root: str, block: str) -> list[_Copy]:
    """The pictures of a block, sorted; none when its folder is missing.

    Raises:
        UsageError: two pictures are for one original, where there is one each.
    """
    for below in _places(block):
        folder = os.path.join(root, below)
        if os.path.isdir(folder):
            found = sorted(_members(folder, block), key=lambda copy: copy.picture.key)
            if found:
                return _checked(found, block)
    return []


def _places(block: str) -> tuple[str, ...]:
    """Folders that a block may lie in, the official one first; "" is the folder itself."""
    if block in ("original", "strong"):
        return (block, f"copydays_{block}", "")
    kind, level = block.split("/")
    archive = "copydays_crop" if kind == "crops" else "copydays_jpeg"
    return (block, f"{archive}/{block}", f"{archive}/{level}")


def _members(folder: str, block: str) -> Iterable[_Copy]:
    for name in picture_names(folder, deep=False):
        stem = os.path.splitext(name)[0]
        if not _NAME.fullmatch(stem):
            continue
        if (block == "original" and not stem.endswith("00")) or (block == "strong" and stem.endswith("00")):
            continue
        yield _Copy(Picture(f"{block}/{name}", os.path.join(folder, name)), stem[:4])


def _checked(copies: list[_Copy], block: str) -> list[_Copy]:
    last: dict[str, _Copy] = {}
    for copy in copies:
        before = last.setdefault(copy.original if block != "strong" else copy.picture.key, copy)
        if before is not copy:
            raise UsageError(
                f"{before.picture.path} and {copy.picture.path} are both for the original {copy.original}00; "
                f"{block} has one picture of each."
            )
    if len(copies) > _size(block):
        folder = os.path.dirname(copies[0].picture.path)
        raise UsageError(f"{folder}: {len(copies)} pictures, but {block} of {TITLE} has {_size(block)}.")
    return copies


def _lacks(originals: Mapping[str, _Copy], blocks: Mapping[str, Sequence[_Copy]]) -> list[str]:
    """Words for everything that is missing."""
    lacks = [] if len(originals) == ORIGINALS else [lacking(len(originals), ORIGINALS, "originals")]
    copies = {block: found for block, found in blocks.items() if block != "original"}
    for block, found in copies.items():
        if 0 < len(found) < _size(block):
            there = {copy.original for copy in found}
            first = (
                next((f"{n}00" for n in sorted(originals) if n not in there), "") if block != "strong" else ""
            )
            lacks.append(lacking(len(found), _size(block), f"pictures in {block}", first))
    absent = [block for block, found in copies.items() if not found]
    if absent:
        lacks.append(f"all pictures in {', '.join(absent)}")
    orphans = sorted({copy.original for found in copies.values() for copy in found} - set(originals))
    if orphans and originals:
        lacks.append(f"the original {orphans[0]}00, of which copies are there")
    return lacks


def _distractors(
    folder: Folder, blocks: Mapping[str, Sequence[_Copy]], originals: Mapping[str, _Copy]
) -> tuple[Picture, ...]:
    """The distractors.

    Raises:
        UsageError: pictures of the benchmark are among them.
    """
    pictures = list_pictures(folder, prefix=f"{DISTRACTORS}/", noun="the distractors")
    own = [*originals.values(), *(copy for found in blocks.values() for copy in found)]
    paths = {os.path.abspath(copy.picture.path) for copy in own}
    inside = next((p for p in pictures if os.path.abspath(p.path) in paths), None)
    if inside is not None:
        raise UsageError(
            f"{os.fspath(folder)}: holds pictures of {TITLE} itself, such as {inside.path}; name a folder of "
            "distractors only."
        )
    return pictures
