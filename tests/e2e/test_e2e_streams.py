"""Whatever the caller made of stdout and stderr: a clear end, the right status, no traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from copylens_process import COMMAND, CopyLens, Ran, ended
from generated_pictures import add_copies, write_pictures

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, thumbnail_package: Path) -> Path:
    """Pictures that the catalog knows already."""
    home = tmp_path_factory.mktemp("streams")
    originals = write_pictures(home / "pictures", 30)
    add_copies(home / "pictures" / "of", originals)
    (home / "pictures" / "of" / "edits" / "0000.webp").rename(home / "pictures" / "фото.webp")
    assert CopyLens(home, thumbnail_package).run("scan", "pictures").status == 0
    return home


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path) -> CopyLens:
    return CopyLens(home, thumbnail_package)


def in_shell(copylens: CopyLens, rest: str, *, before: str = "set -o pipefail") -> Ran:
    """Run ``copylens REST`` in bash, where a pipe's status is that of the command."""
    line = f"{before}; {shlex.join(COMMAND)} {rest}"
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=copylens.folder,
        env=copylens.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return ended(process)


def test_a_reader_that_takes_only_the_start_ends_it(copylens: CopyLens) -> None:
    # All pairs are more than a pipe holds, so the command is still writing when its reader goes.
    ran = in_shell(copylens, "scan pictures --json --threshold -1 | head -c 1")
    assert (ran.status, ran.out, ran.err) == (141, "{", "")


@pytest.mark.parametrize(
    "words", ["scan pictures", "compare pictures/0000.jpg pictures/0001.jpg", "models list", "scan --help"]
)
def test_a_reader_that_has_gone_is_status_141(copylens: CopyLens, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = copylens.start(*words.split(), stdout=writing)
    os.close(writing)
    ran = ended(process)
    assert (ran.status, ran.err) == (141, "")


@pytest.mark.parametrize("words", ["scan pictures", "models list", "--help"])
def test_a_full_device_is_one_sentence(copylens: CopyLens, words: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    ran = in_shell(copylens, f"{words} > /dev/full")
    assert ran.status == 1
    assert ran.sentence() == "The output cannot be written: No space left on device."


@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_file_that_cannot_take_it_all_is_an_error(copylens: CopyLens, variables: dict[str, str]) -> None:
    # In units of 1,024 bytes; a cut .pyc file would be believed.
    limited = copylens.with_variables({"PYTHONDONTWRITEBYTECODE": "1", **variables})
    ran = in_shell(limited, "scan pictures --json --threshold -1 > cut.json", before="ulimit -f 40")
    assert ran.status == 1
    assert ran.sentence() == "The output cannot be written: File too large."
    assert (copylens.home / "cut.json").stat().st_size == 40 << 10


@pytest.mark.parametrize(
    ("redirections", "out"), [(">&-", ""), ("2>&-", "2 descriptors"), (">&- 2>&- <&-", "")]
)
def test_closed_streams_do_not_matter(copylens: CopyLens, redirections: str, out: str) -> None:
    ran = in_shell(copylens, f"describe pictures/0000.jpg pictures/0001.jpg -o closed.npz {redirections}")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(out)
    assert bool(ran.out) is bool(out)
    assert (copylens.home / "closed.npz").is_file()


def test_an_error_without_a_place_to_say_it_keeps_its_status(copylens: CopyLens) -> None:
    ran = in_shell(copylens, "scan nowhere 2>&-")
    assert (ran.status, ran.out, ran.err) == (2, "", "")


def test_a_terminal_without_unicode_gets_escapes(copylens: CopyLens) -> None:
    ran = copylens.with_variables({"PYTHONIOENCODING": "ascii"}).run(
        "scan", "pictures/фото.webp", "--against", "pictures/0000.jpg"
    )
    assert (ran.status, ran.err) == (0, "")
    assert "  copy   pictures/\\u0444\\u043e\\u0442\\u043e.webp  (edited" in ran.out
