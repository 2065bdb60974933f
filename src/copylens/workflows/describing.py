"""Folders in, paths and descriptors out, for whoever wants the vectors themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from copylens.catalog import Catalog
from copylens.records import Descriptors, ModelIdentity, Skipped
from copylens.reports import write_descriptors
from copylens.workflows.describer import Describer, load_from_settings
from copylens.workflows.ingest import ingest
from copylens.workflows.settings import (
    FileSettings,
    ModelSettings,
    PathLike,
    Progress,
    default_catalog,
    path_list,
    silent,
)


@dataclass(frozen=True)
class Described:
    """The descriptors of a folder.

    Attributes:
        paths: N paths, sorted.
        descriptors: ``(N, D) float32``, one row per path, L2-normalised.
        skipped: the files without a descriptor, with their reasons.
        model: which model made them.
    """

    paths: tuple[str, ...]
    descriptors: Descriptors = field(repr=False)
    skipped: tuple[Skipped, ...]
    model: ModelIdentity

    def save(self, path: PathLike) -> None:
        """Write ``paths`` and ``descriptors`` as .npz or .parquet; see docs/formats.md.

        Raises:
            UsageError: an unknown suffix, or no such folder.
            OutputError: the file cannot be written; nothing half-written stays.
            MissingExtraError: .parquet needs the ``parquet`` extra.
        """
        write_descriptors(path, paths=self.paths, descriptors=self.descriptors, model=self.model)


def describe(
    paths: PathLike | Sequence[PathLike],
    *,
    model: PathLike | None = None,
    catalog: PathLike | None = None,
    progress: Progress = silent,
) -> Described:
    """Describe every image under `paths`.

    Args:
        paths: folders or image files.
        model: what `load_model` takes.
        catalog: the file where descriptors are kept, so that a second run is quick; None: in the user's cache folder.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: a path does not exist.
        ModelError, CatalogError: the model or the catalog cannot be used.
    """
    settings = ModelSettings(model=None if model is None else str(model))
    return describe_with(
        path_list(paths), model=settings, catalog=catalog, files=FileSettings(), progress=progress
    )


def describe_with(
    paths: Sequence[str],
    *,
    model: ModelSettings,
    catalog: PathLike | None,
    files: FileSettings,
    progress: Progress,
) -> Described:
    """`describe` for settings that travel as values."""
    describer = load_from_settings(model)
    with open_catalog(catalog, describer) as store:
        seen = ingest(store, describer, paths, files, progress=progress)
        images = seen.images(store)
        rows = store.descriptors([image.content_id for image in images])
    return Described(
        paths=tuple(image.facts.path for image in images),
        descriptors=rows,
        skipped=tuple(seen.skipped),
        model=describer.identity,
    )


@contextmanager
def open_catalog(path: PathLike | None, describer: Describer) -> Iterator[Catalog]:
    """The catalog at `path`, or the user's default one for this model."""
    identity = describer.identity
    where = default_catalog(identity.fingerprint) if path is None else path
    with Catalog.open(
        os.fspath(where), fingerprint=identity.fingerprint, model_name=identity.name, dims=describer.dims
    ) as store:
        yield store
