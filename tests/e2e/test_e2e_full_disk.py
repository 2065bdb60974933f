"""A full disk: one sentence, status 1, an older output stays as it was, and the same command goes on afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copylens_process import CopyLens, Ran, described_in
from generated_pictures import add_copies, write_pictures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")

COUNT = 60
COPIED = 10
IMAGES = COUNT + 3 * COPIED
CONTENTS = IMAGES - COPIED
"""A third of the copies are byte copies."""

OLD = "what was there before"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    add_copies(folder / "copies", write_pictures(folder / "originals", COUNT)[:COPIED])
    return folder


def limited_to(kibibytes: int) -> tuple[str, ...]:
    """Let files grow to this size only, which needs no rights."""
    return ("bash", "-c", f'ulimit -f {kibibytes} && exec "$@"', "bash")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, pictures: Path, thumbnail_package: Path) -> Path:
    """Where the default catalog knows all of the pictures already."""
    home = tmp_path_factory.mktemp("full")
    assert CopyLens(home, thumbnail_package).run("scan", pictures, "--threshold", "-1").status == 0
    return home


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path) -> CopyLens:
    # A cut .pyc file would be believed.
    return CopyLens(home, thumbnail_package, variables={"PYTHONDONTWRITEBYTECODE": "1"})


def test_a_catalog_that_cannot_grow(copylens: CopyLens, pictures: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"
    words = ("scan", pictures, "--catalog", catalog, "--json")
    ran = copylens.run(*words, through=limited_to(300))
    assert ran.status == 1
    assert f"The catalog {catalog} cannot be" in ran.sentence()
    kept = described_in(catalog)
    assert 0 < kept < CONTENTS
    summary = copylens.run(*words).document()["summary"]
    assert (summary["described"], summary["images"]) == (CONTENTS - kept, IMAGES)


@pytest.mark.parametrize(
    "words", ["scan --threshold -1 -o r.json", "scan --html r.html", "describe -o r.npz"]
)
def test_a_result_that_cannot_be_written(
    copylens: CopyLens, run_here: Callable[..., Ran], pictures: Path, tmp_path: Path, words: str
) -> None:
    verb, *options, name = words.split()
    output = tmp_path / "out" / name
    output.parent.mkdir()
    output.write_text(OLD)
    # As much as the catalog's shared memory needs, and less than the result.
    ran = copylens.run(verb, pictures, *options, output, through=limited_to(40))
    assert ran.status == 1
    assert ran.sentence() == f"{output} cannot be written: File too large."
    assert [path.read_text() for path in output.parent.iterdir()] == [OLD]
    assert run_here(verb, str(pictures), *options, str(output)).status == 0
    assert output.read_bytes() != OLD.encode()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where the tests may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not sys.platform.startswith("linux") or mount is None or umount is None:
        pytest.skip("needs Linux's mount")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk_is_said_and_the_same_command_goes_on(
    run_here: Callable[..., Ran], pictures: Path, small_disk: Path
) -> None:
    ballast, catalog = small_disk / "ballast", small_disk / "catalog.db"
    words = ("scan", str(pictures), "--catalog", str(catalog), "--json")
    ballast.write_bytes(bytes(600 << 10))
    ran = run_here(*words)
    assert (ran.status, ran.sentence()) == (
        1,
        f"The catalog {catalog} cannot grow: the disk is full. "
        "Free some space and run the same command again; it goes on there.",
    )
    kept = described_in(catalog)
    assert 0 < kept < CONTENTS
    ballast.unlink()
    assert run_here(*words).document()["summary"]["described"] == CONTENTS - kept


@pytest.mark.parametrize("suffix", ["json", "jsonl", "html", "csv", "parquet", "npz"])
def test_a_full_disk_leaves_an_older_output(
    run_here: Callable[..., Ran], pictures: Path, small_disk: Path, suffix: str
) -> None:
    output, ballast = small_disk / f"result.{suffix}", small_disk / "ballast"
    output.write_text(OLD)
    fill(ballast)
    words = ("describe" if suffix == "npz" else "scan", str(pictures), "--output", str(output))
    ran = run_here(*words)
    assert ran.status == 1
    # Arrow words the system's refusal itself.
    why = "" if suffix == "parquet" else "the disk is full; free some space and run the same command again."
    assert ran.sentence().startswith(f"{output} cannot be written: {why}")
    assert output.read_text() == OLD
    assert sorted(small_disk.iterdir()) == [ballast, output]
    ballast.unlink()
    assert run_here(*words).status == 0
    assert output.read_bytes() != OLD.encode()


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1024)):
                pass
        except OSError:
            return
