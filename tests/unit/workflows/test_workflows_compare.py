"""Two pictures and one verdict: its score, its kind, the facts of both, and the same answer as a scan gives."""

from __future__ import annotations

import json
import math
import shutil
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from copylens.errors import ImageError, ModelError, UsageError
from copylens.images import content_hash, decode, read_found
from copylens.models import DEFAULT_MODEL
from copylens.records import FoundFile
from copylens.workflows import compare as module
from copylens.workflows.compare import Comparison, compare
from copylens.workflows.scan import scan
from strange_pictures import exif, stored_for
from workflow_samples import SmallModel, picture_bytes, put, scene


@pytest.fixture
def pictures(folder: Path) -> Path:
    put(folder / "a.png", scene(1))
    shutil.copy(folder / "a.png", folder / "a again.png")
    put(folder / "a.bmp", scene(1))
    put(folder / "a.jpg", scene(1), quality=30)
    put(folder / "a-turned.png", stored_for(6, scene(1)), exif=exif(6))
    put(folder / "a-small.png", Image.fromarray(scene(1)).resize((32, 24)))
    put(folder / "b.png", scene(2))
    return folder


def verdict(model: SmallModel, one: Path, other: Path, threshold: float | None = None) -> Comparison:
    return compare(one, other, model=model.describer, threshold=threshold)


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ("a.png", "bytes"),
        ("a again.png", "bytes"),
        ("a.bmp", "pixels"),
        ("a-turned.png", "pixels"),
        ("a.jpg", "near"),
        ("a-small.png", "near"),
        ("b.png", None),
    ],
)
def test_each_kind_of_copy_is_told(model: SmallModel, pictures: Path, other: str, kind: str | None) -> None:
    rows = model.describer.describe([pictures / "a.png", pictures / other])
    score = float(rows[0] @ rows[1])
    for first, second in (("a.png", other), (other, "a.png")):
        found = verdict(model, pictures / first, pictures / second, threshold=0.98)
        assert (found.kind, found.is_copy, found.threshold) == (kind, kind is not None, 0.98)
        assert found.score == pytest.approx(score, abs=1e-6)
        assert found.score <= 1
        assert found.model == model.describer.identity


def test_exact_copies_are_copies_whatever_the_threshold(model: SmallModel, pictures: Path) -> None:
    for other, kind in (("a again.png", "bytes"), ("a.bmp", "pixels"), ("a.jpg", None)):
        found = verdict(model, pictures / "a.png", pictures / other, threshold=1)
        assert (found.kind, found.is_copy) == (kind, kind is not None)


def test_equal_pixels_are_a_copy_however_they_score(model: SmallModel, folder: Path) -> None:
    """A large JPEG is decoded at a reduced scale, its pixels in a PNG are averaged."""
    jpeg = picture_bytes(scene(1, 500, 700), "JPEG", quality=85)
    put(folder / "a.jpg", jpeg)
    put(folder / "a.png", decode(jpeg).pixels)
    found = verdict(model, folder / "a.jpg", folder / "a.png", threshold=1)
    assert found.score < 1
    assert (found.kind, found.is_copy) == ("pixels", True)


def test_the_threshold_is_inclusive_and_the_models_own_by_default(model: SmallModel, pictures: Path) -> None:
    paths = pictures / "a.png", pictures / "b.png"
    found = verdict(model, *paths)
    assert found.threshold == model.package.calibration.threshold
    assert verdict(model, *paths, threshold=found.score).kind == "near"
    assert verdict(model, *paths, threshold=math.nextafter(found.score, 2)).kind is None


def test_the_facts_are_those_of_both_files(model: SmallModel, pictures: Path) -> None:
    found = verdict(model, pictures / "a-turned.png", pictures / "a-small.png")
    for facts, name, size in (
        (found.first, "a-turned.png", (64, 48)),
        (found.second, "a-small.png", (32, 24)),
    ):
        status, data = (pictures / name).stat(), (pictures / name).read_bytes()
        assert facts.path == str(pictures / name)
        assert (facts.size, facts.mtime_ns) == (status.st_size, status.st_mtime_ns)
        assert (facts.width, facts.height, facts.format) == (*size, "PNG")
        assert facts.content_hash == content_hash(data)


