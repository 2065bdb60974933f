"""Measures what becomes of copies in other sizes, formats and encodings: pictures and models in, Markdown tables out.

Every copy is written to a file, read and described as a scan does, and looked up among all the pictures and a crowd of
unrelated ones. With --cache a run that was killed goes on, and one with another model makes that model's rows alone.

    python -m benchmarks.robustness examples/photos/originals --crowd EXAM/references --model copylens-small
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from hashlib import blake2b
from inspect import getsource
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from benchmarks import robustness_files, robustness_variants
from benchmarks.machine import describe_machine, machine_facts, portable_command
from benchmarks.marked_pages import is_marked, marks, replace_between
from benchmarks.robustness_variants import GROUPS, Variant, variants
from PIL import Image, ImageOps
from PIL import __version__ as version

from copylens import images
from copylens.images import Loaded, load
from copylens.records import FoundFile, Skipped
from copylens.workflows.describer import BATCH, Describer, load_model
from copylens.workflows.finding import find
from copylens.workflows.settings import FileSettings, silent

Floats = npt.NDArray[np.float32]
Say = Callable[[str], None]

NAME = "robustness"


@dataclass(frozen=True)
class Gallery:
    """What one model has to look among.

    Attributes:
        describer: the model.
        rows: ``(P + C, D)``, the pictures' descriptors, then the crowd's.
    """

    describer: Describer
    rows: Floats

    @property
    def name(self) -> str:
        """Of the model."""
        return self.describer.identity.name


@dataclass(frozen=True, slots=True)
class Judged:
    """What one model made of one variant of all pictures.

    Attributes:
        recall: share of the copies whose best candidate is their original.
        found: share whose score with the original reaches the model's threshold.
        lowest, median: of those scores; None where no copy could be read.
        wrong: copies with another picture at or above the threshold.
        skipped: copies that could not be read.
        copies: in all.
    """

    recall: float
    found: float
    lowest: float | None
    median: float | None
    wrong: int
    skipped: int
    copies: int


def main() -> int:
    """Describe the gallery with each model, make the copies, judge them, print the tables."""
    options = parse_arguments()
    pictures = found_files([options.pictures], options.limit)
    if not pictures:
        raise SystemExit(f"{options.pictures}: there are no pictures in it.")
    crowd = found_files(options.crowd, options.crowd_limit)
    say: Say = silence if options.quiet else progress
    store = Store(options.cache)
    galleries = [
        gallery(load_model(name, threads=1), [*pictures, *crowd], store, say)
        for name in options.model or [None]
    ]
    chosen = [variant for variant in variants() if variant.group in options.groups.split(",")]
    judged: dict[Variant, list[Judged]] = {}
    with TemporaryDirectory() as folder:
        for place, variant in enumerate(chosen, start=1):
            say(f"{place} of {len(chosen)}: {variant.name}")
            few = pictures[: options.costly_limit] if variant.costly else pictures
            # Made once, and only when a model asks for them.
            write = cache(partial(write_copies, variant, few, Path(folder)))
            judged[variant] = [
                judge(made, store.described(made.describer, f"{variant.group}: {variant.name}", few, write))
                for made in galleries
            ]
    lines = [
        f"`{portable_command(f'benchmarks.{NAME}')}`",
        f"({describe_machine(machine_facts())})",
        "",
        *report(galleries, len(pictures), judged),
    ]
    print("\n".join(lines))
    if options.page:
        replace_between(options.page, NAME, lines)
    return 0


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=NAME, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", type=Path, help="folder of pictures to copy")
    parser.add_argument("--crowd", type=Path, action="append", default=[], help="unrelated pictures; repeat")
    parser.add_argument("--model", action="append", metavar="NAME", help="as copylens takes it; repeat")
    parser.add_argument("--limit", type=int, default=40, metavar="N", help="copy the first N pictures")
    parser.add_argument("--costly-limit", type=int, default=6, metavar="N", help="the first N at 40 MP")
    parser.add_argument(
        "--crowd-limit", type=int, default=1200, metavar="N", help="the first N of each crowd"
    )
    parser.add_argument("--groups", default=",".join(GROUPS), help="of variants, by commas")
    parser.add_argument("--page", type=Path, help="Markdown file whose tables are replaced")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep descriptors there")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    options = parser.parse_args(words)
    if unknown := set(options.groups.split(",")) - set(GROUPS):
        parser.error(f"--groups: there is no {', '.join(sorted(unknown))}; choose of {', '.join(GROUPS)}")
    if options.limit < 1 or options.costly_limit < 1:
        parser.error("--limit and --costly-limit: at least 1")
    if options.page and not is_marked(options.page, NAME):
        parser.error(f"--page: {options.page} has to be a file with the lines {' and '.join(marks(NAME))}")
    return options


def progress(text: str) -> None:
    print(text, file=sys.stderr)


def silence(text: str) -> None:
    del text


def found_files(folders: Iterable[Path], limit: int) -> list[str]:
    """Paths of the first images of each folder, sorted."""
    paths: list[str] = []
    for folder in folders:
        found = find([str(folder)], FileSettings(), progress=silent).files
        paths += sorted(file.path for file in found)[:limit]
    return paths


class Store:
    """Descriptors on disk, by everything that they depend on.

    Args:
        folder: where they lie; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.code = blake2b(version.encode())
        for module in (robustness_variants, robustness_files):
            self.code.update(getsource(module).encode())
        for file in sorted(Path(images.__file__).parent.glob("*.py")):
            self.code.update(file.read_bytes())

    def described(
        self, describer: Describer, subject: str, pictures: Sequence[str], write: Callable[[], Sequence[str]]
    ) -> Floats:
        """Descriptors ``(N, D)`` of what `write` makes of pictures under the name `subject`; from the disk if there."""
        if self.folder is None:
            return describe(describer, write())
        digest = self.code.copy()
        states = [(Path(path).name, info.st_size, info.st_mtime_ns) for path, info in with_stat(pictures)]
        digest.update(repr((describer.identity.fingerprint, subject, states)).encode())
        file = self.folder / f"{describer.identity.name}-{digest.hexdigest()[:32]}.npy"
        if file.is_file():
            rows: Floats = np.load(file)
            return rows
        rows = describe(describer, write())
        self.folder.mkdir(parents=True, exist_ok=True)
        # Renamed when whole, so that a run that is killed leaves nothing to be read by the next.
        unfinished = file.with_suffix(".unfinished.npy")
        np.save(unfinished, rows)
        unfinished.replace(file)
        return rows


