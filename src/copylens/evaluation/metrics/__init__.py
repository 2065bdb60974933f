"""Judged candidate pairs in, the figures of the field out: pure functions on arrays, no files and no networks.

`judge` joins predictions with the truth; every metric looks at its result only. Among equal scores the misses come
before the hits, everywhere (see `ranking`). `bootstrap` and `paired_bootstrap` put intervals around any `Statistic`.
"""

from copylens.evaluation.metrics.average_precision import AveragePrecisionRule
from copylens.evaluation.metrics.judging import judge
from copylens.evaluation.metrics.micro import (
    OperatingPoint,
    PrecisionRecall,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from copylens.evaluation.metrics.per_query import accuracy_at_1, mean_average_precision, recall_at_k
from copylens.evaluation.metrics.resampling import Difference, Interval, bootstrap, paired_bootstrap
from copylens.evaluation.metrics.statistics import (
    AccuracyAt1,
    MeanAveragePrecision,
    MicroAveragePrecision,
    RecallAtK,
    RecallAtPrecision,
    Statistic,
)

__all__ = [
    "AccuracyAt1",
    "AveragePrecisionRule",
    "Difference",
    "Interval",
    "MeanAveragePrecision",
    "MicroAveragePrecision",
    "OperatingPoint",
    "PrecisionRecall",
    "RecallAtK",
    "RecallAtPrecision",
    "Statistic",
    "accuracy_at_1",
    "bootstrap",
    "judge",
    "mean_average_precision",
    "micro_average_precision",
    "paired_bootstrap",
    "precision_recall_curve",
    "recall_at_k",
    "recall_at_precision",
]
