"""Scans and comparisons with views: a picture inside another is found, described once, and said where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copylens.catalog import Catalog
from copylens.errors import EngineError, UsageError
from copylens.images import VIEW_SETS, cut, decode, prepare, read_file, view_key
from copylens.models import Calibration, InsetNetwork, ViewCalibration, update_card
from copylens.records import INSETS, Descriptors, MatchedView, View, ViewSide
from copylens.workflows import calibrating
from copylens.workflows.calibrating import calibrate_model
from copylens.workflows.compare import compare
from copylens.workflows.describer import Describer, load_from_settings
from copylens.workflows.ingest import Ingested, ingest
from copylens.workflows.scan import scan
from copylens.workflows.settings import FileSettings, ModelSettings, silent
from copylens.workflows.viewing import PENALTIES, check_views, keys_of, limits_of, views_of
from workflow_samples import SmallModel, many, put, scene

BALANCED, THOROUGH = (
    tuple(view for view in VIEW_SETS[name] if view not in INSETS) for name in ("balanced", "thorough")
)
"""The fixed ones; insets have tests of their own."""


@pytest.fixture(autouse=True)
def no_insets(monkeypatch: pytest.MonkeyPatch) -> None:
    """In these small drawn pictures the finder may see anything."""
    monkeypatch.setattr(InsetNetwork, "find", lambda *_: ())


def framed(inside: int, around: int) -> Any:
    """A picture in the middle of another of twice its sides."""
    out = np.asarray(scene(around, 96, 128)).copy()
    out[24:72, 32:96] = scene(inside)
    return out


def run_pass(catalog: Catalog, model: SmallModel, folder: Path, views: tuple[View, ...]) -> Ingested:
    return ingest(
        catalog, model.describer, [str(folder)], FileSettings(workers=2), views=views, progress=silent
    )


def check_views_of(catalog: Catalog, model: SmallModel, seen: Ingested, views: tuple[View, ...]) -> None:
    """Every image has the views of its own picture, each described alone."""
    images = catalog.images(seen.paths)
    stored = catalog.view_descriptors([image.content_id for image in images])
    for row, path in zip(stored, seen.paths, strict=True):
        pixels = decode(read_file(path)).pixels
        for held, view in zip(row, views, strict=True):
            alone = model.describer.describe_prepared([prepare(cut(pixels, view), model.describer.input)])
            np.testing.assert_allclose(held, alone[0], atol=1e-3)


def test_each_picture_is_described_by_the_whole_and_every_view(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    many(folder, 4)
    seen = run_pass(catalog, model, folder, BALANCED)
    assert (seen.described, seen.reused) == (4, 0)
    assert model.take_pictures() == 4 * (1 + len(BALANCED))
    check_views_of(catalog, model, seen, BALANCED)
    model.take_pictures()
    assert run_pass(catalog, model, folder, BALANCED).described == 0
    assert model.take_pictures() == 0


def test_a_larger_set_describes_only_what_is_missing(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    many(folder, 3)
    run_pass(catalog, model, folder, ())
    assert model.take_pictures() == 3
    before = catalog.descriptors([image.content_id for image in catalog.images(_paths(folder))])
    seen = run_pass(catalog, model, folder, BALANCED)
    assert (seen.described, seen.reused) == (3, 0)
    assert model.take_pictures() == 3 * len(BALANCED)
    many(folder, 1, start=9)
    seen = run_pass(catalog, model, folder, THOROUGH)
    assert model.take_pictures() == 3 * (len(THOROUGH) - len(BALANCED)) + 1 + len(THOROUGH)
    check_views_of(catalog, model, seen, THOROUGH)
    model.take_pictures()
    assert run_pass(catalog, model, folder, ()).described == 0
    assert model.take_pictures() == 0
    after = catalog.descriptors([image.content_id for image in catalog.images(_paths(folder)[:3])])
    np.testing.assert_array_equal(before, after)


def _paths(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.iterdir())


def test_equal_bytes_are_described_once(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        put(folder / name, scene(1))
    seen = run_pass(catalog, model, folder, BALANCED)
    assert (seen.described, seen.reused) == (1, 2)
    assert model.take_pictures() == 1 + len(BALANCED)


def test_a_broken_run_goes_on_where_it_stopped(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    many(folder, 8)
    model.engine.failing = {4}
    with pytest.raises(EngineError):
        run_pass(catalog, model, folder, BALANCED)
    done = model.take_pictures()
    assert done > 0
    model.engine.failing = ()
    seen = run_pass(catalog, model, folder, BALANCED)
    assert 0 < seen.reused < 8
    assert seen.described + seen.reused == 8
    assert model.take_pictures() == seen.described * (1 + len(BALANCED))
    check_views_of(catalog, model, seen, BALANCED)


def test_a_file_that_vanished_before_its_views_is_skipped(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    paths = many(folder, 2)
    run_pass(catalog, model, folder, ())
    Path(paths[0]).write_bytes(b"no picture any more")
    os.utime(paths[0], (1, 1))
    seen = run_pass(catalog, model, folder, BALANCED)
    assert seen.paths == paths[1:]
    assert [item.code for item in seen.skipped] == ["not-an-image"]


@pytest.fixture
def run(model: SmallModel, tmp_path: Path) -> Any:
    """`scan` with the small model, by default with balanced views."""

    def call(*paths: Path, **options: Any) -> Any:
        places = {"model": model.package.directory, "engine": "onnxruntime", "catalog": tmp_path / "scan.db"}
        return scan(list(paths), **{"views": "balanced", **places, **options})

    return call


def test_a_picture_inside_another_is_found_and_its_place_said(run: Any, folder: Path) -> None:
    whole, around = put(folder / "a.png", scene(1)), put(folder / "framed.png", framed(1, 0))
    put(folder / "other.png", scene(4))
    found = run(folder, threshold=0.99 - PENALTIES["balanced"])
    assert found.views == "balanced"
    (match,) = found.matches
    assert (match.query, match.reference) == (whole, around)
    assert match.view == MatchedView("reference", View(0.25, 0.25, 0.75, 0.75))
    assert match.score == pytest.approx(1 - PENALTIES["balanced"], abs=1e-3)
    (group,) = found.groups
    # Both have the same pixels of it, and the other one more beside; neither is a copy.
    assert (group.kind, group.keeper, group.members, group.because) == ("parts", around, (), "resolution")
    (item,) = group.related
    assert (item.path, item.relation, item.pixels) == (whole, "part", 1.0)
    assert item.view == MatchedView("keeper", View(0.25, 0.25, 0.75, 0.75))
    assert found.summary().reclaimable_bytes == 0
    assert run(folder, threshold=0.99 - PENALTIES["balanced"], views="whole").matches == ()


def test_a_sharp_picture_is_kept_before_the_one_that_holds_it_small(run: Any, folder: Path) -> None:
    pixels = np.repeat(np.repeat(scene(1), 3, axis=0), 3, axis=1)
    sharp, around = put(folder / "sharp.png", pixels), put(folder / "framed.png", framed(1, 0))
    again = put(folder / "framed again.png", framed(1, 0))
    exact, parts = run(folder, threshold=0.97 - PENALTIES["balanced"]).groups
    (item,) = parts.related
    assert (parts.keeper, parts.members, parts.because) == (sharp, (), "part")
    assert (item.path, item.relation, item.pixels) == (exact.keeper, "holds", pytest.approx(1 / 9))
    # What holds it stays a picture of its own, with a copy of its own.
    assert (exact.kind, exact.related) == ("exact", ())
    assert {exact.keeper, *(member.path for member in exact.members)} == {around, again}


@pytest.mark.parametrize("whole_is_new", [True, False])
def test_it_is_found_among_known_ones_from_either_side(run: Any, folder: Path, whole_is_new: bool) -> None:
    whole, around = put(folder / "x" / "a.png", scene(1)), put(folder / "y" / "b.png", framed(1, 0))
    new, known = (whole, around) if whole_is_new else (around, whole)
    found = run(Path(new), against=known, threshold=0.99 - PENALTIES["balanced"])
    (match,) = found.matches
    side: ViewSide = "reference" if whole_is_new else "query"
    assert (match.query, match.reference) == (new, known)
    assert match.view == MatchedView(side, View(0.25, 0.25, 0.75, 0.75))
    (group,) = found.groups
    assert (group.keeper, group.members, group.because) == (known, (), "known")
    assert [(item.path, item.relation) for item in group.related] == [
        (new, "part" if whole_is_new else "holds")
    ]


def test_the_scan_equals_the_obvious_one(run: Any, model: SmallModel, folder: Path) -> None:
    for number in range(4):
        put(folder / f"{number}.png", scene(number))
        put(folder / f"{number}-framed.png", framed(number, number + 10))
    put(folder / "same.png", scene(1))
    paths = _paths(folder)
    rows, views = zip(*(_described(model.describer, path) for path in paths), strict=True)
    threshold, penalty = 0.953, PENALTIES["balanced"]
    expected = {}
    for a in range(len(paths)):
        for b in range(a + 1, len(paths)):
            crops = max((views[a] @ rows[b]).max(), (views[b] @ rows[a]).max()) - penalty
            score = max(float(rows[a] @ rows[b]), float(crops))
            if score >= threshold:
                expected[frozenset((paths[a], paths[b]))] = score
    found = run(folder, threshold=threshold)
    scores = {frozenset((match.query, match.reference)): match.score for match in found.matches}
    assert scores.keys() == expected.keys()
    assert len(scores) > 4
    for pair, score in scores.items():
        assert score == pytest.approx(min(expected[pair], 1), abs=1e-3)


def _described(describer: Describer, path: str) -> tuple[Descriptors, Descriptors]:
    pixels = decode(read_file(path)).pixels
    rows = [
        describer.describe_prepared([prepare(cut(pixels, view), describer.input)])[0] for view in BALANCED
    ]
    return describer.describe([path])[0], np.stack(rows)


def test_equal_files_and_equal_pixels_stay_exact(run: Any, folder: Path) -> None:
    put(folder / "a.png", scene(1))
    put(folder / "b.png", scene(1))
    put(folder / "c.bmp", scene(1))
    kinds = {match.kind for match in run(folder, threshold=0.9).matches}
    assert kinds == {"bytes", "pixels"}


def test_compare_finds_it_from_either_side(model: SmallModel, folder: Path) -> None:
    whole, around = put(folder / "a.png", scene(1)), put(folder / "b.png", framed(1, 0))
    limit = 0.99 - PENALTIES["balanced"]
    for first, second, side in ((whole, around, "second"), (around, whole, "first")):
        verdict = compare(first, second, model=model.describer, views="balanced", threshold=limit)
        assert (verdict.is_copy, verdict.kind) == (False, "part")
        assert verdict.view == MatchedView(side, View(0.25, 0.25, 0.75, 0.75))  # type: ignore[arg-type]
        box = [0.25, 0.25, 0.75, 0.75]
        assert verdict.to_dict()["view"] == {"side": side, "box": box, "turn": "none"}
    plain = compare(whole, around, model=model.describer, threshold=limit)
    assert (plain.is_copy, plain.view, plain.to_dict()["view"]) == (False, None, None)


def test_unknown_views_are_refused_with_the_names() -> None:
    with pytest.raises(UsageError, match="'deep'; choose whole, fast, balanced, thorough"):
        check_views("deep")
    assert check_views("thorough") == "thorough"


def test_limits_follow_the_card_where_it_knows_these_views(tmp_path: Path) -> None:
    package = SmallModel(tmp_path).package
    own = package.calibration.threshold
    plain = limits_of(package, "whole")
    assert (plain.threshold, plain.penalty) == (own, 0)
    unmeasured = limits_of(package, "balanced")
    assert (unmeasured.threshold, unmeasured.penalty) == (own, PENALTIES["balanced"])
    measured = ViewCalibration(threshold=0.8, penalty=0.07, keys=keys_of("balanced"))
    others = ViewCalibration(threshold=0.1, penalty=0.2, keys=("0,0,1,1,hflip",))
    views = {"balanced": measured, "thorough": others}
    package = update_card(package, calibration=Calibration(threshold=0.6, views=views))
    known = limits_of(package, "balanced")
    assert (known.threshold, known.penalty) == (0.8, 0.07)
    assert limits_of(package, "balanced", threshold=0.3).threshold == 0.3
    assert limits_of(package, "thorough").threshold == 0.6


def test_calibration_promises_one_rate_with_every_set(tmp_path: Path, folder: Path) -> None:
    model = SmallModel(tmp_path / "own")
    many(folder, 12)
    rate = 100_000.0
    package = calibrate_model(model.package.directory, folder, false_matches=rate)
    assert package.calibration.false_matches_per_million_pairs == rate
    assert package.calibration.views["thorough"].keys == tuple(map(view_key, views_of("thorough")))
    for views in ("whole", "fast", "balanced", "thorough"):
        found = scan(folder, model=package.directory, views=views, catalog=tmp_path / f"{views}.db")
        assert len(found.matches) <= 66 * rate / 1e6
    assert package.fingerprint == model.package.fingerprint


def test_thresholds_are_measured_with_the_engine_that_was_asked_for(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ModelSettings] = []

    def load(settings: ModelSettings) -> Describer:
        asked.append(settings)
        return load_from_settings(settings)

    monkeypatch.setattr(calibrating, "load_from_settings", load)
    many(folder, 12)
    package = SmallModel(tmp_path / "own").package
    for engine in ("onnxruntime", "openvino"):
        calibrate_model(package.directory, folder, false_matches=100_000.0, engine=engine)
    assert [settings.engine for settings in asked] == ["onnxruntime", "openvino"]


@pytest.mark.parametrize(("rate", "said"), [(3.0, "at least 817"), (0.0, "must lie between")])
def test_a_rate_that_cannot_be_shown_is_refused(tmp_path: Path, folder: Path, rate: float, said: str) -> None:
    many(folder, 3)
    package = SmallModel(tmp_path / "own").package
    with pytest.raises(UsageError, match=said):
        calibrate_model(package.directory, folder, false_matches=rate)


def test_a_scan_says_how_many_look_alikes_to_expect(tmp_path: Path, folder: Path) -> None:
    model = SmallModel(tmp_path / "own")
    many(folder, 9)
    known = tmp_path / "known"
    many(known, 5)
    # The same bytes once more are no picture that could be a look-alike.
    (folder / "again.png").write_bytes(next(folder.glob("*.png")).read_bytes())
    measured = {"fast": ViewCalibration(threshold=0.99, penalty=0.0, keys=keys_of("fast"))}
    calibration = Calibration(threshold=0.99, false_matches_per_million_pairs=1e5, views=measured)
    update_card(model.package, calibration=calibration)
    asked: dict[str, Any] = {"model": model.package.directory, "catalog": tmp_path / "catalog.db"}
    for views in ("whole", "fast"):
        assert scan(folder, views=views, **asked).expected_false == pytest.approx(0.1 * 9 * 8 / 2)
    assert scan(folder, against=known, **asked).expected_false == pytest.approx(0.1 * 9 * 5)
    assert scan(folder, threshold=0.995, **asked).expected_false is None
    assert scan(folder, views="balanced", **asked).expected_false is None
