"""Every check of the project, in one run: ruff, mypy, the import contract, the tests.

Nothing crosses but the exit status: 0 when every check passed. All checks run even when an early one fails, so that
one run tells everything.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS: dict[str, list[str]] = {
    "ruff": [str(BIN / "ruff"), "check", "."],
    "ruff format": [str(BIN / "ruff"), "format", "--check", "."],
    "mypy": [str(BIN / "mypy")],
    "import contract": [str(BIN / "lint-imports")],
    "pytest": [str(BIN / "pytest"), *sys.argv[1:]],
}


def main() -> int:
    """Run the checks one after the other and name those that failed."""
    failed = []
    for name, command in CHECKS.items():
        print(f"== {name}", flush=True)
        started = time.perf_counter()
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        print(
            f"== {name}: {'ok' if code == 0 else 'FAILED'} in {time.perf_counter() - started:.0f} s",
            flush=True,
        )
        if code != 0:
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
