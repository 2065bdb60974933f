"""Measures what everybody pays: this checkout in, time to start and size of the base install as Markdown out.

CopyLens is installed with its base dependencies only, into a fresh virtual environment outside the repository; pip
has to reach a package index. Each command runs a few times, one after the other and in turns, its files read before.

    python -m benchmarks.startup --runs 11 --output startup.md
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from benchmarks.machine import describe_machine, machine_facts, portable_command

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT / "examples" / "photos"
PAIR = (PHOTOS / "originals" / "owl.jpg", PHOTOS / "edits" / "owl-night.jpg")
"""A picture and a copy of it, for the smallest command that runs the network."""
MIB = 1 << 20
INSTALLERS = {"pip", "setuptools", "wheel"}
"""What a virtual environment has before anything is installed."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; `size` is the bytes of its files, compiled modules included."""

    name: str
    version: str
    size: int


def main() -> int:
    """Install, measure, print the tables."""
    options = parse_arguments()
    facts = machine_facts()
    with tempfile.TemporaryDirectory(prefix="startup-") as scratch:
        environment = options.environment or Path(scratch) / "venv"
        if not (environment / "bin" / "copylens").exists():
            install(options.python, environment)
        packages = installed(site_packages(environment))
        times = measure(commands(environment / "bin"), options.runs)
    page = "\n".join(
        [
            f"`{portable_command('benchmarks.startup')}`",
            f"({describe_machine(facts)})",
            "",
            *time_table(times),
            "",
            *size_table(packages),
        ]
    )
    print(page)
    if options.output:
        options.output.write_text(page + "\n", encoding="utf-8")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="startup", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11, metavar="N", help="of each command")
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="to make the environment with"
    )
    parser.add_argument(
        "--environment", type=Path, metavar="FOLDER", help="to install into and keep, or to measure as it is"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="Markdown file to write")
    return parser.parse_args()


def install(python: str, environment: Path) -> None:
    """Make a virtual environment and install this checkout into it, with nothing optional."""
    subprocess.run([python, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", str(ROOT)], check=True)


def site_packages(environment: Path) -> Path:
    """Find the folder that packages were installed into."""
    return next((environment / "lib").glob("python*/site-packages"))


def installed(folder: Path) -> list[Package]:
    """List what is installed in a folder, largest first, without what was there from the start."""
    packages = [
        Package(found.name, found.version, files_size(found)) for found in distributions(path=[str(folder)])
    ]
    return sorted(
        (package for package in packages if package.name.lower() not in INSTALLERS),
        key=lambda package: (-package.size, package.name),
    )


def files_size(found: Distribution) -> int:
    """Add up the bytes of a package's files."""
    paths = [Path(str(file.locate())) for file in found.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())


def commands(binaries: Path) -> dict[str, list[str]]:
    """Name the commands to measure; the first is what every Python program costs."""
    python, copylens = str(binaries / "python"), str(binaries / "copylens")
    return {
        'python -c "pass"': [python, "-c", "pass"],
        'python -c "import copylens"': [python, "-c", "import copylens"],
        "copylens --version": [copylens, "--version"],
        "copylens --help": [copylens, "--help"],
        "copylens scan --help": [copylens, "scan", "--help"],
        "copylens compare PICTURE COPY": [copylens, "compare", *map(str, PAIR)],
    }


def measure(named: dict[str, list[str]], runs: int) -> dict[str, list[float]]:
    """Run the commands in turns; tell the seconds of each run.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    times: dict[str, list[float]] = {name: [] for name in named}
    for turn in range(runs + 1):
        for name, command in named.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            # The first turn reads the files into memory and is not counted.
            if turn:
                times[name].append(time.perf_counter() - started)
    return times


def time_table(times: dict[str, list[float]]) -> list[str]:
    """Write the times in Markdown."""
    return [
        "| Command | Median s | Fastest s |",
        "|---|---:|---:|",
        *(f"| `{name}` | {statistics.median(seen):.3f} | {min(seen):.3f} |" for name, seen in times.items()),
    ]


def size_table(packages: list[Package]) -> list[str]:
    """Write the sizes in Markdown: large packages, the rest as one row, and the sum."""
    large = [package for package in packages if package.size >= MIB]
    rest = [package.size for package in packages if package.size < MIB]
    total = sum(package.size for package in packages)
    return [
        "| Package | Version | MiB |",
        "|---|---|---:|",
        *(f"| {package.name} | {package.version} | {package.size / MIB:.1f} |" for package in large),
        *([f"| {len(rest)} smaller ones | | {sum(rest) / MIB:.1f} |"] if rest else []),
        f"| **{len(packages)} packages** | | **{total / MIB:.1f}** |",
    ]


if __name__ == "__main__":
    sys.exit(main())
