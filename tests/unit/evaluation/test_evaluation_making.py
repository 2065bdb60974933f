"""A whole exam on small photographs: files and truth agree, it is the same again, and it can be taken up again."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from copylens.errors import CopyLensError, UsageError
from copylens.evaluation import making_pictures
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.making import ExamSettings, ExamSummary, make_exam
from copylens.evaluation.making_photographs import SMALLEST, find_photographs
from copylens.workflows.settings import silent
from exam_samples import ORIGINALS, pixels
from generated_pictures import random_picture, write_pictures

COUNT = 40
SETTINGS = ExamSettings(dedupe=False, background=3, size=96, queries=40)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_pictures(folder, COUNT)
    return folder


@pytest.fixture(scope="module")
def exam(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("exam") / "exam"
    make_exam(photos, output, SETTINGS)
    return output


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows(exam: Path) -> list[dict[str, str]]:
    with (exam / "truth.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def record(exam: Path) -> Any:
    return json.loads((exam / "exam.json").read_text(encoding="utf-8"))


def nearest(path: Path, candidates: dict[str, Image.Image]) -> str:
    """Which of the small pictures is most like a file."""
    with Image.open(path) as image:
        small = pixels(image.convert("RGB").resize((16, 12)))
    return min(
        candidates, key=lambda name: float(np.abs(pixels(candidates[name].resize((16, 12))) - small).mean())
    )


def test_truth_and_files_agree(exam: Path) -> None:
    truth = rows(exam)
    assert [row["query"] for row in truth] == names(exam / "queries")
    references = names(exam / "references")
    assert len(truth) == 40 + 6
    assert len(references) == 40 - 4 - 6 - 3
    for row in truth:
        assert (row["reference"] == "") == (row["kind"] == "none")
        assert row["reference"] in ("", *references)
        assert row["strength"] in ("mild", "medium", "hard")
        assert len(row["ops"].split("+")) == 1 or row["kind"] != "single"
    assert len(names(exam / "background")) == 3
    assert record(exam)["finished"] is True
    assert record(exam)["counts"] == {
        "references": 27,
        "distractors": 13,
        "queries": 46,
        "matched": 40,
        "unmatched": 6,
        "background": 3,
    }


def test_the_reader_of_exams_reads_it(exam: Path) -> None:
    benchmark = open_exam(str(exam))
    assert len(benchmark.queries) == 46
    assert len(benchmark.references) == 27
    assert len(benchmark.background) == 3
    assert len(benchmark.truth) == 40
    facts = {row["query"]: row for row in rows(exam)}
    assert all("+".join(made.edits) == facts[key]["ops"] for key, made in benchmark.facts.items())


def test_every_file_is_a_picture_without_metadata(exam: Path) -> None:
    forms = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    for path in (*exam.glob("queries/*"), *exam.glob("references/*"), *exam.glob("background/*")):
        with Image.open(path) as image:
            image.load()
            assert image.format == forms[path.suffix]
            assert not image.info.keys() & {"exif", "icc_profile", "comment", "xmp"}
            limit = 96 if path.parent.name != "queries" else 320
            assert 1 <= max(image.size) <= limit


def test_references_are_the_photographs_of_their_queries(photos: Path, exam: Path) -> None:
    originals = {path.name: Image.open(path).convert("RGB") for path in photos.iterdir()}
    reference_of = {path.name: nearest(path, originals) for path in exam.glob("references/*")}
    assert len(set(reference_of.values())) == 27
    inner = {nearest(path, originals) for path in exam.glob("background/*")}
    assert not inner & set(reference_of.values())
    gentle = {"jpeg", "webp", "re_encode", "noise", "sharpen", "blur", "brightness", "pixelate", "downscale"}
    checked = 0
    for row in rows(exam):
        if row["ops"] in gentle and row["strength"] != "hard":
            source = nearest(exam / "queries" / row["query"], originals)
            checked += 1
            if row["reference"]:
                assert reference_of[row["reference"]] == source
            else:
                assert source not in reference_of.values()
    assert checked >= 3


def test_it_is_the_same_from_other_places_names_orders_and_threads(
    photos: Path, exam: Path, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted(photos.iterdir(), reverse=True)):
        folder = tmp_path / "moved" / f"part{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / f"img_{(number * 7) % COUNT:03}.jpeg")
    make_exam([tmp_path / "moved"], tmp_path / "again", SETTINGS, jobs=5)
    assert contents(tmp_path / "again") == contents(exam)


def test_another_seed_makes_another_exam(photos: Path, exam: Path, tmp_path: Path) -> None:
    make_exam(
        photos, tmp_path / "exam", ExamSettings(dedupe=False, background=3, size=96, queries=40, seed=1)
    )
    assert (tmp_path / "exam" / "truth.csv").read_bytes() != (exam / "truth.csv").read_bytes()


def test_what_is_missing_is_made_and_what_is_there_is_kept(photos: Path, exam: Path, tmp_path: Path) -> None:
    output = tmp_path / "exam"
    shutil.copytree(exam, output)
    files = sorted(output.glob("queries/*"))
    for path in files[::3]:
        path.unlink()
    # What a power failure leaves.
    files[1].write_bytes(b"")
    (output / "queries" / ".copylens-0123456789abcdef.jpg").write_bytes(b"half")
    (output / "truth.csv").unlink()
    kept = files[2].stat().st_mtime_ns
    summary = make_exam(photos, output, SETTINGS)
    assert summary.made == len(files[::3]) + 1
    assert summary.kept == 46 + 27 + 3 - summary.made
    assert files[2].stat().st_mtime_ns == kept
    assert contents(output) == contents(exam)


def test_an_interrupted_run_is_taken_up(
    photos: Path, exam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "exam"

    class StopError(Exception):
        pass

    def stop_soon(stage: str, done: int, total: int | None) -> None:
        if stage == "make" and done > 20:
            raise StopError

    with pytest.raises(StopError):
        make_exam(photos, output, SETTINGS, jobs=2, progress=stop_soon)
    assert record(output)["finished"] is False
    assert not (output / "truth.csv").exists()
    begun = len(contents(output)) - 1
    assert 20 <= begun < 76
    with pytest.raises(UsageError, match=r"truth\.csv"):
        open_exam(str(output))
    summary = make_exam(photos, output, SETTINGS)
    assert summary.kept == begun
    assert contents(output) == contents(exam)


def test_a_finished_exam_is_left_as_it_is(photos: Path, exam: Path) -> None:
    before = contents(exam)
    summary = make_exam(photos, exam, SETTINGS)
    assert (summary.made, summary.kept) == (0, 76)
    assert contents(exam) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 5}, "--seed"),
        ({"size": 128}, "--size"),
        ({"without_edits": ("meme",)}, "--without-edits"),
        ({"queries": 41}, "--queries"),
    ],
)
def test_other_settings_are_refused(photos: Path, exam: Path, changes: dict[str, Any], said: str) -> None:
    before = contents(exam)
    settings = ExamSettings(**{"dedupe": False, "background": 3, "size": 96, "queries": 40, **changes})
    with pytest.raises(UsageError) as refused:
        make_exam(photos, exam, settings)
    assert f"begun with other {said};" in str(refused.value)
    assert contents(exam) == before


def test_other_photographs_are_refused(photos: Path, exam: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "more")
    random_picture(999).save(tmp_path / "more" / "one-more.jpg")
    before = contents(exam)
    with pytest.raises(UsageError, match="begun with other photographs"):
        make_exam(tmp_path / "more", exam, SETTINGS)
    assert contents(exam) == before


@pytest.mark.parametrize("key", ["copylens", "pillow", "numpy"])
def test_other_versions_are_refused(photos: Path, exam: Path, tmp_path: Path, key: str) -> None:
    shutil.copytree(exam, tmp_path / "exam")
    changed = {**record(exam), key: "0.0.1"}
    (tmp_path / "exam" / "exam.json").write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(UsageError, match=r"begun with \w+ 0.0.1 instead of"):
        make_exam(photos, tmp_path / "exam", SETTINGS)


def test_other_folders_are_never_written_in(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    (output / "letter.txt").write_text("Dear Ada")
    with pytest.raises(UsageError, match="holds files and is no exam"):
        make_exam(photos, output, SETTINGS)
    assert contents(output) == {"letter.txt": b"Dear Ada"}
    with pytest.raises(UsageError, match=r"letter.txt is a file"):
        make_exam(photos, output / "letter.txt", SETTINGS)
    for wrong in ("[]", "no json", '{"version": 7}'):
        (output / "exam.json").write_text(wrong)
        with pytest.raises(UsageError, match="empty or new folder"):
            make_exam(photos, output, SETTINGS)


def test_an_empty_folder_and_new_parents_will_do(photos: Path, tmp_path: Path) -> None:
    settings = ExamSettings(dedupe=False, size=64, references=4, unmatched=1, queries=2)
    (tmp_path / "empty").mkdir()
    make_exam(photos, tmp_path / "empty", settings)
    make_exam(photos, tmp_path / "new" / "deep", settings)
    assert contents(tmp_path / "empty") == contents(tmp_path / "new" / "deep")


def test_an_exam_inside_its_photographs_is_refused(photos: Path) -> None:
    for output in (photos, photos / "exam", photos / ".." / photos.name / "a" / "b"):
        with pytest.raises(UsageError, match=r"lies inside|holds files"):
            make_exam(photos, output, SETTINGS)
    assert len(list(photos.iterdir())) == COUNT


def test_too_few_photographs_are_refused(photos: Path, tmp_path: Path) -> None:
    files = sorted(photos.iterdir())
    with pytest.raises(UsageError, match="4 usable photographs are too few"):
        make_exam(files[:4], tmp_path / "exam", ExamSettings(dedupe=False))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UsageError, match="there is no photograph that can be used"):
        make_exam(tmp_path / "nothing", tmp_path / "exam", ExamSettings(dedupe=False))
    with pytest.raises(UsageError, match="no such file or folder"):
        make_exam(tmp_path / "nowhere", tmp_path / "exam", ExamSettings(dedupe=False))
    with pytest.raises(UsageError, match="--jobs must be at least 1"):
        make_exam(photos, tmp_path / "exam", SETTINGS, jobs=0)
    assert not (tmp_path / "exam").exists()


def test_a_photograph_that_changes_on_the_way_is_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    found = find_photographs(
        [str(tmp_path / "photos")], dedupe=False, threshold=None, catalog=None, jobs=1, progress=silent
    )
    changed = found.usable[0]
    random_picture(1234).save(changed.path)
    with pytest.raises(CopyLensError, match="changed while the exam was made"):
        making_pictures.load_photograph(changed, 96)
    Path(changed.path).unlink()
    with pytest.raises(CopyLensError, match="no such file"):
        making_pictures.load_photograph(changed, 96)


def test_what_cannot_be_used_is_listed(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    first = sorted(photos.iterdir())[0]
    (folder / "broken.jpg").write_bytes(first.read_bytes()[:200])
    (folder / "empty.png").write_bytes(b"")
    random_picture(7, (SMALLEST - 1, 200)).save(folder / "narrow.png")
    shutil.copyfile(first, folder / "twice.jpg")
    summary = make_exam(folder, tmp_path / "exam", SETTINGS)
    assert {Path(item.path).name: item.code for item in summary.skipped} == {
        "broken.jpg": "truncated",
        "empty.png": "empty",
        "narrow.png": "too-small",
    }
    assert [(Path(item.path).name, Path(item.kept).name) for item in summary.left_out] == [
        ("twice.jpg", first.name)
    ]
    assert summary.photographs == COUNT
    document = json.loads(json.dumps(summary.to_dict()))
    assert document["photographs"]["near_copies"][0]["score"] == 1.0
    assert len(document["photographs"]["skipped"]) == 3


@pytest.fixture(scope="module")
def with_copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExamSummary]:
    """An exam from photographs with near copies among them."""
    home = tmp_path_factory.mktemp("copies")
    names = ("lemurs", "owl", "moose", "pika", "crab", "duck", "sheep", "colosseum", "castle-schwerin")
    (home / "photos").mkdir()
    for name in names:
        shutil.copyfile(ORIGINALS / f"{name}.jpg", home / "photos" / f"{name}.jpg")
    for name in names[:3]:
        with Image.open(ORIGINALS / f"{name}.jpg") as image:
            image.resize((400, 400 * image.height // image.width)).save(home / "photos" / f"{name}-small.jpg")
    (home / "photos" / "no-picture.jpg").write_text("words")
    settings = ExamSettings(size=128, references=4, unmatched=2)
    return home, make_exam(home / "photos", home / "exam", settings, catalog=home / "catalog.db")


def test_near_copies_are_left_out(with_copies: tuple[Path, ExamSummary]) -> None:
    _, summary = with_copies
    pairs = {(Path(item.path).stem, Path(item.kept).stem) for item in summary.left_out}
    assert pairs == {(f"{name}-small", name) for name in ("lemurs", "owl", "moose")}
    assert all(item.score > 0.9 for item in summary.left_out)
    assert summary.photographs == 9
    assert [(Path(item.path).name, item.code) for item in summary.skipped] == [
        ("no-picture.jpg", "not-an-image")
    ]


def test_the_threshold_of_near_copies_can_be_chosen(
    with_copies: tuple[Path, ExamSummary], tmp_path: Path
) -> None:
    home, _ = with_copies
    settings = ExamSettings(size=64, references=4, unmatched=2, dedupe_threshold=1.0)
    summary = make_exam(home / "photos", tmp_path / "exam", settings, catalog=home / "catalog.db")
    assert summary.left_out == ()
    assert summary.photographs == 12
