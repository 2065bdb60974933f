"""A chain from pictures to candidates: the demo photographs, the bundled model, whitening, score normalisation."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import copylens
from copylens.evaluation.candidates import find_candidates
from copylens.evaluation.nouns import CandidateRule
from copylens.postprocess import Chain
from copylens.records import Descriptors

PHOTOS = Path(__file__).parents[3] / "examples" / "photos"


@pytest.fixture(scope="module")
def described() -> dict[str, Descriptors]:
    """Descriptors of the originals, by name; of the copies, in the order of the table; and who copies whom."""
    originals = sorted((PHOTOS / "originals").iterdir())
    with (PHOTOS / "truth.csv").open(encoding="utf-8") as file:
        table = [(row["copy"], row["original"]) for row in csv.DictReader(file)]
    model = copylens.load_model()
    return {
        "originals": model.describe(originals),
        "copies": model.describe([PHOTOS / copy for copy, _ in table]),
        "truth": np.array([originals.index(PHOTOS / original) for _, original in table]),
    }


def test_the_copies_lead_to_their_originals_after_every_chain(
    described: dict[str, Descriptors], tmp_path: Path
) -> None:
    # The last originals stand for unrelated pictures: none of them is asked about below.
    related = described["truth"] < 24
    copies, truth = described["copies"][related], described["truth"][related]
    originals, unrelated = described["originals"][:24], described["originals"][24:]
    assert len(unrelated) >= 12
    for text in ("none", "centre", "pcaw8", "centre,pca8,sn", "l2,sn:beta=0.5:last=4"):
        chain = Chain.parse(text).fit(training=unrelated, background=unrelated)
        chain.save(tmp_path / "chain.npz")
        queries, references = Chain.load(tmp_path / "chain.npz").transform(copies, originals)
        best = find_candidates(queries, references, CandidateRule(per_query=1))
        assert best.queries.tolist() == list(range(len(copies)))
        assert (best.references == truth).mean() > 0.5
        leading = find_candidates(queries, references, CandidateRule(per_query=None, overall=10))
        assert (leading.references == truth[leading.queries]).mean() > 0.5


def test_score_normalisation_leaves_the_order_of_each_query_alone(described: dict[str, Descriptors]) -> None:
    originals, copies = described["originals"], described["copies"]
    chain = Chain.parse("centre,pca8,sn").fit(training=originals, background=originals[:20])
    rule = CandidateRule(per_query=5)
    normalised = find_candidates(*chain.transform(copies, originals), rule)
    plain = find_candidates(*chain.without_score_normalisation().transform(copies, originals), rule)
    assert np.mean(normalised.references == plain.references) > 0.99
    shifts = (plain.scores - normalised.scores).reshape(-1, 5)
    assert np.ptp(shifts, axis=1).max() < 1e-5
