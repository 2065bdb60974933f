"""Pictures that are all different, a scan that is watched, and the table that is made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from benchmarks import many_images, memory_bound
from benchmarks.many_images import make_images
from benchmarks.memory_bound import Sample, Watched, growth, slope, table_rows, watch
from PIL import Image

PHOTOGRAPHS = Path(__file__).resolve().parents[3] / "examples" / "photos" / "originals"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def smaller_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_images, "LARGE", (900, 600))
    monkeypatch.setattr(many_images, "PER_FOLDER", 5)


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_makes_distinct_pictures_and_the_same_ones_again(tmp_path: Path) -> None:
    made = make_images(PHOTOGRAPHS, tmp_path / "a", 13, 3)
    first = contents(tmp_path / "a")
    assert (made.images, made.large) == (13, 3)
    assert made.size == sum(path.stat().st_size for path in (tmp_path / "a").rglob("*.*"))
    assert len(first) == len(set(first.values())) == 13
    assert sorted({name.partition("/")[0] for name in first}) == ["part-0000", "part-0001", "part-0002"]
    assert [name for name in first if "-" in name.partition("/")[2]] == [
        "part-0000/000003-baseline.jpg",
        "part-0001/000007-progressive.jpg",
        "part-0002/000011-lossless.png",
    ]
    make_images(PHOTOGRAPHS, tmp_path / "b", 13, 3)
    assert contents(tmp_path / "b") == first
    make_images(PHOTOGRAPHS, tmp_path / "c", 13, 3, seed=1)
    assert not set(contents(tmp_path / "c").values()) & set(first.values())


def test_large_pictures_are_large_and_of_their_kind(tmp_path: Path) -> None:
    make_images(PHOTOGRAPHS, tmp_path, 3, 3)
    with Image.open(next(tmp_path.rglob("*progressive.jpg"))) as image:
        assert image.size == (900, 600)
        assert image.info.get("progressive") == 1
    with Image.open(next(tmp_path.rglob("*lossless.png"))) as image:
        assert (image.size, image.format) == ((900, 600), "PNG")


def test_without_photographs_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="no photographs"):
        make_images(tmp_path, tmp_path / "made", 5, 0)
    with pytest.raises(ValueError, match="6 large pictures among 5"):
        make_images(PHOTOGRAPHS, tmp_path / "made", 5, 6)


def test_watches_a_scan_and_a_second_one(tmp_path: Path) -> None:
    make_images(PHOTOGRAPHS, tmp_path / "images", 40, 1)
    first, again = (watch(tmp_path / "images", tmp_path / "catalog.db", "onnxruntime") for _ in range(2))
    assert (first.summary["described"], first.summary["reused"]) == (40, 0)
    assert (again.summary["described"], again.summary["reused"]) == (0, 40)
    for scan in (first, again):
        assert 20 * MIB < scan.peak < 2048 * MIB
        assert scan.seconds >= scan.samples[-1].seconds
    assert {sample.stage for sample in first.samples} >= {"start", "describe"}


def test_a_scan_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="status 1"):
        watch(tmp_path / "nowhere", tmp_path / "catalog.db", "onnxruntime")


def described(*looks: tuple[int, int]) -> list[Sample]:
    """Samples while describing: (images done, MiB)."""
    return [Sample(float(place), "describe", done, mib * MIB) for place, (done, mib) in enumerate(looks)]


def test_the_table_has_the_highest_between_two_rows() -> None:
    samples = [Sample(0, "start", 0, 100 * MIB), *described((10, 150), (50, 400), (60, 160), (100, 170))]
    samples.append(Sample(9, "match", 100, 180 * MIB))
    assert table_rows(samples, 100) == [
        "| start | 0 | 0.0 | 100 | 100 |",
        "| describe | 10 | 0.0 | 150 | 150 |",
        "| describe | 50 | 1.0 | 400 | 400 |",
        "| describe | 60 | 2.0 | 160 | 160 |",
        "| describe | 100 | 3.0 | 170 | 170 |",
        "| match | 100 | 9.0 | 180 | 180 |",
    ]


def test_growth_is_counted_from_the_last_look_before_a_stage() -> None:
    samples = [
        Sample(0, "start", 0, 100 * MIB),
        Sample(1, "find", 5, 101 * MIB),
        Sample(2, "find", 9, 103 * MIB),
    ]
    assert growth(samples, "find", 1024) == 3 * 1024
    assert growth(samples, "verify", 1024) == 0


def test_the_slope_does_not_see_a_large_picture() -> None:
    looks = [(done, 100 + done // 1000) for done in range(0, 100_000, 1000)]
    looks[70] = (70_000, 900)
    assert slope(described(*looks), 100_000) == pytest.approx(MIB / 1000)
    assert slope([], 100_000) == 0


def test_the_peak_is_the_highest_look() -> None:
    assert Watched(samples=described((1, 5), (2, 9), (3, 7))).peak == 9 * MIB
    assert memory_bound.scan_row("first", Watched(described((1, 5)), dict.fromkeys(KEYS, 1234), 2.5)) == (
        "| first | 2.5 | 1,234 | 1,234 | 1,234 | 1,234 | 5 |"
    )


KEYS = ("described", "reused", "skipped", "matches")
