"""Looking copies up: figures against a naive twin, files against the library, and the whole run on tiny pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks import robustness
from benchmarks.marked_pages import marks
from benchmarks.robustness import (
    Gallery,
    Judged,
    Store,
    describe,
    gallery,
    judge,
    parse_arguments,
    report,
)
from benchmarks.robustness_variants import Variant
from PIL import Image

from copylens.workflows.describer import BATCH, Describer, load_model
from generated_pictures import random_picture, write_pictures
from thumbnail_model import THRESHOLD, write_thumbnail_model

CHAINS = 10


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_thumbnail_model(tmp_path_factory.mktemp("models") / "thumbnail").directory


@pytest.fixture(scope="module")
def describer(model: Path) -> Describer:
    return load_model(model, threads=1)


def bytes_of_nothing(image: Image.Image) -> bytes:
    return b""


def rows(count: int, seed: int) -> robustness.Floats:
    drawn = np.random.default_rng(seed).normal(size=(count, 3))
    made: robustness.Floats = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return made


def naive(copies: robustness.Floats, among: robustness.Floats, threshold: float) -> Judged:
    """`judge`, a copy and a candidate at a time."""
    first = found = wrong = 0
    scores = []
    for n, copy in enumerate(copies):
        if np.isnan(copy[0]):
            continue
        own = float(copy @ among[n])
        others = [float(copy @ other) for m, other in enumerate(among) if m != n]
        first += all(own > other for other in others)
        found += own >= threshold
        wrong += any(other >= threshold for other in others)
        scores.append(own)
    ordered = sorted(scores)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    count = len(copies)
    return Judged(first / count, found / count, ordered[0], middle, wrong, count - len(scores), count)


@pytest.mark.parametrize("seed", range(5))
def test_judging_equals_the_naive_way(describer: Describer, seed: int) -> None:
    among = rows(9, seed)
    copies = among[:6] + np.float32(0.4) * rows(6, seed + 100)
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    copies[seed] = np.nan
    found, expected = judge(Gallery(describer, among), copies), naive(copies, among, THRESHOLD)
    assert (found.recall, found.found, found.wrong, found.skipped, found.copies) == (
        (expected.recall, expected.found, expected.wrong, expected.skipped, expected.copies)
    )
    assert found.lowest == pytest.approx(expected.lowest, abs=1e-6)
    assert found.median == pytest.approx(expected.median, abs=1e-6)


def test_an_equal_score_of_a_wrong_picture_is_a_miss(describer: Describer) -> None:
    among = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    assert judge(Gallery(describer, among), among[:1]).recall == 0
    assert judge(Gallery(describer, among[[2, 0]]), among[[2]]).recall == 1


def test_nothing_readable_is_no_score(describer: Describer) -> None:
    found = judge(Gallery(describer, rows(3, 0)), np.full((2, 3), np.nan, np.float32))
    assert found == Judged(0, 0, None, None, 0, 2, 2)
    assert robustness.cell(found) == "0.00 · 0.00 · – · – · 2 skipped"


def test_files_are_described_as_the_library_does_and_broken_ones_are_named(
    describer: Describer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(path) for path in write_pictures(tmp_path, BATCH + 3, size=(24, 18))]
    for broken in (paths[2], paths[-1]):
        Path(broken).write_bytes(b"no picture")
    found = describe(describer, paths)
    sound = [place for place in range(len(paths)) if place not in (2, len(paths) - 1)]
    np.testing.assert_allclose(found[sound], describer.describe([paths[place] for place in sound]), atol=1e-6)
    assert np.isnan(found[[2, -1]]).all()
    assert "0002.jpg: not an image" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"0002\.jpg cannot be read"):
        gallery(describer, paths, Store(None), robustness.silence)


def test_what_is_stored_is_neither_made_nor_described_again(describer: Describer, tmp_path: Path) -> None:
    paths = [str(path) for path in write_pictures(tmp_path / "pictures", 3, size=(24, 18))]
    asked: list[str] = []

    def write() -> list[str]:
        asked.append("again")
        return paths

    stored = Store(tmp_path / "stored")
    first = stored.described(describer, "size: 64 px", paths, write)
    for one in (stored, Store(tmp_path / "stored")):
        np.testing.assert_array_equal(one.described(describer, "size: 64 px", paths, write), first)
    assert len(asked) == 1
    stored.described(describer, "size: 100 px", paths, write)
    stored.described(describer, "size: 64 px", paths[:2], write)
    Path(paths[0]).write_bytes(Path(paths[1]).read_bytes())
    assert not np.array_equal(stored.described(describer, "size: 64 px", paths, write)[0], first[0])
    assert len(asked) == 4
    Store(None).described(describer, "size: 64 px", paths, write)
    assert len(asked) == 5
    assert len(list((tmp_path / "stored").iterdir())) == 4


def test_the_report_has_a_table_for_each_group(describer: Describer) -> None:
    made = Gallery(describer, rows(7, 0))
    small = Variant("size", "64 px", "jpg", bytes_of_nothing)
    chain = Variant("chains", "twice", "jpg", bytes_of_nothing, costly=True)
    judged = {
        small: [Judged(1.0, 0.5, 0.25, 0.75, 1, 0, 4)],
        chain: [Judged(0.5, 0.0, 0.125, 0.5, 0, 1, 2)],
    }
    lines = report([made], 4, judged)
    assert (
        lines[0]
        == f"4 pictures, looked up among themselves and 3 others. Thresholds: `thumbnail` {THRESHOLD}."
    )
    assert "| 64 px | 1.00 · 0.50 · 0.250 · 0.750 |" in lines
    assert "| twice (2 pictures) | 0.50 · 0.00 · 0.125 · 0.500 · 1 skipped |" in lines
    assert "Copies with a wrong picture at or above the threshold, of 4: `thumbnail` 1." in lines


def test_a_run_fills_the_page_and_leaves_the_rest(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "pictures", 2, size=(64, 48))
    (tmp_path / "crowd").mkdir()
    for number in range(10, 14):
        random_picture(number).save(tmp_path / "crowd" / f"{number}.png")
    page, (begin, end) = tmp_path / "page.md", marks("robustness")
    page.write_text(f"# Before\n\n{begin}\nold\n{end}\n\nafter\n", encoding="utf-8")
    words = [str(tmp_path / "pictures"), "--crowd", str(tmp_path / "crowd"), "--groups", "chains", "--quiet"]
    words += [
        "--model",
        str(model),
        "--model",
        str(model),
        "--page",
        str(page),
        "--cache",
        str(tmp_path / "c"),
    ]
    monkeypatch.setattr("sys.argv", ["robustness", *words])
    assert robustness.main() == 0
    printed, text = capsys.readouterr().out, page.read_text(encoding="utf-8")
    assert text == f"# Before\n\n{begin}\n{printed}{end}\n\nafter\n"
    assert str(tmp_path) not in printed
    assert len(list((tmp_path / "c").iterdir())) == CHAINS + 1
    table = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    assert len(table) == 1 + CHAINS
    for _, first, second in table[1:]:
        assert first == second.removesuffix(" |")
        assert first.startswith("1.00 · ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--groups", "size,colour"], "there is no colour"),
        (["--page", "nowhere.md"], "nowhere.md has to be a file"),
        (["--costly-limit", "0"], "at least 1"),
    ],
)
def test_wrong_words_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["pictures", *words])
    assert said in capsys.readouterr().err
