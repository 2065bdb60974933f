"""Predictions: what the chain makes of descriptors, what is on disk, and when it is used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copylens.errors import EvaluationError, UsageError
from copylens.evaluation.candidates import find_candidates
from copylens.evaluation.describing import (
    BACKGROUND,
    QUERIES,
    REFERENCES,
    TRAINING,
    PictureSet,
    Roles,
    Source,
)
from copylens.evaluation.nouns import CandidateRule, Picture, Predictions
from copylens.evaluation.predicting import Predicted, Task, pair_scores
from copylens.postprocess import Chain
from copylens.records import Descriptors
from copylens.workflows.settings import silent
from descriptor_samples import correlated, unit_rows
from evaluation_cases import nothing_may_run

SIZES = {QUERIES: 14, REFERENCES: 30, TRAINING: 60, BACKGROUND: 20}
DIMS = 8


@dataclass
class ArraySource(Source):
    """Descriptors from memory, and how often each role was asked for."""

    rows: Mapping[str, Descriptors]
    name: str = "arrays"
    asked: list[set[str]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return self.name

    def descriptors(
        self, pictures: Roles, *, optional: frozenset[str] = frozenset()
    ) -> dict[str, Descriptors]:
        self.asked.append(set(pictures))
        return {role: self.rows[role] for role in pictures if role in self.rows}


def roles_of(names: Sequence[str]) -> Roles:
    return {
        role: PictureSet(
            [Picture(f"{n}", f"{role}/{n}") for n in range(SIZES[role])], f"state of {role}", "any"
        )
        for role in names
    }


def arrays() -> dict[str, Descriptors]:
    rows = {role: unit_rows(count, DIMS, seed=number) for number, (role, count) in enumerate(SIZES.items())}
    # Pairs that are alike, so that not every candidate is wrong.
    rows[QUERIES][:5] = rows[REFERENCES][:5] + 0.3 * rows[QUERIES][:5]
    rows[QUERIES] /= np.linalg.norm(rows[QUERIES], axis=1, keepdims=True)
    return rows


TRUTH = np.array([[0, 0], [1, 1], [2, 2], [3, 29], [4, 4], [4, 5]], np.int64)


def task_in(folder: Path, *, background: bool = True, rule: CandidateRule | None = None) -> Task:
    names = [QUERIES, REFERENCES, TRAINING, *([BACKGROUND] if background else [])]
    return Task(
        folder=folder,
        roles=roles_of(names),
        truth=TRUTH,
        rule=rule or CandidateRule(per_query=4),
        background_is_optional=True,
        progress=silent,
    )


def pairs_of(predicted: Predicted) -> dict[tuple[int, int], float]:
    p = predicted.predictions
    return {(int(q), int(r)): float(s) for q, r, s in zip(p.queries, p.references, p.scores, strict=True)}


def test_plain_predictions_are_the_best_references_of_each_query(tmp_path: Path) -> None:
    rows = arrays()
    plain, normalised = task_in(tmp_path, background=False).predict(ArraySource(rows), Chain.parse("none"))
    assert normalised is None
    scores = rows[QUERIES] @ rows[REFERENCES].T
    expected = {
        (query, int(reference)): float(scores[query, reference])
        for query in range(SIZES[QUERIES])
        for reference in np.argsort(-scores[query])[:4]
    }
    assert pairs_of(plain) == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(plain.truth_scores, scores[TRUTH[:, 0], TRUTH[:, 1]], atol=1e-6)
    assert (plain.post_processing, plain.source_dims, plain.dims) == ("none", DIMS, DIMS)


def test_a_true_pair_has_one_score_candidate_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rounding_otherwise(*arguments: Any, **options: Any) -> Predictions:
        found = find_candidates(*arguments, **options)
        return replace(found, scores=found.scores + np.float32(1e-3))

    monkeypatch.setattr("copylens.evaluation.predicting.find_candidates", rounding_otherwise)
    rows = arrays()
    plain, _ = task_in(tmp_path).predict(ArraySource(rows), Chain.parse("none"))
    listed = pairs_of(plain)
    exact = pair_scores(rows[QUERIES], rows[REFERENCES], *TRUTH.T)
    candidates = 0
    for query, reference, score, bare in zip(*TRUTH.T.tolist(), plain.truth_scores, exact, strict=True):
        if (query, reference) in listed:
            assert listed[query, reference] == float(score)
            candidates += 1
        else:
            assert score == bare
    assert 0 < candidates < len(TRUTH)


@pytest.mark.parametrize("rule", [CandidateRule(per_query=4), CandidateRule(per_query=None, overall=25)])
@pytest.mark.parametrize("text", ["none", "centre,pcaw4"])
def test_normalised_predictions_are_those_of_a_direct_search(
    tmp_path: Path, text: str, rule: CandidateRule
) -> None:
    rows = arrays()
    source = ArraySource(rows)
    plain, normalised = task_in(tmp_path, rule=rule).predict(source, Chain.parse(text))
    assert normalised is not None
    chain = Chain.parse("sn" if text == "none" else f"{text},sn")
    chain.fit(training=rows[TRAINING], background=rows[BACKGROUND])
    sides = chain.transform(rows[QUERIES], rows[REFERENCES])
    expected = replace(plain, predictions=find_candidates(*sides, rule))
    assert pairs_of(normalised) == pytest.approx(pairs_of(expected), abs=1e-5)
    np.testing.assert_allclose(normalised.truth_scores, pair_scores(*sides, *TRUTH.T), atol=1e-5)
    assert normalised.post_processing == chain.text
    assert normalised.dims == plain.dims == (DIMS if text == "none" else 4)


def test_a_chain_that_asks_for_score_normalisation_gives_both(tmp_path: Path) -> None:
    source = ArraySource(arrays())
    plain, normalised = task_in(tmp_path).predict(source, Chain.parse("sn:beta=0.5"))
    assert normalised is not None
    assert (plain.post_processing, normalised.post_processing) == ("none", "sn:beta=0.5")
    bare, usual = task_in(tmp_path).predict(source, Chain.parse("none"))
    assert usual is not None
    assert pairs_of(bare) == pairs_of(plain)
    half = {pair: (pairs_of(plain)[pair] + score) / 2 for pair, score in pairs_of(usual).items()}
    assert pairs_of(normalised) == pytest.approx(half, abs=1e-5)


def test_only_what_a_chain_needs_is_described(tmp_path: Path) -> None:
    source = ArraySource(arrays())
    task_in(tmp_path / "a", background=False).predict(source, Chain.parse("none"))
    task_in(tmp_path / "b", background=False).predict(source, Chain.parse("centre"))
    task_in(tmp_path / "c").predict(source, Chain.parse("none"))
    both = {QUERIES, REFERENCES}
    assert source.asked == [both, both | {TRAINING}, both | {BACKGROUND}]


def test_a_source_without_background_goes_without_normalisation(tmp_path: Path) -> None:
    rows = arrays()
    del rows[BACKGROUND]
    plain, normalised = task_in(tmp_path).predict(ArraySource(rows), Chain.parse("none"))
    assert normalised is None
    assert len(plain.predictions.scores) == 4 * SIZES[QUERIES]


def test_what_is_on_disk_is_used_again(tmp_path: Path) -> None:
    source = ArraySource(arrays())
    first = task_in(tmp_path).predict(source, Chain.parse("centre"))
    with nothing_may_run():
        second = task_in(tmp_path).predict(source, Chain.parse("centre"))
    assert len(source.asked) == 1
    for one, other in zip(first, second, strict=True):
        assert one is not None
        assert other is not None
        assert pairs_of(one) == pairs_of(other)
        np.testing.assert_array_equal(one.truth_scores, other.truth_scores)
        assert (one.post_processing, one.dims, one.source_dims) == (
            other.post_processing,
            other.dims,
            other.source_dims,
        )


CHANGES: dict[str, Callable[[Task], tuple[Task, str, str]]] = {
    "the source": lambda task: (task, "other", "none"),
    "the chain": lambda task: (task, "arrays", "l2"),
    "the rule": lambda task: (replace(task, rule=CandidateRule(per_query=3)), "arrays", "none"),
    "the truth": lambda task: (replace(task, truth=TRUTH[:-1]), "arrays", "none"),
    "the queries": lambda task: (replace(task, roles=other_state(task.roles, QUERIES)), "arrays", "none"),
    "the references": lambda task: (
        replace(task, roles=other_state(task.roles, REFERENCES)),
        "arrays",
        "none",
    ),
    "the background": lambda task: (
        replace(task, roles=other_state(task.roles, BACKGROUND)),
        "arrays",
        "none",
    ),
}


def other_state(roles: Roles, role: str) -> Roles:
    return {**roles, role: PictureSet(roles[role].pictures, "another state", "any")}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_made_anew(tmp_path: Path, change: str) -> None:
    source = ArraySource(arrays())
    task = task_in(tmp_path)
    task.predict(source, Chain.parse("none"))
    changed, name, text = CHANGES[change](task)
    other = ArraySource(arrays(), name)
    changed.predict(other, Chain.parse(text))
    assert len(other.asked) == 1


def test_training_counts_only_where_something_learns(tmp_path: Path) -> None:
    source = ArraySource(arrays())
    task = task_in(tmp_path)
    newer = replace(task, roles=other_state(task.roles, TRAINING))
    task.predict(source, Chain.parse("none"))
    newer.predict(source, Chain.parse("none"))
    assert len(source.asked) == 1
    task.predict(source, Chain.parse("pcaw4"))
    newer.predict(source, Chain.parse("pcaw4"))
    assert len(source.asked) == 3


def test_another_rule_uses_the_fitted_chain_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ArraySource(arrays())
    task_in(tmp_path).predict(source, Chain.parse("pcaw4"))
    monkeypatch.setattr(Chain, "fit", None)
    task_in(tmp_path, rule=CandidateRule(per_query=7)).predict(source, Chain.parse("pcaw4"))
    assert len(list((tmp_path / "chains").iterdir())) == 1


def test_the_digest_of_saved_rows_changes_the_chain(tmp_path: Path) -> None:
    task_in(tmp_path).predict(ArraySource(arrays()), Chain.parse("pcaw4"))
    task_in(tmp_path).predict(ArraySource(arrays(), "other"), Chain.parse("pcaw4"))
    assert len(list((tmp_path / "chains").iterdir())) == 2


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    source = ArraySource(arrays())
    task_in(tmp_path, background=False).predict(source, Chain.parse("none"))
    (path,) = (tmp_path / "predictions").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EvaluationError, match=rf"{path.name} is damaged; delete it"):
        task_in(tmp_path, background=False).predict(source, Chain.parse("none"))


def test_a_chain_that_cannot_be_learned_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="100 dimensions cannot be learned"):
        task_in(tmp_path).predict(ArraySource(arrays()), Chain.parse("pcaw100"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_scores_of_given_pairs_are_inner_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copylens.evaluation.predicting.BLOCK", 7)
    queries, references = correlated(9, 5, seed=1), correlated(11, 5, seed=2)
    first, second = (values.ravel() for values in np.mgrid[0:9, 0:11])
    np.testing.assert_allclose(
        pair_scores(queries, references, first, second), (queries @ references.T).ravel(), rtol=1e-5
    )
    assert pair_scores(queries, references, first[:0], second[:0]).shape == (0,)
