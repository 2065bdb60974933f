"""The commands' own help in, ``docs/cli.md`` out; a test compares the two, so the page cannot rot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

COMMANDS = [
    [],
    ["scan"],
    ["compare"],
    ["describe"],
    ["models"],
    ["models", "list"],
    ["models", "show"],
    ["models", "verify"],
    ["models", "import"],
    ["models", "pull"],
]

EXIT_STATUS = """## Exit status

| status | meaning |
|---|---|
| 0 | done; for `compare`: a copy |
| 1 | failed; for `scan --fail-on-found`: copies were found; for `compare`: not a copy |
| 2 | a wrong option or path; for `compare`: any error |
| 130 | interrupted; what was described is kept, run the same command again to go on |
| 141 | the reader of stdout went away |

## Environment

| variable | meaning |
|---|---|
| `COPYLENS_MODEL` | as `--model` |
| `COPYLENS_CATALOG` | as `--catalog` |
| `COPYLENS_CACHE_DIR` | folder of the default catalogs |
| `COPYLENS_MODELS_DIR` | folder of imported model packages |
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        "# The command line\n\nWritten by `python scripts/write_cli_page.py` from the commands' own help.\n"
    ]
    for words in COMMANDS:
        title = " ".join(["copylens", *words])
        parts.append(f"## `{title}`\n\n```\n{help_of(words)}\n```\n")
    return "\n".join([*parts, EXIT_STATUS])


def help_of(words: list[str]) -> str:
    """What ``copylens WORDS --help`` prints, without colours, 100 columns wide."""
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "copylens", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.name}")
