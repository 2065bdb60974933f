"""Becomes ``copylens scan``, so that what is measured is CopyLens alone, command line and all.

Crosses in: a folder, a model name or path (``default``: the one CopyLens chooses), a file to write, and
further options for ``copylens scan``. Crosses out: that file, the JSON document that CopyLens prints. The
catalog lies beside it and has to be new.

    python benchmarks/peers/run_copylens.py FOLDER default OUT.json [--precision bfloat16 …]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Point stdout at the file and turn into the scan."""
    folder, model, out, *options = sys.argv[1:]
    catalog = Path(out).with_suffix(".catalog.db")
    if catalog.exists():
        sys.exit(f"{catalog} exists: a scan that finds its descriptors there would measure nothing.")
    command = [
        sys.executable,
        "-m",
        "copylens",
        "scan",
        folder,
        "--json",
        "--quiet",
        "--catalog",
        str(catalog),
    ]
    command += [] if model == "default" else ["--model", model]
    written = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(written, 1)
    os.close(written)
    os.execv(sys.executable, [*command, *options])  # noqa: S606


if __name__ == "__main__":
    main()
