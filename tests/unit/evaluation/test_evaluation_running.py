"""Whole evaluations of small benchmarks: what comes out, what is used again, what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import copylens
from benchmark_folders import build_copydays, build_disc21, build_exam, build_ndec, build_pairs
from copylens.errors import EvaluationError, UsageError
from copylens.evaluation.benchmarks import (
    list_pictures,
    open_copydays,
    open_disc21,
    open_exam,
    open_ndec,
    open_pairs,
)
from copylens.evaluation.nouns import Benchmark, CandidateRule
from copylens.evaluation.running import RESULT, Run, evaluate, load_evaluation
from copylens.evaluation.systems import EvaluationSettings, ModelSystem, SavedSystem
from copylens.models import ModelPackage
from copylens.workflows.settings import STAGES, ModelSettings, silent
from evaluation_cases import counting_network, files_below, nothing_may_run
from small_models import SmallNetwork
from thumbnail_model import write_thumbnail_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelPackage]:
    root = tmp_path_factory.mktemp("models")
    return {
        "thumbnail": write_thumbnail_model(root / "thumbnail"),
        "small": SmallNetwork().package(root / "small"),
    }


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exam")
    build_exam(root, photos=9, negatives=5, background=6)
    return root


def system(package: ModelPackage, label: str = "") -> ModelSystem:
    return ModelSystem(settings=ModelSettings(model=str(package.directory)), label=label)


def settings(folder: Path, **more: object) -> EvaluationSettings:
    return EvaluationSettings(**{"folder": str(folder), "samples": 50, **more})  # type: ignore[arg-type]


@pytest.fixture
def thumbnail(models: dict[str, ModelPackage]) -> ModelSystem:
    return system(models["thumbnail"])


@pytest.fixture
def small(models: dict[str, ModelPackage]) -> ModelSystem:
    return system(models["small"])


def test_the_figures_are_those_of_descriptors_compared_by_hand(
    tmp_path: Path, exam: Path, models: dict[str, ModelPackage], thumbnail: ModelSystem
) -> None:
    benchmark = open_exam(exam)
    (result,) = evaluate(benchmark, [thumbnail], settings(tmp_path)).systems
    model = copylens.load_model(models["thumbnail"].directory)
    queries, references = (
        model.describe([picture.path for picture in side])
        for side in (benchmark.queries, benchmark.references)
    )
    scores = queries @ references.T
    names = [picture.key for picture in benchmark.references]
    truth = dict(benchmark.truth)
    best = [
        truth[query.key] == names[scores[row].argmax()]
        for row, query in enumerate(benchmark.queries)
        if query.key in truth
    ]
    assert 0 < sum(best) < len(best)
    assert result.plain.figures["accuracy_at_1"].value == pytest.approx(sum(best) / len(best), abs=1e-6)
    listed = sorted(
        (
            (float(scores[row, column]), truth.get(query.key) == names[column])
            for row, query in enumerate(benchmark.queries)
            for column in np.argsort(-scores[row])[:10]
        ),
        reverse=True,
    )
    hits = np.array([hit for _, hit in listed])
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    assert result.plain.figures["micro_average_precision"].value == pytest.approx(
        (precision * hits).sum() / len(truth), abs=1e-5
    )


def test_everything_is_said_about_where_figures_come_from(
    tmp_path: Path, exam: Path, models: dict[str, ModelPackage], thumbnail: ModelSystem
) -> None:
    chosen = settings(tmp_path, seed=3, command="copylens evaluate exam e", rule=CandidateRule(per_query=4))
    origin = evaluate(open_exam(exam), [thumbnail], chosen).systems[0].origin
    assert (origin.benchmark, origin.split, origin.protocol) == ("exam", "all", "micro")
    assert (origin.queries, origin.references, origin.pairs, origin.without_reference) == (23, 9, 18, 5)
    assert (origin.training, origin.background, origin.rule) == (0, 6, "k = 4 per query")
    assert (origin.model, origin.fingerprint) == ("thumbnail", models["thumbnail"].fingerprint)
    assert (origin.source, origin.precision, origin.dims) == ("", "float32", models["thumbnail"].dims)
    assert (origin.post_processing, origin.samples, origin.level, origin.seed) == ("none", 50, 0.95, 3)
    assert (origin.command, origin.copylens) == ("copylens evaluate exam e", copylens.__version__)


def test_breakdowns_follow_how_the_queries_were_made(
    tmp_path: Path, exam: Path, thumbnail: ModelSystem
) -> None:
    (result,) = evaluate(open_exam(exam), [thumbnail], settings(tmp_path)).systems
    edits = {edit.name: edit for edit in result.by_edit}
    assert set(edits) == {"crop", "hflip"}
    assert edits["hflip"].alone is None
    assert edits["crop"].alone is not None
    assert (edits["crop"].alone.queries, edits["crop"].alone.pairs) == (14, 9)
    assert result.several_edits is not None
    assert result.several_edits.queries == 9
    assert [part.name for part in result.by_strength] == ["mild", "medium", "hard"]
    assert [part.name for part in result.by_kind] == ["one edit", "several edits", "no reference"]
    assert result.by_kind[2].recall_at_1 is None
    missed = {(miss.query.key, miss.reference.key) for miss in result.misses}
    assert missed < set(open_exam(exam).truth)
    assert all(
        Path(miss.query.path).is_file() and Path(miss.reference.path).is_file() for miss in result.misses
    )
    assert not {(m.query.key, m.reference.key) for m in result.false_matches} & set(open_exam(exam).truth)


def test_a_repeated_evaluation_runs_nothing_and_gives_the_same_file(
    tmp_path: Path, exam: Path, thumbnail: ModelSystem, small: ModelSystem
) -> None:
    first = evaluate(open_exam(exam), [thumbnail, small], settings(tmp_path))
    written, files = (tmp_path / RESULT).read_bytes(), files_below(tmp_path)
    with nothing_may_run():
        assert evaluate(open_exam(exam), [thumbnail, small], settings(tmp_path)) == first
    assert (tmp_path / RESULT).read_bytes() == written
    del files[RESULT]
    assert files.items() <= files_below(tmp_path).items()


def test_other_metric_options_run_nothing(tmp_path: Path, exam: Path, thumbnail: ModelSystem) -> None:
    first = evaluate(open_exam(exam), [thumbnail], settings(tmp_path))
    key = "micro_average_precision"
    with nothing_may_run():
        other = evaluate(open_exam(exam), [thumbnail], settings(tmp_path, seed=9, samples=70, level=0.8))
        bare = evaluate(open_exam(exam), [thumbnail], settings(tmp_path, samples=0))
    figures = [one.systems[0].plain.figures[key] for one in (first, other, bare)]
    assert len({figure.value for figure in figures}) == 1
    assert (figures[0].low, figures[0].high) != (figures[1].low, figures[1].high)
    assert (figures[2].low, figures[2].high) == (None, None)


def test_another_rule_or_system_describes_only_what_is_new(
    tmp_path: Path, exam: Path, thumbnail: ModelSystem, small: ModelSystem
) -> None:
    pictures = 23 + 9 + 6
    with counting_network() as counted:
        evaluate(open_exam(exam), [thumbnail], settings(tmp_path))
        assert counted.pictures == pictures
        evaluate(open_exam(exam), [thumbnail], settings(tmp_path, rule=CandidateRule(None, 40)))
        assert counted.pictures == pictures
        evaluate(open_exam(exam), [thumbnail, small], settings(tmp_path))
        assert counted.pictures == 2 * pictures


def test_systems_are_compared_with_the_first(
    tmp_path: Path, exam: Path, thumbnail: ModelSystem, small: ModelSystem
) -> None:
    found = evaluate(open_exam(exam), [thumbnail, small, replace(small, label="again")], settings(tmp_path))
    assert [one.label for one in found.systems] == ["thumbnail", "small", "again"]
    assert [(one.first, one.second) for one in found.comparisons] == [
        ("thumbnail", "small"),
        ("thumbnail", "again"),
    ]
    first, second, third = found.systems
    for key, difference in found.comparisons[0].plain.items():
        assert difference.value == pytest.approx(
            second.plain.figures[key].value - first.plain.figures[key].value, abs=2e-6
        )
    assert found.comparisons[0].plain == found.comparisons[1].plain
    assert second.plain == third.plain
    assert found.comparisons[0].normalised is not None


def test_saved_descriptors_give_the_figures_of_the_model(
    tmp_path: Path, exam: Path, models: dict[str, ModelPackage], thumbnail: ModelSystem
) -> None:
    described = copylens.describe(exam, model=models["thumbnail"].directory, catalog=tmp_path / "catalog.db")
    described.save(tmp_path / "rows.npz")
    saved = SavedSystem(path=str(tmp_path / "rows.npz"), label="rows")
    one, other = evaluate(open_exam(exam), [thumbnail, saved], settings(tmp_path / "run")).systems
    assert other.label == "rows"
    for first, second in ((one.plain, other.plain), (one.normalised, other.normalised)):
        assert first is not None
        assert second is not None
        assert first.figures.keys() == second.figures.keys()
        for key in first.figures:
            assert first.figures[key].value == pytest.approx(second.figures[key].value, abs=1e-6)
    assert (other.origin.model, other.origin.source) == ("thumbnail", str(tmp_path / "rows.npz"))
    assert (other.origin.fingerprint, other.origin.precision) == (one.origin.fingerprint, "")


def test_saved_descriptors_without_background_go_without_normalisation_unless_it_was_asked_for(
    tmp_path: Path, exam: Path, models: dict[str, ModelPackage]
) -> None:
    described = copylens.describe(
        [exam / "queries", exam / "references"],
        model=models["thumbnail"].directory,
        catalog=tmp_path / "c.db",
    )
    described.save(tmp_path / "rows.npz")
    saved = SavedSystem(path=str(tmp_path / "rows.npz"))
    (result,) = evaluate(open_exam(exam), [saved], settings(tmp_path / "run")).systems
    assert result.normalised is None
    assert result.origin.background == 0
    with pytest.raises(UsageError, match="no descriptor of 6 of the 6 background pictures"):
        evaluate(open_exam(exam), [saved], settings(tmp_path / "run", background_is_required=True))
    with pytest.raises(UsageError, match="no descriptor of 6 of the 6 background pictures"):
        evaluate(open_exam(exam), [saved], settings(tmp_path / "run", chains=("sn",)))


def test_each_system_runs_with_each_chain(tmp_path: Path, exam: Path, small: ModelSystem) -> None:
    benchmark = replace(open_exam(exam), training=list_pictures(exam / "background"))
    found = evaluate(
        benchmark, [small], settings(tmp_path, chains=("none", "centre", "centre , pcaw4", "none"))
    )
    assert [one.label for one in found.systems] == ["small + none", "small + centre", "small + centre,pcaw4"]
    assert [one.plain.post_processing for one in found.systems] == ["none", "centre", "centre,pcaw4"]
    assert [one.origin.training for one in found.systems] == [0, 6, 6]
    assert [one.plain.dims for one in found.systems] == [16, 16, 4]
    assert all(one.normalised is not None for one in found.systems)
    with nothing_may_run():
        evaluate(benchmark, [small], settings(tmp_path, chains=("centre",)))


def test_systems_of_one_name_are_told_apart(
    tmp_path: Path, exam: Path, models: dict[str, ModelPackage]
) -> None:
    other = SmallNetwork(seed=5).package(tmp_path / "small", name="small")
    found = evaluate(open_exam(exam), [system(models["small"]), system(other)], settings(tmp_path / "run"))
    assert [one.label for one in found.systems] == [
        f"small ({package.fingerprint[:8]}, float32)" for package in (models["small"], other)
    ]


def test_one_system_twice_is_refused(tmp_path: Path, exam: Path, small: ModelSystem) -> None:
    with pytest.raises(UsageError, match=r"The system 'small \(.*\)' is given twice"):
        evaluate(open_exam(exam), [small, small], settings(tmp_path))
    with pytest.raises(UsageError, match="Give at least one model or file of descriptors"):
        evaluate(open_exam(exam), [], settings(tmp_path))


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("pcaw4", "--post pcaw4 learns from unrelated pictures .* --training"),
        ("l2,sn", "--post l2,sn normalises scores .* --background"),
        ("whiten", "whiten"),
    ],
)
def test_a_chain_without_what_it_needs_is_refused_before_the_work(
    tmp_path: Path, exam: Path, small: ModelSystem, chain: str, said: str
) -> None:
    bare = replace(open_exam(exam), background=())
    with nothing_may_run(), pytest.raises(UsageError, match=said):
        evaluate(bare, [small], settings(tmp_path, chains=(chain,)))


def test_a_background_that_is_too_small_counts_only_where_it_was_asked_for(
    tmp_path: Path, exam: Path, small: ModelSystem
) -> None:
    benchmark = open_exam(exam)
    tiny = replace(benchmark, background=benchmark.background[:2])
    (result,) = evaluate(tiny, [small], settings(tmp_path)).systems
    assert (result.normalised, result.origin.background) == (None, 0)
    for chosen in (
        settings(tmp_path, background_is_required=True),
        settings(tmp_path, chains=("sn",)),
    ):
        with pytest.raises(
            UsageError, match="sn looks at 3 neighbours, but the background has 2 images only"
        ):
            evaluate(tiny, [small], chosen)


def test_score_normalisation_changes_scores_but_no_order_within_a_query(
    tmp_path: Path, exam: Path, small: ModelSystem
) -> None:
    (result,) = evaluate(open_exam(exam), [small], settings(tmp_path)).systems
    assert result.normalised is not None
    assert result.normalised.post_processing == "sn"
    for key in ("accuracy_at_1", "recall_at_10"):
        assert result.normalised.figures[key] == result.plain.figures[key]
    assert result.normalised.curve != result.plain.curve


def test_the_default_folder_is_named_by_the_benchmark(
    tmp_path: Path, exam: Path, small: ModelSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPYLENS_CACHE_DIR", str(tmp_path / "cache"))
    chosen = EvaluationSettings(samples=0)
    found = evaluate(open_exam(exam), [small], chosen)
    (folder,) = (tmp_path / "cache" / "evaluations").iterdir()
    assert folder.name == f"exam-all-{found.systems[0].origin.benchmark_digest}"
    assert load_evaluation(folder) == found
    with nothing_may_run():
        evaluate(open_exam(exam), [small], chosen)
    fewer = open_exam(exam)
    fewer = replace(fewer, truth=fewer.truth[1:])
    assert Run.prepare(fewer, chosen, progress=silent).folder != folder


def test_an_exam_that_was_moved_is_the_same_exam(tmp_path: Path, exam: Path, small: ModelSystem) -> None:
    chosen = EvaluationSettings(samples=0, folder=str(tmp_path / "run"))
    before = evaluate(open_exam(exam), [small], chosen).systems[0]
    moved = shutil.copytree(exam, tmp_path / "elsewhere" / exam.name)
    after = evaluate(open_exam(moved), [small], replace(chosen, folder=str(tmp_path / "other"))).systems[0]
    assert after.origin.benchmark_digest == before.origin.benchmark_digest
    assert after.plain.figures == before.plain.figures


def test_a_result_is_read_back_as_it_was(tmp_path: Path, exam: Path, thumbnail: ModelSystem) -> None:
    found = evaluate(open_exam(exam), [thumbnail], settings(tmp_path / "run"))
    shutil.copytree(tmp_path / "run", tmp_path / "elsewhere")
    assert load_evaluation(tmp_path / "elsewhere") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged; evaluate again"),
        ("[]", "holds no result of an evaluation"),
        ('{"version": 99}', "is of version 99, and this CopyLens reads 1"),
        ('{"version": 1, "systems": []}', "the key 'comparisons' is missing. The result cannot be read"),
    ],
)
def test_a_result_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / RESULT).write_text(text)
    with pytest.raises(EvaluationError, match=said):
        load_evaluation(tmp_path)


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no run folder of an evaluation: it has no result\.json"):
        load_evaluation(tmp_path)


def test_a_run_folder_that_cannot_be_made_is_named(tmp_path: Path, exam: Path, small: ModelSystem) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match=r"The run folder .*file cannot be made"):
        evaluate(open_exam(exam), [small], settings(tmp_path / "file"))


def test_a_picture_that_went_is_named(tmp_path: Path, small: ModelSystem) -> None:
    build_exam(tmp_path / "exam")
    benchmark = open_exam(tmp_path / "exam")
    Path(benchmark.queries[2].path).unlink()
    with pytest.raises(EvaluationError, match=r"Q00002\.jpg: a picture of the benchmark cannot be read"):
        evaluate(benchmark, [small], settings(tmp_path / "run"))


@pytest.mark.parametrize(
    ("option", "value"), [("chains", ()), ("samples", -1), ("level", 1.0), ("level", 0.0)]
)
def test_settings_that_cannot_be_meant(tmp_path: Path, option: str, value: object) -> None:
    with pytest.raises(UsageError):
        settings(tmp_path, **{option: value})


def opened(name: str, root: Path) -> Benchmark:
    if name == "disc21":
        build_disc21(root)
        return open_disc21(root, "dev-I", partial=True)
    if name == "copydays":
        build_copydays(root, originals=8, strong=10, blocks=False)
        return open_copydays(root, "strong", partial=True)
    if name == "ndec":
        build_ndec(root)
        return open_ndec(root, partial=True)
    build_pairs(root)
    return open_pairs(root / "queries", root / "references", root / "truth.csv")


@pytest.mark.parametrize("name", ["disc21", "copydays", "ndec", "pairs"])
def test_every_benchmark_can_be_evaluated(tmp_path: Path, name: str, thumbnail: ModelSystem) -> None:
    benchmark = opened(name, tmp_path / "benchmark")
    (result,) = evaluate(benchmark, [thumbnail], settings(tmp_path / "run")).systems
    assert result.origin.benchmark == name
    assert result.plain.figures["accuracy_at_1"].value > 0
    trapezoid = "mean_average_precision_trapezoid" in result.plain.figures
    assert trapezoid == (name == "copydays")
    assert (result.normalised is not None) == (name == "disc21")


def test_every_stage_is_announced_by_a_known_name(
    tmp_path: Path, exam: Path, thumbnail: ModelSystem, small: ModelSystem
) -> None:
    seen: dict[str, list[tuple[int, int | None]]] = {}
    evaluate(
        open_exam(exam),
        [thumbnail, small],
        settings(tmp_path),
        progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)),
    )
    assert set(seen) == {"describe", "match", "score"} <= set(STAGES)
    assert seen["describe"][-1] == (38, 38)
    assert seen["score"] == [(0, 3), (1, 3), (2, 3)]