def with_stat(paths: Iterable[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Each path with the state of its file."""
    return ((path, Path(path).stat()) for path in paths)


def gallery(describer: Describer, paths: Sequence[str], store: Store, say: Say) -> Gallery:
    """Describe what is to be looked among.

    Raises:
        ValueError: one of the files cannot be read.
    """
    say(f"{describer.identity.name}: {len(paths)} pictures to look among")
    rows = store.described(describer, "gallery", paths, lambda: paths)
    if np.isnan(rows).any():
        raise ValueError(f"{paths[int(np.isnan(rows).any(axis=1).argmax())]} cannot be read; remove it.")
    return Gallery(describer, rows)


def describe(describer: Describer, paths: Sequence[str]) -> Floats:
    """Descriptors of files as a scan makes them, ``(N, D)``; a row of NaN for a file that a scan would skip."""
    out = np.full((len(paths), describer.dims), np.nan, np.float32)
    files = [FoundFile(path, info.st_size, info.st_mtime_ns) for path, info in with_stat(paths)]
    batch: dict[int, npt.NDArray[np.generic]] = {}
    for place, item in enumerate(
        load(files, describer.input, workers=1, known=lambda _: False, window=BATCH)
    ):
        if isinstance(item, Skipped):
            progress(f"{Path(item.path).name}: {item.reason}")
        elif isinstance(item, Loaded) and item.pixels is not None:
            batch[place] = item.pixels
        if batch and (len(batch) == BATCH or place == len(paths) - 1):
            out[list(batch)] = describer.describe_prepared(list(batch.values()))
            batch.clear()
    return out


def write_copies(variant: Variant, pictures: Sequence[str], folder: Path) -> list[str]:
    """Write one variant of every picture; the files of the variant before are removed."""
    for old in folder.iterdir():
        old.unlink()
    paths: list[str] = []
    for path in pictures:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
        target = folder / f"{Path(path).stem}-{len(paths)}.{variant.suffix}"
        target.write_bytes(variant.make(upright))
        paths.append(str(target))
    return paths


def judge(among: Gallery, copies: Floats) -> Judged:
    """Look every copy up; copy n belongs to picture n. Among equal scores wrong pictures come first."""
    described = ~np.isnan(copies).any(axis=1)
    places = np.flatnonzero(described)
    scores = copies[places] @ among.rows.T
    rows = np.arange(len(places))
    own = scores[rows, places]
    scores[rows, places] = -np.inf
    best = scores.max(axis=1, initial=-np.inf)
    threshold = among.describer.threshold
    return Judged(
        recall=float((own > best).sum()) / len(copies),
        found=float((own >= threshold).sum()) / len(copies),
        lowest=float(own.min()) if len(own) else None,
        median=float(np.median(own)) if len(own) else None,
        wrong=int((best >= threshold).sum()),
        skipped=len(copies) - len(places),
        copies=len(copies),
    )


def report(galleries: Sequence[Gallery], count: int, judged: dict[Variant, list[Judged]]) -> list[str]:
    """The tables, a group each, under what they are made of."""
    crowd = len(galleries[0].rows) - count
    thresholds = ", ".join(f"`{made.name}` {made.describer.threshold:g}" for made in galleries)
    lines = [
        f"{count} pictures, looked up among themselves and {crowd:,} others. Thresholds: {thresholds}.",
        "A cell: recall at 1 · share at or above the threshold · lowest score · median score.",
    ]
    for group in GROUPS:
        rows = {variant: cells for variant, cells in judged.items() if variant.group == group}
        if rows:
            lines += ["", f"| {group} | {' | '.join(f'`{made.name}`' for made in galleries)} |"]
            lines.append(f"|---|{'---|' * len(galleries)}")
            for variant, cells in rows.items():
                few = f" ({cells[0].copies} pictures)" if cells[0].copies < count else ""
                lines.append(f"| {variant.name}{few} | {' | '.join(map(cell, cells))} |")
            lines += ["", wrong_ones(galleries, list(rows.values()))]
    return lines


def cell(judged: Judged) -> str:
    """Four figures, and how many files were skipped."""
    shares = f"{judged.recall:.2f} · {judged.found:.2f}"
    scores = " · ".join("–" if score is None else f"{score:.3f}" for score in (judged.lowest, judged.median))
    return f"{shares} · {scores}" + (f" · {judged.skipped} skipped" if judged.skipped else "")


def wrong_ones(galleries: Sequence[Gallery], rows: Sequence[Sequence[Judged]]) -> str:
    """How often a wrong picture reached the threshold."""
    sums = [sum(row[place].wrong for row in rows) for place in range(len(galleries))]
    told = ", ".join(f"`{made.name}` {total}" for made, total in zip(galleries, sums, strict=True))
    copies = sum(row[0].copies for row in rows)
    return f"Copies with a wrong picture at or above the threshold, of {copies:,}: {told}."


if __name__ == "__main__":
    sys.exit(main())
