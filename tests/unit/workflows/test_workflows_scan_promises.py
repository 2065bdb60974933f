"""What a scan promises beside its groups: sides, determinism, errors before the work, progress, nothing lost."""

from __future__ import annotations

import functools
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from copylens.catalog import Catalog
from copylens.errors import FingerprintMismatchError, ModelError, TooManyMatchesError, UsageError
from copylens.matching import matches_within, self_join, self_join_views
from copylens.models import Engine, ModelPackage
from copylens.records import Skipped
from copylens.workflows import describer, ingest
from copylens.workflows import scan as module
from copylens.workflows.exactness import pixel_equal_pairs
from copylens.workflows.result import ScanResult
from copylens.workflows.scan import scan
from copylens.workflows.settings import STAGES, silent
from workflow_samples import SmallModel, Steps, many, picture_bytes, put, scene

Run: TypeAlias = Callable[..., ScanResult]


@pytest.fixture
def run(model: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`scan` with the small model on its watched engine, in a catalog of the test."""

    def create(package: ModelPackage, **options: Any) -> Engine:
        return model.engine

    monkeypatch.setattr(describer, "create_engine", create)

    def call(*paths: Path | str, **options: Any) -> ScanResult:
        defaults = {"model": model.package.directory, "catalog": tmp_path / "catalog.db"}
        return scan(list(paths), **{**defaults, **options})

    return call


def members(result: ScanResult) -> dict[str, list[str]]:
    return {Path(g.keeper).name: [Path(m.path).name for m in g.members] for g in result.groups}


def documents(result: ScanResult) -> dict[str, Any]:
    """All but what a stopwatch and the catalog's state decide."""
    document = result.to_dict()
    for key in ("described", "reused", "seconds", "images_per_second"):
        del document["summary"][key]
    return document


# --- two sides


def test_a_file_on_both_sides_is_no_copy_of_itself(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    many(folder, 2)
    (folder.parent / "link").symlink_to("photos")
    for against in ("photos", "./photos", str(folder), "link", "photos/000.png"):
        result = run("photos", against=against, threshold=0.999)
        assert (result.groups, result.matches, result.known) == ((), (), frozenset())
        assert list(result.images) == ["photos/000.png", "photos/001.png"]


def test_a_known_copy_of_a_new_file_is_found_beside_it(run: Run, folder: Path) -> None:
    """The new folder lies inside the known one."""
    (path,) = many(folder / "new", 1)
    copy = str(shutil.copy(path, folder / "known.png"))
    result = run(folder / "new", against=folder, threshold=1)
    assert [(g.keeper, [m.path for m in g.members], g.kind) for g in result.groups] == [
        (copy, [path], "exact")
    ]
    assert result.known == {copy}


def test_neither_side_is_compared_with_itself(run: Run, folder: Path) -> None:
    for side in ("new", "known"):
        for name in ("a.png", "b.png"):
            put(folder / side / name, scene(1 if side == "new" else 2))
    result = run(folder / "new", against=folder / "known", threshold=0.9999)
    assert (result.groups, result.matches, len(result.images)) == ((), (), 4)


def test_of_equal_known_files_the_rules_choose_the_keeper(run: Run, folder: Path) -> None:
    for name in ("known/b.png", "known/a.png", "known/c.png", "new.png"):
        put(folder / name, scene(1))
    for keep, keeper in (("oldest", "b.png"), ("newest", "c.png"), ("path:known/a*", "a.png")):
        result = run(folder / "new.png", against=folder / "known", keep=keep)
        assert members(result) == {keeper: ["new.png"]}
        assert [Path(match.reference).name for match in result.matches] == ["a.png", "b.png", "c.png"]


def test_equal_bytes_match_whatever_the_threshold(run: Run, folder: Path) -> None:
    for name in ("new/a.png", "known/b.png", "known/c.bmp"):
        put(folder / name, scene(1))
    result = run(folder / "new", against=folder / "known", threshold=1.0, keep="format")
    first = result.matches[0]
    assert (Path(first.reference).name, first.score, first.kind) == ("b.png", 1.0, "bytes")
    assert members(result) == {"b.png": ["a.png"]}
    assert members(run(folder / "new", folder / "known/b.png", threshold=1.0)) == {"a.png": ["b.png"]}


def test_equal_bytes_are_not_decoded_again(run: Run, folder: Path) -> None:
    for name in ("new/a.png", "known/b.png"):
        put(folder / name, scene(1))
    for options in ({"against": folder / "known"}, {}):
        steps = Steps()
        assert run(folder / "new", progress=steps, **options).summary().matches == len(options)
        assert steps.of("verify") == []


def test_both_sides_may_be_lists_and_empty(run: Run, folder: Path) -> None:
    many(folder / "a", 2)
    many(folder / "b", 1)
    (folder / "empty").mkdir()
    result = run(folder / "a", folder / "empty", against=[folder / "b", folder / "empty"], threshold=1)
    assert members(result) == {"000.png": ["000.png"]}
    assert (result.roots, result.against) == (
        (str(folder / "a"), str(folder / "empty")),
        (str(folder / "b"), str(folder / "empty")),
    )
    for sides in (("empty", "b"), ("a", "empty"), ("empty", "empty")):
        result = run(folder / sides[0], against=folder / sides[1], threshold=-1)
        assert (result.groups, result.matches) == ((), ())


def test_what_is_skipped_on_both_sides_is_listed_once(run: Run, folder: Path) -> None:
    put(folder / "new" / "broken.png", b"nothing")
    put(folder / "known" / "broken.png", b"nothing")
    result = run(folder / "new", against=[folder, folder / "known"])
    assert [item.path for item in result.skipped] == [
        str(folder / "known" / "broken.png"),
        str(folder / "new" / "broken.png"),
    ]


# --- little or nothing to compare


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("broken", [0, 2])
def test_less_than_two_images_have_no_copies(run: Run, folder: Path, count: int, broken: int) -> None:
    many(folder, count)
    for number in range(broken):
        put(folder / f"broken-{number}.jpg", b"\xff\xd8\xff nothing")
    result = run(folder, threshold=-1)
    summary = result.summary()
    assert (summary.images, summary.groups, summary.matches, summary.skipped) == (count, 0, 0, broken)
    assert (summary.described, summary.reused) == (count, 0)
    assert result.to_dict()["summary"]["skipped"] == broken
    assert list(result.to_imagededup().values()) == [[]] * count


# --- the same again


def test_the_same_folder_gives_the_same_result(run: Run, folder: Path, tmp_path: Path) -> None:
    for number in range(30):
        put(folder / f"{number:02}.png", scene(number % 20))
        put(folder / f"{number:02}.jpg", scene(number % 20))
    (folder / "broken.png").mkdir()
    (folder / "also.png").mkdir()
    options = {"threshold": 0.9, "keep": "oldest"}
    expected = documents(run(folder, workers=1, **options))
    assert len(expected["groups"]) > 5
    for number, workers in enumerate((1, 2, 8)):
        fresh = run(folder, workers=workers, catalog=tmp_path / f"{number}.db", **options)
        assert documents(fresh) == expected
        assert fresh.timing.described == 40
        again = run(folder, workers=workers, catalog=tmp_path / f"{number}.db", **options)
        assert documents(again) == expected
        assert (again.timing.described, again.timing.images_per_second) == (0, 0.0)


def test_deleted_files_are_in_no_result(run: Run, folder: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        put(folder / name, scene(1))
    assert members(run(folder, keep="oldest")) == {"a.png": ["b.png", "c.png"]}
    (folder / "a.png").unlink()
    result = run(folder, keep="oldest")
    assert members(result) == {"b.png": ["c.png"]}
    assert str(folder / "a.png") not in result.images
    (folder / "c.png").rename(folder / "moved.png")
    assert members(run(folder, keep="oldest")) == {"b.png": ["moved.png"]}


def test_counts_of_described_and_reused_images(run: Run, folder: Path) -> None:
    many(folder / "a", 3)
    many(folder / "b", 5)
    timing = run(folder / "a", against=folder / "b").timing
    assert (timing.described, timing.reused) == (5, 3)
    # Of the seconds of reading and describing, which are fewer than those of the whole scan.
    assert timing.images_per_second > 5 / timing.seconds
    timing = run(folder).timing
    assert (timing.described, timing.reused) == (0, 8)


# --- options


@pytest.mark.parametrize("threshold", [0.5, 0.123456789, -1, 0, 1, 1.0])
def test_the_threshold_is_kept_as_written(run: Run, folder: Path, threshold: float) -> None:
    many(folder, 1)
    result = run(folder, threshold=threshold)
    assert result.threshold == threshold
    assert run(folder).threshold == 0.7


def test_a_score_just_at_the_threshold_is_a_match(run: Run, folder: Path) -> None:
    many(folder, 2)
    (match,) = run(folder, threshold=-1).matches
    assert len(run(folder, threshold=match.score).matches) == 1
    assert run(folder, threshold=math.nextafter(match.score, 2)).matches == ()


def test_settings_reach_the_files(run: Run, folder: Path) -> None:
    for name in ("a.png", "b.bmp", ".hidden.png", "left/out.png"):
        put(folder / name, scene(len(name)))

    def names(**options: Any) -> list[str]:
        return [str(Path(path).relative_to(folder)) for path in run(folder, **options).images]

    assert names() == ["a.png", "b.bmp", "left/out.png"]
    assert names(extensions=["BMP"]) == names(extensions=".bmp") == ["b.bmp"]
    assert names(exclude="left") == names(exclude=["left"]) == ["a.png", "b.bmp"]
    assert names(hidden=True, exclude=["*.bmp", "left"]) == [".hidden.png", "a.png"]
    result = run(folder, keep=" oldest , path:a\\,b ")
    assert result.keep == ("oldest", "path:a,b")


def test_how_the_model_runs_and_how_many_threads_are_passed_on(
    model: SmallModel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(folder, 2)
    asked: list[dict[str, Any]] = []

    def create(package: ModelPackage, **options: Any) -> Engine:
        asked.append(options)
        return model.engine

    def watched(*args: Any, **options: Any) -> Any:
        asked.append(options)
        return pixel_equal_pairs(*args, **options)

    monkeypatch.setattr(describer, "create_engine", create)
    monkeypatch.setattr(module, "pixel_equal_pairs", watched)
    wishes: dict[str, Any] = {"device": "cuda", "engine": "torch", "precision": "float16"}
    scan(
        folder, model=model.package.directory, catalog=tmp_path / "c.db", workers=7, progress=silent, **wishes
    )
    assert asked == [{**wishes, "threads": None}, {"workers": 7, "progress": silent}]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"threshold": math.nan}, "threshold of nan"),
        ({"threshold": 75}, "from -1 to 1"),
        ({"threshold": -1.01}, "from -1 to 1"),
        ({"keep": "larges"}, "no rule 'larges'"),
        ({"workers": 0}, "--workers must be at least 1"),
        ({"extensions": []}, "--extensions"),
        ({"against": "nowhere"}, "nowhere: no such file or folder"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_the_work(
    run: Run, model: SmallModel, folder: Path, options: dict[str, Any], says: str
) -> None:
    many(folder, 2)
    with pytest.raises(UsageError, match=says):
        run(folder, **options)
    assert model.take_pictures() == 0


def test_missing_roots_and_models_are_named(run: Run, folder: Path) -> None:
    with pytest.raises(UsageError, match="gone: no such file or folder"):
        run(folder / "gone")
    with pytest.raises(UsageError, match="No path given"):
        run()
    with pytest.raises(ModelError, match="no model 'nobody'"):
        run(folder, model="nobody")


def test_a_catalog_of_another_model_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    many(folder, 1)
    run(folder)
    other = SmallModel(tmp_path, seed=1)
    with pytest.raises(FingerprintMismatchError, match=other.package.fingerprint):
        run(folder, model=other.package.directory)


def test_without_a_name_the_catalog_lies_in_the_cache_folder(
    run: Run, model: SmallModel, folder: Path, tmp_path: Path
) -> None:
    many(folder, 1)
    run(folder, catalog=None)
    assert run(folder, catalog=None).timing.reused == 1
    assert (tmp_path / "cache" / f"catalog-{model.package.fingerprint}.db").is_file()


# --- limits, progress, other processes


@pytest.mark.parametrize(
    ("views", "name", "limited"),
    [
        ("whole", "self_join", functools.partial(self_join, max_pairs=5)),
        ("fast", "self_join_views", functools.partial(self_join_views, max_pairs=5)),
        ("whole", "matches_within", functools.partial(matches_within, max_matches=5)),
        ("fast", "matches_within", functools.partial(matches_within, max_matches=5)),
    ],
)
def test_too_many_matches_cost_no_description(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, views: str, name: str, limited: Any
) -> None:
    many(folder, 4)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, limited)
        with pytest.raises(TooManyMatchesError, match="raise --threshold"):
            run(folder, views=views, threshold=-1)
    result = run(folder, views=views, threshold=-1)
    assert (len(result.matches), result.timing.described) == (6, 0)


@pytest.mark.parametrize("views", ["whole", "fast"])
@pytest.mark.parametrize("two_sides", [False, True])
def test_progress_goes_forward_through_both_sides(
    run: Run, folder: Path, two_sides: bool, views: str
) -> None:
    many(folder / "a", 20)
    many(folder / "b", 19, start=1)
    put(folder / "b" / "same.bmp", scene(3, 24, 20))
    for _ in range(2):
        steps = Steps()
        result = run(
            folder / "a",
            *([] if two_sides else [folder / "b"]),
            against=folder / "b" if two_sides else (),
            views=views,
            threshold=0.99,
            progress=steps,
        )
        assert result.matches
        steps.check("find", 40)
        steps.check("describe", 40)
        assert {name for name, _, _ in steps.calls} <= STAGES.keys()
        # With views: the wholes, then the views of each side.
        steps.check("match", {"whole": 20 if two_sides else 21, "fast": 60 if two_sides else 42}[views])
    # Pixel hashes are remembered, so only the first scan decodes again.
    assert steps.of("verify") == []


def test_nothing_is_lost_when_another_process_takes_an_image_away(
    run: Run, model: SmallModel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = many(folder, 3)
    real = ingest.ingest_found

    def then_disturbed(catalog: Catalog, *args: Any, **options: Any) -> Any:
        seen = real(catalog, *args, **options)
        with model.catalog(str(tmp_path / "catalog.db")) as other:
            other.record([Skipped(paths[0], "corrupt", "as the other process saw it")])
        return seen

    monkeypatch.setattr(module, "ingest_found", then_disturbed)
    for options in ({}, {"against": paths[2]}):
        result = run(folder, **options)
        assert list(result.images) == paths[1:]
        assert [(item.path, item.code) for item in result.skipped] == [(paths[0], "changed")]


def test_more_equal_files_than_a_batch_are_one_group(run: Run, folder: Path) -> None:
    data = picture_bytes(scene(1), "PNG")
    paths = [put(folder / f"{number:03}.png", data) for number in range(40)]
    (group,) = run(folder).groups
    assert [group.keeper, *(member.path for member in group.members)] == paths
    assert group.kind == "exact"
