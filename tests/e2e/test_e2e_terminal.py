"""At a terminal, which these tests play: a bar on stderr while it works, gone afterwards; and none for anybody else."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copylens.cli.scan import RESUME
from copylens_process import CopyLens, Ran, differences, wait_until_described
from generated_pictures import Gallery

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

import fcntl
import pty
import struct
import termios

HIDE, SHOW, ERASE = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"

OPENED = ("bash", "-c", 'terminal=$1; shift; exec "$@" <"$terminal"', "bash")
"""Who opens a terminal first in a session owns it: only so it turns ^C into a signal."""


@dataclass(frozen=True)
class Seen:
    """What a terminal got, and what went into the pipe or file beside it."""

    status: int
    terminal: str
    beside: str

    @property
    def words(self) -> str:
        """The terminal's text without colours and movements."""
        return words_of(self.terminal)


def words_of(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).strip("\r\n")


def at_terminal(
    copylens: CopyLens,
    *words: str | Path,
    streams: tuple[str, ...] = ("stderr",),
    columns: int = 100,
    instead: tuple[str, ...] = (),
    meanwhile: Callable[[Any, int], None] = lambda _process, _terminal: None,
) -> Seen:
    """Run the command, or a program `instead` of it, with the named streams on a terminal, and the others in a file."""
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    beside = copylens.home / "beside"
    with beside.open("wb") as file:
        places = {name: inside if name in streams else file for name in ("stdout", "stderr")}
        process = copylens.with_variables({"TERM": "xterm-256color"} | copylens.variables).start(
            *words, through=(*OPENED, os.ttyname(inside), *instead), start_new_session=True, **places
        )
    os.close(inside)
    meanwhile(process, terminal)
    text = read_all(terminal)
    os.close(terminal)
    return Seen(process.wait(), text.decode(), beside.read_bytes().decode())


def read_all(terminal: int) -> bytes:
    """Read until the last process has left; Linux says so with an error."""
    text = b""
    while True:
        try:
            block = os.read(terminal, 1 << 16)
        except OSError:
            return text
        if not block:
            return text
        text += block


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("terminal")


@pytest.fixture(scope="module")
def watched(home: Path, gallery: Gallery, thumbnail_package: Path) -> Seen:
    """A first scan whose messages go to a terminal and whose result does not."""
    return at_terminal(CopyLens(home, thumbnail_package), "scan", gallery.folder, "--workers", "1")


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path, watched: Seen) -> CopyLens:
    """The command after that first scan, when nothing is left to describe."""
    return CopyLens(home, thumbnail_package)


def test_a_bar_shows_stage_count_rate_and_remaining_time(watched: Seen, gallery: Gallery) -> None:
    assert watched.status == 0
    images = gallery.document["summary"]["images"]
    assert "Finding files" in watched.words
    counts = [int(done) for done in re.findall(rf"Describing +[━╸╺ ]+ +(\d+) of {images}\b", watched.words)]
    assert counts == sorted(counts)
    assert set(counts) - {0, images}
    assert re.search(rf"Describing .* of {images} +[0-9,]+/s +0:00:\d\d", watched.words)
    assert re.search(r"Comparing +[━╸╺]", watched.words)


def test_the_bar_is_gone_afterwards_and_the_cursor_back(watched: Seen) -> None:
    assert watched.terminal.count(HIDE) == watched.terminal.count(SHOW) == 1
    after = watched.terminal.split(SHOW)[1]
    # Up to where the bar was, and the line erased.
    assert after.endswith(f"\x1b[1A{ERASE}")


def test_the_result_is_plain_text_beside_it(watched: Seen, gallery: Gallery) -> None:
    assert "\x1b" not in watched.beside
    summary = gallery.document["summary"]
    assert watched.beside.startswith(f"{summary['copies']} copies in {summary['groups']} groups among ")
    assert "copies in" not in watched.words


def test_nobody_else_gets_a_bar(copylens: CopyLens, gallery: Gallery) -> None:
    piped = copylens.run("scan", gallery.folder)
    assert (piped.status, piped.err) == (0, "")
    assert "Comparing" not in piped.out
    # A terminal for the result alone is no place for a bar, but for colours.
    seen = at_terminal(copylens, "scan", gallery.folder, streams=("stdout",))
    assert (seen.status, seen.beside) == (0, "")
    assert "Comparing" not in seen.words
    assert "\x1b[1m" in seen.terminal
    assert seen.words.replace("\r", "").split("\n")[:9] == piped.out.split("\n")[:9]


