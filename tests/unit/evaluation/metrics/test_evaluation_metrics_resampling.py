"""The bootstrap: counting a query w times equals asking it w times; intervals; pairs of systems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.evaluation.metrics import (
    AccuracyAt1,
    Difference,
    Interval,
    MicroAveragePrecision,
    RecallAtPrecision,
    Statistic,
    bootstrap,
    paired_bootstrap,
)
from copylens.evaluation.metrics.ranking import Rankings
from copylens.evaluation.metrics.resampling import draw_weights
from copylens.evaluation.nouns import Ints, Judged
from unit.evaluation.metrics.naive_metrics import (
    STATISTICS,
    judged_lists,
    make_judged,
    materialise,
    naive_value,
    shuffled,
)

each_statistic = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())


def noisy(queries: int, *, seed: int, gap: float = 1.0, rounded: int = 2) -> Judged:
    """Five candidates each; the first is a hit for three queries of four, better by about `gap`; many equal scores."""
    generator = np.random.default_rng(seed)
    hits = np.zeros((queries, 5), np.bool_)
    hits[: queries * 3 // 4, 0] = True
    scores = np.round(generator.normal(size=hits.shape) + gap * hits, rounded).astype(np.float32)
    return Judged(np.repeat(np.arange(queries), 5), scores.ravel(), hits.ravel(), hits.sum(axis=1))


class TestWeights:
    @each_statistic
    @given(st.data())
    def test_counting_equals_asking_again(self, statistic: Statistic, data: st.DataObject) -> None:
        """Also with equal scores, and with queries that count zero times."""
        judged = data.draw(judged_lists())
        count = len(judged.positives)
        weights = np.array(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), np.int64)
        assume(weights @ judged.positives > 0)
        rankings = Rankings(judged)
        counted = statistic.prepare(rankings)(rankings.draw(weights))
        asked_again = materialise(judged, weights)
        assert counted == pytest.approx(naive_value(statistic, asked_again), rel=1e-12)
        assert counted == pytest.approx(statistic.of(asked_again), rel=1e-12)

    @each_statistic
    def test_counting_equals_asking_again_on_many(self, statistic: Statistic) -> None:
        judged = noisy(300, seed=1, rounded=1)
        weights = next(draw_weights(judged.positives, 1, seed=5))
        rankings = Rankings(judged)
        counted = statistic.prepare(rankings)(rankings.draw(weights))
        assert weights.max() >= 4
        assert counted == pytest.approx(statistic.of(materialise(judged, weights)), rel=1e-12)

    def test_draws_are_draws_with_replacement(self) -> None:
        draws = np.array(list(draw_weights(np.ones(50, np.int64), 4000, seed=0)))
        assert draws.shape == (4000, 50)
        assert np.all(draws.sum(axis=1) == 50)
        # A count is binomial (50, 1/50): mean 1, variance 1 - 1/50. Two queries: covariance -1/50.
        assert draws.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
        assert draws.var() == pytest.approx(0.98, rel=0.03)
        assert np.cov(draws.T)[~np.eye(50, dtype=np.bool_)].mean() == pytest.approx(-1 / 50, rel=0.05)

    def test_draws_without_a_true_pair_are_drawn_anew(self) -> None:
        positives = np.array([0, 0, 0, 2])
        draws = np.array(list(draw_weights(positives, 500, seed=0)))
        assert len(draws) == 500
        assert np.all(draws[:, 3] > 0)
        # Unconditioned, (3/4)^4 = 32 % of the draws would lack it; all of (0..1 times) must still occur.
        assert set(draws[:, 3].tolist()) >= {1, 2, 3}


class TestBootstrap:
    def test_agrees_with_the_naive_bootstrap(self) -> None:
        judged = noisy(12, seed=2, rounded=1)
        intervals = bootstrap(judged, STATISTICS, samples=25, seed=9, level=0.8)
        resamples = [materialise(judged, weights) for weights in draw_weights(judged.positives, 25, seed=9)]
        for name, statistic in STATISTICS.items():
            values = sorted(naive_value(statistic, resample) for resample in resamples)
            # 25 values have 24 steps between them; the 10 % quantile lies at step 2.4, the 90 % one at 21.6.
            low, high = (
                values[2] + 0.4 * (values[3] - values[2]),
                values[21] + 0.6 * (values[22] - values[21]),
            )
            expected = Interval(naive_value(statistic, judged), low, high, level=0.8, samples=25)
            assert intervals[name].level == expected.level
            assert intervals[name].samples == expected.samples
            for field in ("value", "low", "high"):
                assert getattr(intervals[name], field) == pytest.approx(getattr(expected, field), rel=1e-12)

    def test_accuracy_has_the_interval_of_a_share(self) -> None:
        """1,500 queries with a true pair among 2,000: the normal interval of a share, within a tenth of its width."""
        judged = noisy(2000, seed=3)
        interval = bootstrap(judged, {"accuracy": AccuracyAt1()}, samples=2000, seed=1)["accuracy"]
        half = 1.96 * np.sqrt(interval.value * (1 - interval.value) / 1500)
        assert interval.low == pytest.approx(interval.value - half, abs=half / 5)
        assert interval.high == pytest.approx(interval.value + half, abs=half / 5)
        assert interval.low < interval.value < interval.high

    def test_queries_without_true_pairs_are_resampled(self) -> None:
        """One hit at the top, one equal false match of a query with nothing to find: drawn or not, it decides."""
        judged = make_judged([(0, 0.5, True), (1, 0.5, False)], [1, 0])
        interval = bootstrap(judged, {"µAP": MicroAveragePrecision()}, samples=200)["µAP"]
        # (1, 1): the hit at rank 2, so 1/2. (2, 0): both copies at the top, so 1. Other draws have no true pair.
        assert (interval.value, interval.low, interval.high) == (0.5, 0.5, 1.0)

    @each_statistic
    def test_certain_when_nothing_varies(self, statistic: Statistic) -> None:
        judged = make_judged([(query, 0.5, True) for query in range(8)], [1] * 8)
        expected = Interval(1.0, 1.0, 1.0, level=0.95, samples=50)
        assert bootstrap(judged, {"it": statistic}, samples=50)["it"] == expected

    def test_no_candidates(self) -> None:
        intervals = bootstrap(make_judged([], [1, 0]), STATISTICS, samples=10)
        assert {(interval.value, interval.low, interval.high) for interval in intervals.values()} == {
            (0, 0, 0)
        }

    def test_one_query(self) -> None:
        judged = make_judged([(0, 0.5, False), (0, 0.4, True)], [1])
        interval = bootstrap(judged, {"µAP": MicroAveragePrecision()}, samples=10)["µAP"]
        assert (interval.value, interval.low, interval.high) == (0.5, 0.5, 0.5)

    def test_seeds(self) -> None:
        judged = noisy(40, seed=4)
        first, again, other = (bootstrap(judged, STATISTICS, samples=50, seed=seed) for seed in (1, 1, 2))
        assert first == again
        assert first["µAP"] != other["µAP"]

    def test_resamples_do_not_depend_on_the_other_statistics(self) -> None:
        judged = noisy(40, seed=4)
        alone = bootstrap(judged, {"µAP": MicroAveragePrecision()}, samples=50)
        assert alone["µAP"] == bootstrap(judged, STATISTICS, samples=50)["µAP"]

    def test_order_of_the_candidates_does_not_matter(self) -> None:
        judged = noisy(40, seed=4)
        order = np.random.default_rng(0).permutation(len(judged.hits))
        mixed = bootstrap(shuffled(judged, order), STATISTICS, samples=50)
        assert mixed == bootstrap(judged, STATISTICS, samples=50)

    def test_a_higher_level_is_wider(self) -> None:
        judged = noisy(40, seed=4)
        narrow, wide = (
            bootstrap(judged, STATISTICS, samples=200, level=level)["µAP"] for level in (0.5, 0.95)
        )
        assert wide.low < narrow.low < narrow.high < wide.high

    def test_no_statistics(self) -> None:
        assert bootstrap(noisy(4, seed=0), {}, samples=2) == {}


class TestPairs:
    def test_agrees_with_the_naive_bootstrap(self) -> None:
        first, second = noisy(12, seed=2, rounded=1), noisy(12, seed=6, gap=1.5, rounded=1)
        differences = paired_bootstrap(first, second, STATISTICS, samples=21, seed=9, level=0.9)
        draws: list[Ints] = list(draw_weights(first.positives, 21, seed=9))
        for name, statistic in STATISTICS.items():
            values = sorted(
                naive_value(statistic, materialise(second, weights))
                - naive_value(statistic, materialise(first, weights))
                for weights in draws
            )
            difference = differences[name]
            expected = naive_value(statistic, second) - naive_value(statistic, first)
            assert difference.value == pytest.approx(expected, abs=1e-12)
            # 21 values have 20 steps between them, so the ends are the second and the last but one.
            assert difference.low == pytest.approx(values[1], abs=1e-12)
            assert difference.high == pytest.approx(values[19], abs=1e-12)
            assert difference.better == pytest.approx(sum(value > 1e-12 for value in values) / 21)
            assert (difference.level, difference.samples) == (0.9, 21)

    def test_a_system_equals_itself(self) -> None:
        judged = noisy(40, seed=4)
        order = np.random.default_rng(0).permutation(len(judged.hits))
        differences = paired_bootstrap(judged, shuffled(judged, order), STATISTICS, samples=50)
        assert set(differences.values()) == {Difference(0.0, 0.0, 0.0, 0.0, level=0.95, samples=50)}

    @each_statistic
    def test_better_everywhere(self, statistic: Statistic) -> None:
        """The second finds everything, the first nothing."""
        rows = [(query, 0.5, True) for query in range(6)]
        worse = make_judged([(query, score, False) for query, score, _ in rows], [1] * 6)
        better = make_judged(rows, [1] * 6)
        there = paired_bootstrap(worse, better, {"it": statistic}, samples=20)["it"]
        back = paired_bootstrap(better, worse, {"it": statistic}, samples=20)["it"]
        assert there == Difference(1.0, 1.0, 1.0, 1.0, level=0.95, samples=20)
        assert back == Difference(-1.0, -1.0, -1.0, 0.0, level=0.95, samples=20)

    def test_exchanged_systems(self) -> None:
        first, second = noisy(40, seed=4), noisy(40, seed=5, gap=1.2)
        there = paired_bootstrap(first, second, STATISTICS, samples=101)
        back = paired_bootstrap(second, first, STATISTICS, samples=101)
        for name in STATISTICS:
            assert there[name].value == pytest.approx(-back[name].value, abs=1e-12)
            assert there[name].low == pytest.approx(-back[name].high, abs=1e-12)
            assert there[name].better + back[name].better <= 1

    def test_what_is_hard_for_both_cancels_out(self) -> None:
        """The second system is the first with one more hit in forty: small, and yet never a loss."""
        first = noisy(400, seed=8)
        raised = first.scores.copy()
        chosen = np.flatnonzero(first.hits)[::40]
        raised[chosen] += 4
        second = Judged(first.queries, raised, first.hits, first.positives)
        statistics: dict[str, Statistic] = {"µAP": MicroAveragePrecision()}
        difference = paired_bootstrap(first, second, statistics, samples=200)["µAP"]
        alone, other = (bootstrap(judged, statistics, samples=200)["µAP"] for judged in (first, second))
        assert alone.high > other.low
        assert difference.low > 0
        assert difference.better == 1
        assert difference.high - difference.low < (alone.high - alone.low) / 2


class TestRefused:
    @pytest.mark.parametrize("samples", [0, -1])
    def test_samples(self, samples: int) -> None:
        judged = noisy(4, seed=0)
        with pytest.raises(UsageError, match="number of bootstrap samples is"):
            bootstrap(judged, STATISTICS, samples=samples)
        with pytest.raises(UsageError, match="number of bootstrap samples is"):
            paired_bootstrap(judged, judged, STATISTICS, samples=samples)

    @pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
    def test_level(self, level: float) -> None:
        judged = noisy(4, seed=0)
        with pytest.raises(UsageError, match="must be between 0 and 1"):
            bootstrap(judged, STATISTICS, level=level)
        with pytest.raises(UsageError, match="must be between 0 and 1"):
            paired_bootstrap(judged, judged, STATISTICS, level=level)

    def test_no_true_pair(self) -> None:
        nothing = make_judged([(0, 0.5, False)], [0])
        with pytest.raises(UsageError, match="None of the 1 queries has a true pair"):
            bootstrap(nothing, {"it": RecallAtPrecision(0.9)})
        with pytest.raises(UsageError, match="None of the 1 queries has a true pair"):
            paired_bootstrap(nothing, nothing, {"it": RecallAtPrecision(0.9)})

    def test_other_queries(self) -> None:
        four, five = noisy(4, seed=0), noisy(5, seed=0)
        with pytest.raises(UsageError, match="asked 4 queries and the second 5"):
            paired_bootstrap(four, five, STATISTICS)
        other = Judged(four.queries, four.scores, four.hits, four.positives + np.array([0, 0, 1, 0]))
        with pytest.raises(
            UsageError, match="Query 2 has 1 true pairs for the first system and 2 for the second"
        ):
            paired_bootstrap(four, other, STATISTICS)
