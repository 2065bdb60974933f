"""kill -9 at random moments, again and again: nothing committed is lost or done twice, and the result is the same."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from copylens_process import CopyLens, described_in, differences, ended, wait_until_described
from generated_pictures import Gallery

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

SEED = 8151
KILLS = 9


def test_every_run_goes_on_where_the_killed_one_was(
    copylens: CopyLens, gallery: Gallery, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    catalog = tmp_path / "catalog.db"
    kept = [0]
    for turn in range(KILLS):
        process = copylens.start("scan", gallery.folder, "--catalog", catalog, "--workers", "1")
        target = kept[-1] + chance.randint(1, 15)
        if turn % 4 == 0:
            # Some kills hit the start, the walk, or the opening of the catalog.
            wait_a_moment(catalog, target, chance.uniform(0.05, 0.4))
        else:
            assert wait_until_described(process, catalog, target)
            time.sleep(chance.uniform(0, 0.02))
        process.kill()
        assert ended(process).status == -signal.SIGKILL, "it ended before it was killed"
        kept.append(described_in(catalog))
    print(f"kept after each kill: {kept}")
    assert kept == sorted(kept)
    assert len(set(kept)) > KILLS // 2
    assert kept[-1] < gallery.contents
    document = copylens.scan(gallery.folder, "--catalog", catalog)
    assert document["summary"]["described"] == gallery.contents - kept[-1]
    assert differences(document, gallery.document) == []


def wait_a_moment(catalog: Path, count: int, seconds: float) -> None:
    """Wait for some time, or until a catalog holds `count` contents, if that comes first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and described_in(catalog) < count:
        time.sleep(0.002)


def test_a_kill_while_the_report_is_written_leaves_the_old_one(
    copylens: CopyLens, gallery: Gallery, tmp_path: Path
) -> None:
    report = tmp_path / "reports" / "report.html"
    report.parent.mkdir()
    words = ("scan", gallery.folder, "--html", report)
    assert copylens.run(*words).status == 0
    before = report.read_bytes()
    assert any(killed_while_writing(copylens, report, *words) for _ in range(5))
    assert report.read_bytes() == before
    assert copylens.run(*words).status == 0
    assert report.read_bytes() != before


def killed_while_writing(copylens: CopyLens, report: Path, *words: str | Path) -> bool:
    """Kill a run when its unfinished report lies beside the old one."""
    old = set(report.parent.iterdir())
    process = copylens.start(*words)
    while process.poll() is None and set(report.parent.iterdir()) == old:
        time.sleep(0.001)
    process.kill()
    return ended(process).status == -signal.SIGKILL
