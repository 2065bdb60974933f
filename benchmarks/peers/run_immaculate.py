"""Runs Immaculate over a folder with its own defaults.

Crosses in: a folder, a method (``pdq``, ``phash``, ``sscd``, ``sscd_distilled``), a file to write. Crosses
out: that file, with the pairs of each set that Immaculate reports. It reports sets, not pairs, and no scores;
its matches chain.

    python benchmarks/peers/run_immaculate.py FOLDER sscd_distilled OUT.json
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

from immaculate import find_duplicates

THRESHOLDS = {"pdq": "31 bits", "phash": "0 bits", "sscd": "0.75", "sscd_distilled": "0.75"}
"""As its documentation gives them; they cannot be set."""


def main() -> None:
    """Search, and write what was found."""
    folder, method, out = sys.argv[1:]
    found = find_duplicates(folder, method)
    groups = [[str(path) for path in group] for group in [*found.exact, *found.near]]
    document = {
        "version": f"immaculate {version('immaculate')}",
        "threshold": THRESHOLDS[method],
        "pairs": [list(pair) for group in groups for pair in combinations(group, 2)],
        "groups": groups,
        "skipped": len(found.skipped),
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main()
