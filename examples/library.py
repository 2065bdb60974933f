"""CopyLens from Python: scan a folder, look at the result, ask about single pictures.

Run it with a folder of pictures: python examples/library.py examples/photos
"""

from __future__ import annotations

import sys
from pathlib import Path

import copylens


def main(folder: Path) -> None:
    """Print what a person would want to know of `folder`."""

    def show(stage: str, done: int, total: int | None) -> None:
        if done == total:
            print(f"{stage}: {done}")

    result = copylens.scan(folder, progress=show)
    for group in result.groups:
        print(f"keep {group.keeper}")
        for member in group.members:
            print(f"  {member.score:.3f} {member.kind:6} {member.path}")
    for skipped in result.skipped:
        print(f"skipped {skipped.path}: {skipped.reason}")
    summary = result.summary()
    print(f"{summary.copies} copies among {summary.images} images")

    # Two pictures that the scan put together, asked about once more on their own.
    if result.groups:
        group = result.groups[0]
        verdict = copylens.compare(group.keeper, group.members[0].path)
        print(f"is a copy: {verdict.is_copy}, score {verdict.score:.3f} >= {verdict.threshold:.3f}")

    # Descriptors are plain arrays: here the pair that comes closest to being a copy.
    described = copylens.describe(folder)
    scores = described.descriptors @ described.descriptors.T
    scores[scores >= result.threshold] = -1
    first, second = divmod(int(scores.argmax()), len(described.paths))
    print(
        f"just below the threshold: {described.paths[first]} and {described.paths[second]} ({scores.max():.3f})"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