@pytest.mark.parametrize(
    ("more", "variables"), [(["--quiet"], {}), (["--output", "r.json", "-q"], {}), ([], {"TERM": "dumb"})]
)
def test_nor_do_the_quiet_and_simple_terminals(
    copylens: CopyLens, gallery: Gallery, more: list[str], variables: dict[str, str]
) -> None:
    seen = at_terminal(copylens.with_variables(variables), "scan", gallery.folder, *more)
    assert (seen.status, seen.terminal) == (0, "")


def test_json_stays_alone_on_stdout_beside_a_bar(copylens: CopyLens, gallery: Gallery) -> None:
    seen = at_terminal(copylens, "scan", gallery.folder, "--json")
    assert "Comparing" in seen.words
    assert differences(Ran(seen.status, seen.beside, "").document(), gallery.document) == []


def test_the_bar_fits_a_narrow_terminal(copylens: CopyLens, gallery: Gallery) -> None:
    seen = at_terminal(copylens, "scan", gallery.folder, columns=44)
    frames = [words_of(frame) for frame in seen.terminal.split(ERASE)]
    assert any(frame.startswith("Comparing") for frame in frames)
    assert max(map(len, frames)) <= 44


def test_no_color_takes_the_colours_but_not_the_bar(copylens: CopyLens, gallery: Gallery) -> None:
    seen = at_terminal(copylens.with_variables({"NO_COLOR": "1"}), "scan", gallery.folder)
    assert "Comparing" in seen.words
    assert re.findall(r"\x1b\[[0-9;]*3[0-9;]+m", seen.terminal) == []


PROGRESS = """
import time
from copylens.cli.progress import watching

steps = [("download", done * 1_500_000, 3_000_000) for done in range(3)]
steps += [("describe", 900 + done, 1000) for done in range(4)]
steps += [("describe", done, 500) for done in range(2)]
with watching(quiet=False) as progress:
    for step in steps:
        progress(*step)
        time.sleep(0.25)
"""


def test_bytes_are_bytes_and_what_was_done_before_is_not_speed(copylens: CopyLens) -> None:
    seen = at_terminal(copylens, instead=(sys.executable, "-c", PROGRESS))
    assert (seen.status, seen.beside) == (0, "")
    assert re.search(r"Downloading ━+.* 1\.5 MB of 3\.0 MB .*B/s", seen.words)
    rates = [int(rate.replace(",", "")) for rate in re.findall(r"90\d of 1,000 +([\d,]+)/s", seen.words)]
    assert rates
    # Were the 900 counted, it would be thousands.
    assert max(rates) < 200
    # The same stage once more, as for the known images of --against.
    assert re.search(r"Describing [━╸╺ ]+ [01] of 500", seen.words)


def test_ctrl_c_at_the_terminal_leaves_it_tidy(copylens: CopyLens, gallery: Gallery, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"

    def press(process: Any, terminal: int) -> None:
        assert wait_until_described(process, catalog, 20)
        os.write(terminal, b"\x03")

    words = ("scan", gallery.folder, "--catalog", catalog, "--workers", "1")
    seen = at_terminal(copylens, *words, streams=("stdout", "stderr"), meanwhile=press)
    assert seen.status == 130
    assert seen.terminal.count(HIDE) == seen.terminal.count(SHOW) == 1
    assert seen.terminal.endswith(f"\r\ncopylens: {RESUME}\r\n")
    assert "Traceback" not in seen.terminal


def test_a_card_is_folded_where_a_person_reads_it(copylens: CopyLens) -> None:
    words = ("models", "show", "copylens-small")
    folded = at_terminal(copylens, *words, streams=("stdout", "stderr"), columns=70).words.replace("\r", "")
    piped = copylens.run(*words).out
    assert folded.split() == piped.split()
    assert max(len(line) for line in piped.splitlines()) > 200
    assert all(len(line) <= 70 or len(line.split()) == 1 for line in folded.splitlines())
