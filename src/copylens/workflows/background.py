"""Unrelated pictures in, a catalog in which all of them are described and the numbers of their contents out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from copylens.catalog import Catalog
from copylens.records import View
from copylens.workflows.describer import Describer
from copylens.workflows.ingest import ingest
from copylens.workflows.settings import FileSettings, PathLike, Progress, path_list


@contextmanager
def described_background(
    describer: Describer,
    paths: PathLike | Sequence[PathLike],
    *,
    catalog: PathLike | None,
    files: FileSettings,
    views: Sequence[View] = (),
    progress: Progress,
) -> Iterator[tuple[Catalog, list[int]]]:
    """Describe pictures that are measured on, and keep their catalog open.

    Args:
        describer: the model.
        paths: folders or image files; unreadable ones are left out.
        catalog: keeps the descriptors, so that an interrupted run goes on; None keeps them in memory.
        files: which files of folders count.
        views: that are described beside the wholes.
        progress: called as ``progress(stage, done, total)``.

    Yields:
        The catalog, and one number for every different picture, ascending.

    Raises:
        UsageError: a path that does not exist.
        CatalogError: the catalog cannot be used.
    """
    identity = describer.identity
    store = Catalog.open(
        ":memory:" if catalog is None else catalog,
        fingerprint=identity.fingerprint,
        model_name=identity.name,
        dims=describer.dims,
    )
    with store:
        seen = ingest(store, describer, path_list(paths), files, views=views, progress=progress)
        yield store, sorted({image.content_id for image in seen.images(store)})
