"""Passes over folders with the small model, and what must lie in the catalog after them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from copylens.catalog import Catalog
from copylens.workflows.finding import Found, find
from copylens.workflows.ingest import Ingested, ingest, ingest_found
from copylens.workflows.settings import FileSettings, Progress, silent
from workflow_samples import SmallModel

FILES = FileSettings(workers=3)
BROKEN = b"no picture at all"


def run_pass(catalog: Catalog, model: SmallModel, *roots: Path, steps: Progress = silent) -> Ingested:
    return ingest(catalog, model.describer, [str(root) for root in roots], FILES, progress=steps)


def run_found(catalog: Catalog, model: SmallModel, found: Found) -> Ingested:
    return ingest_found(catalog, model.describer, found, workers=3, progress=silent)


def find_in(folder: Path) -> Found:
    return find([str(folder)], FILES, progress=silent)


def check_descriptors(catalog: Catalog, model: SmallModel, seen: Ingested) -> None:
    """Every image has the descriptor of its own picture, described alone."""
    images = catalog.images(seen.paths)
    assert [image.facts.path for image in images] == seen.paths
    stored = catalog.descriptors([image.content_id for image in images])
    alone = [model.describer.describe([path]) for path in seen.paths]
    np.testing.assert_allclose(stored, np.concatenate(alone), atol=1e-5)
