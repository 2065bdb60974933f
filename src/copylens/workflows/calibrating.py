"""A model package and unrelated pictures in; the package with thresholds for each set of views out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from copylens.catalog import Catalog
from copylens.errors import UsageError
from copylens.models import Calibration, ModelPackage, ViewCalibration, update_card
from copylens.postprocess import false_match_threshold, view_thresholds
from copylens.records import Descriptors
from copylens.workflows.background import described_background
from copylens.workflows.describer import load_from_settings
from copylens.workflows.settings import (
    EngineName,
    FileSettings,
    ModelSettings,
    PathLike,
    Progress,
    ViewsName,
    silent,
)
from copylens.workflows.viewing import free_views, keys_of, views_of

FALSE_MATCHES = 3.0
"""Per million pairs of unrelated pictures."""

MOST = 5000
"""Pictures that are compared with each other at most: their scores take 300 MB."""

_SETS: tuple[ViewsName, ...] = tuple(name for name in get_args(ViewsName) if views_of(name))

DIGITS = 4
"""Decimals of thresholds in a card; they are rounded upwards, so that no further pair gets in."""


def calibrate_model(
    model: PathLike,
    paths: PathLike | Sequence[PathLike],
    *,
    false_matches: float = FALSE_MATCHES,
    catalog: PathLike | None = None,
    engine: EngineName = "auto",
    progress: Progress = silent,
) -> ModelPackage:
    """Measure on unrelated pictures from which score on two are copies, with each set of views, and write the card.

    Every picture is described with all views; every pair is scored. Copies among the pictures raise the thresholds.

    Args:
        model: a model name or package directory; its `model.json` is written again.
        paths: folders or image files, at most `MOST` pictures, no two of them copies.
        false_matches: per million pairs of unrelated pictures.
        catalog: keeps the descriptors, so that an interrupted run goes on; None keeps them in memory.
        engine: that describes them; engines differ where a model computes in int8.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: a path that does not exist, or too few or too many pictures for this rate.
        EngineError: the engine is not to be had here.
        ModelError, CatalogError, OutputError: the model, the catalog or the card cannot be used or written.
    """
    _check_rate(false_matches)
    describer = load_from_settings(ModelSettings(model=str(model), engine=engine))
    largest = views_of(max(_SETS, key=lambda name: len(views_of(name))))
    background = described_background(
        describer, paths, catalog=catalog, files=FileSettings(), views=largest, progress=progress
    )
    with background as (store, contents):
        _check_count(len(contents), false_matches)
        wholes = store.descriptors(contents)
        measured = _measure(store, contents, wholes, false_matches, progress)
    calibration = Calibration(
        threshold=_rounded(false_match_threshold(wholes, per_million=false_matches)),
        false_matches_per_million_pairs=false_matches,
        background=f"all pairs of {len(contents)} unrelated pictures",
        views=measured,
    )
    return update_card(describer.package, calibration=calibration)


def _measure(
    store: Catalog, contents: Sequence[int], wholes: Descriptors, false_matches: float, progress: Progress
) -> dict[str, ViewCalibration]:
    """Threshold and penalty of each set of views."""
    measured: dict[str, ViewCalibration] = {}
    for done, name in enumerate(_SETS, start=1):
        store.want_views(keys_of(name))
        threshold, penalty = view_thresholds(
            wholes,
            lambda start, stop: store.view_descriptors(contents[start:stop]),
            per_million=false_matches,
            free=free_views(name),
        )
        measured[name] = ViewCalibration(
            threshold=_rounded(threshold), penalty=_rounded(penalty), keys=keys_of(name)
        )
        progress("match", done, len(_SETS))
    return measured


def _check_rate(false_matches: float) -> None:
    if not 0 < false_matches < 1e6:
        raise UsageError(
            f"--false-matches must lie between 0 and 1,000,000 per million pairs, not {false_matches:g}."
        )


def _check_count(count: int, false_matches: float) -> None:
    fewest = math.ceil((1 + math.sqrt(1 + 8e6 / false_matches)) / 2)
    if count < fewest:
        raise UsageError(
            f"{count:,} pictures have too few pairs to show {false_matches:g} false matches per million; give "
            f"at least {fewest:,}, or allow more with --false-matches."
        )
    if count > MOST:
        raise UsageError(
            f"{count:,} pictures are more than the {MOST:,} that are compared; give a part of them."
        )


def _rounded(value: float) -> float:
    digits: float = 10.0**DIGITS
    return min(math.ceil(value * digits) / digits, 1.0)