def test_a_scan_and_a_comparison_agree(model: SmallModel, pictures: Path, tmp_path: Path) -> None:
    paths = sorted(str(path) for path in pictures.iterdir())
    for threshold in (-1, 0.9, 0.995):
        result = scan(
            pictures,
            model=model.package.directory,
            threshold=threshold,
            catalog=tmp_path / "c.db",
            engine="onnxruntime",
        )
        matches = {frozenset((match.query, match.reference)): match for match in result.matches}
        for one, other in combinations(paths, 2):
            found = compare(one, other, model=model.describer, threshold=threshold)
            match = matches.get(frozenset((one, other)))
            assert found.kind == (match.kind if match else None)
            if match:
                assert found.score == pytest.approx(match.score, abs=1e-6)
            assert found.first == result.images[one]
            assert found.second == result.images[other]


def test_a_model_is_named_given_or_the_bundled_one(model: SmallModel, pictures: Path) -> None:
    paths = pictures / "a.png", pictures / "a.jpg"
    by_folder = compare(*paths, model=model.package.directory)
    assert by_folder.model == model.describer.identity
    assert by_folder.score == pytest.approx(verdict(model, *paths).score, abs=1e-4)
    assert compare(str(paths[0]), str(paths[1])).model.name == DEFAULT_MODEL
    with pytest.raises(ModelError, match="no model 'nobody'"):
        compare(*paths, model="nobody")


@pytest.mark.parametrize("threshold", [math.nan, 1.5, -2])
def test_a_threshold_beyond_the_scores_is_refused(
    model: SmallModel, pictures: Path, threshold: float
) -> None:
    with pytest.raises(UsageError, match="from -1 to 1"):
        verdict(model, pictures / "a.png", pictures / "b.png", threshold=threshold)


@pytest.mark.parametrize(("content", "code"), [(None, "vanished"), (b"", "empty"), (b"text", "not-an-image")])
def test_a_file_that_cannot_be_read_is_named(
    model: SmallModel, pictures: Path, content: bytes | None, code: str
) -> None:
    bad = pictures / "bad.png"
    if content is not None:
        bad.write_bytes(content)
    for paths in ((bad, pictures / "a.png"), (pictures / "a.png", bad)):
        with pytest.raises(ImageError, match=r"^/.*/bad\.png: ") as caught:
            verdict(model, *paths)
        assert caught.value.code == code


def test_a_file_that_breaks_at_full_size_is_named(
    model: SmallModel, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(data: bytes) -> str:
        raise ImageError("corrupt", "damaged where nobody looked before")

    monkeypatch.setattr(module, "pixel_hash", broken)
    with pytest.raises(ImageError, match=r"a\.png: damaged where"):
        verdict(model, pictures / "a.png", pictures / "a.bmp")
    # Pictures of other sizes are not decoded again.
    assert verdict(model, pictures / "a.png", pictures / "a-small.png").kind == "near"


def test_a_file_that_vanishes_after_it_was_read_is_compared_as_it_was(
    model: SmallModel, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = (pictures / "a.png").stat()

    def read(path: str) -> tuple[bytes, FoundFile]:
        found = read_found(path)
        Path(path).unlink()
        return found

    monkeypatch.setattr(module, "read_found", read)
    found = verdict(model, pictures / "a.png", pictures / "a.bmp")
    assert found.kind == "pixels"
    assert found.first.mtime_ns == status.st_mtime_ns


def test_the_verdict_is_plain_values(model: SmallModel, pictures: Path) -> None:
    plain = verdict(model, pictures / "a.png", pictures / "a.jpg").to_dict()
    assert list(plain) == [
        *("score", "threshold", "is_copy", "kind", "first", "second", "model", "views", "view")
    ]
    assert plain["model"] == {"name": "small", "fingerprint": model.package.fingerprint}
    assert plain["first"]["path"] == str(pictures / "a.png")
    assert json.loads(json.dumps(plain)) == plain
