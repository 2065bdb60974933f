"""Ctrl-C: status 130, one sentence that says how to go on, and the next run goes on there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from copylens.cli.scan import RESUME
from copylens_process import CopyLens, Ran, described_in, differences, ended, wait_until_described
from generated_pictures import Gallery

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

SOME = 40
WORKER = Path(__file__).parents[1] / "hurried_worker.py"


def interrupted(copylens: CopyLens, catalog: Path, *words: str | Path, again: float | None = None) -> Ran:
    """Interrupt a run when it has described some images; once more after `again` seconds, if it lives."""
    process = copylens.start(*words, "--catalog", catalog, "--workers", "1")
    assert wait_until_described(process, catalog, SOME)
    process.send_signal(signal.SIGINT)
    if again is not None:
        time.sleep(again)
        process.send_signal(signal.SIGINT)
    return ended(process)


def test_a_scan_says_how_to_go_on_and_goes_on(copylens: CopyLens, gallery: Gallery, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"
    ran = interrupted(copylens, catalog, "scan", gallery.folder)
    assert (ran.status, ran.sentence()) == (130, RESUME)
    kept = described_in(catalog)
    assert SOME <= kept < gallery.contents
    document = copylens.scan(gallery.folder, "--catalog", catalog)
    assert document["summary"]["described"] == gallery.contents - kept
    assert differences(document, gallery.document) == []


def test_quiet_and_json_do_not_silence_it(copylens: CopyLens, gallery: Gallery, tmp_path: Path) -> None:
    ran = interrupted(copylens, tmp_path / "catalog.db", "scan", gallery.folder, "--quiet", "--json")
    assert (ran.status, ran.sentence()) == (130, RESUME)


def test_an_interrupted_description_writes_no_file(
    copylens: CopyLens, gallery: Gallery, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "d.npz"
    output.parent.mkdir()
    ran = interrupted(copylens, tmp_path / "catalog.db", "describe", gallery.folder, "--output", output)
    assert (ran.status, ran.sentence()) == (130, RESUME)
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_impatience_does_not_make_it_babble(
    copylens: CopyLens, gallery: Gallery, tmp_path: Path, pause: float
) -> None:
    ran = interrupted(copylens, tmp_path / "catalog.db", "scan", gallery.folder, again=pause)
    assert ran.status in (130, -signal.SIGINT), ran.err
    assert ran.err in ("", f"copylens: {RESUME}\n")


def test_threads_in_the_midst_of_a_library_abort_nothing_and_no_process_is_left() -> None:
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, str(WORKER)], capture_output=True, text=True, timeout=120, check=False
        )
        assert (ran.returncode, ran.stderr) == (130, "copylens: Interrupted.\n")
        # What was printed is not lost, and the process that was begun has ended, too.
        child = int(ran.stdout)
        ending = time.monotonic() + 10.0
        while Path(f"/proc/{child}").exists() and time.monotonic() < ending:
            time.sleep(0.02)
        assert not Path(f"/proc/{child}").exists()
