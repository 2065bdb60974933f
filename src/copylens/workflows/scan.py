"""The main job: folders in, groups of copies out."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np

from copylens.catalog import Catalog, CatalogImage
from copylens.matching import KeepRules, Pairs, cross_join, group_against, group_images, keep_order, self_join
from copylens.records import Group, ImageFacts, Match, ScanTiming
from copylens.workflows.describer import Describer, load_from_settings
from copylens.workflows.describing import open_catalog
from copylens.workflows.exactness import pixel_equal_pairs
from copylens.workflows.ingest import Ingested, ingest
from copylens.workflows.result import ScanResult
from copylens.workflows.settings import (
    DEFAULT_KEEP,
    DeviceName,
    EngineName,
    FileSettings,
    ModelSettings,
    PathLike,
    Precision,
    Progress,
    path_list,
    silent,
)


def scan(
    paths: PathLike | Sequence[PathLike],
    *,
    against: PathLike | Sequence[PathLike] = (),
    model: PathLike | None = None,
    threshold: float | None = None,
    keep: str = DEFAULT_KEEP,
    catalog: PathLike | None = None,
    extensions: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    hidden: bool = False,
    workers: int | None = None,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "float32",
    progress: Progress = silent,
) -> ScanResult:
    """Find the copies among the images under `paths`, or of known images.

    Args:
        paths: folders or image files.
        against: known images. When given, each image under `paths` is compared with these only, and the known ones
            are not compared with each other; a file under both counts as new.
        model: a model name or package directory; None takes the bundled default.
        threshold: score in [-1, 1] from which two images are copies; None takes the model's own.
        keep: ordered rules that choose a group's keeper: resolution, bytes, format, oldest, newest, path:GLOB.
        catalog: the file where descriptors are kept; None takes one in the user's cache folder.
        extensions: suffixes to take, without a dot; None takes every format CopyLens decodes.
        exclude: glob patterns of names or relative paths to leave out.
        hidden: take files and folders whose name starts with a dot too.
        workers: decoding threads; None takes one per processor.
        device, engine, precision: where and how the model runs; see `load_model`.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: a path that does not exist, or an option that cannot be meant.
        ModelError, CatalogError: the model or the catalog cannot be used.
        TooManyMatchesError: the threshold is so low that the matches would not fit in memory.
    """
    return scan_with(
        path_list(paths),
        against=path_list(against) if against else (),
        model=ModelSettings(
            model=None if model is None else str(model), device=device, engine=engine, precision=precision
        ),
        threshold=threshold,
        keep=keep,
        catalog=catalog,
        files=FileSettings(
            extensions=None if extensions is None else tuple(extensions),
            exclude=tuple(exclude),
            hidden=hidden,
            workers=workers,
        ),
        progress=progress,
    )
