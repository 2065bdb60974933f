"""Runs a scan for somebody who watches its memory: a folder and a catalog in, progress and the result as lines out.

Lines on stdout: ``progress STAGE DONE TOTAL``, then one ``result {...}`` with the summary of the scan as JSON.

    python -m benchmarks.watched_scan FOLDER CATALOG auto
"""

from __future__ import annotations

import json
import sys
from typing import Any

from copylens.workflows.scan import scan


def main() -> None:
    """Scan, and say how far it is."""
    folder, catalog, engine = sys.argv[1:]
    chosen: Any = engine

    def say(stage: str, done: int, total: int | None) -> None:
        print("progress", stage, done, done if total is None else total, flush=True)

    result = scan(folder, catalog=catalog, engine=chosen, progress=say)
    print("result", json.dumps(result.to_dict()["summary"]), flush=True)


if __name__ == "__main__":
    main()
