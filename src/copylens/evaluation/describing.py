"""Pictures and a system in; descriptors on disk, and read back from there, out.

A model describes through the workflows, with a catalog in the run folder: a killed run goes on where it stopped, and
what is complete lies in one .npz for each list of pictures, in the format of ``copylens describe``.

Shapes: N pictures, D dimensions.
"""

# A benchmark may have a million pictures, and a Path for each costs several times as much as its text.
# ruff: noqa: PTH100, PTH116
from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from copylens.catalog import Catalog, CatalogImage
from copylens.errors import EvaluationError
from copylens.evaluation import digests
from copylens.evaluation.archives import plain_arrays
from copylens.evaluation.nouns import Picture, Scores
from copylens.evaluation.saved import MISSING, RowFinder, read_identity, read_saved, require
from copylens.evaluation.systems import ModelSystem, SavedSystem, System
from copylens.images import view_key
from copylens.models import ModelPackage, find_model, load_package
from copylens.records import Descriptors, FoundFile, Skipped
from copylens.reports import write_descriptors
from copylens.reports.atomic import whole_file
from copylens.workflows.describer import Describer, load_from_settings
from copylens.workflows.describing import open_catalog
from copylens.workflows.finding import Found
from copylens.workflows.ingest import ingest_found
from copylens.workflows.settings import Progress
from copylens.workflows.viewing import limits_of, views_of

QUERIES, REFERENCES, TRAINING, BACKGROUND = "queries", "references", "training", "background"
"""Roles that pictures have in an evaluation."""

VIEW_BLOCK = 1024
"""Pictures whose views are read together."""

NAMED = 10
"""Unreadable pictures that a message names."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """The pictures of a role, and their state on the disk.

    Attributes:
        pictures: N of them.
        digest: of them and their files, wherever those lie (`digests.OfPictures`).
        portable_digest: the same for a copy of them in another place.
    """

    pictures: Sequence[Picture]
    digest: str
    portable_digest: str

    @classmethod
    def now(cls, pictures: Sequence[Picture]) -> PictureSet:
        """Look at the files; raises EvaluationError when one is not there."""
        return cls(pictures, *digests.of_pictures(pictures))

    @property
    def paths(self) -> list[str]:
        """Absolute paths."""
        return [os.path.abspath(picture.path) for picture in self.pictures]


Roles = Mapping[str, PictureSet]
"""Pictures by role."""


class Source(ABC):
    """Where a system's descriptors come from.

    Attributes:
        label: the system's name in tables.
        model: the model's name.
        fingerprint: of the model, or of the file of descriptors where that does not say.
        file: the file of saved descriptors; empty when a model runs.
        precision: of the model's arithmetic; empty for saved descriptors.
        views: how many views describe each picture; empty for saved descriptors.
        penalties: taken off the scores of views, ``(V,) float32``; none where pictures are described as wholes alone.
    """

    label: str
    model: str
    fingerprint: str
    file: str = ""
    precision: str = ""
    views: str = ""
    penalties: Scores = np.zeros(0, np.float32)

    @property
    @abstractmethod
    def digest(self) -> str:
        """Equal digests make equal descriptors of equal pictures."""

    @abstractmethod
    def descriptors(
        self, pictures: Roles, *, optional: frozenset[str] = frozenset()
    ) -> dict[str, Descriptors]:
        """Give the descriptors of each role's pictures, ``(N, D) float32``, in their order.

        Args:
            pictures: by role.
            optional: roles that are left out of the answer when the system knows none of their pictures.

        Raises:
            EvaluationError: a picture cannot be read.
            UsageError: saved descriptors lack a picture, or are ambiguous.
        """

    def view_descriptors(self, pictures: Roles) -> dict[str, npt.NDArray[np.float16]]:  # noqa: ARG002
        """Give the descriptors of each role's views, ``(N, V, D) float16``, read from the disk where they are used.

        Empty where pictures are described as wholes alone. `descriptors` has been called before.
        """
        return {}


def open_source(system: System, folder: Path, *, workers: int | None, progress: Progress) -> Source:
    """Make the source of a system; no network is loaded and no picture read before descriptors are asked for.

    Args:
        system: a model or a file of descriptors.
        folder: the run folder.
        workers: decoding threads; None takes one per processor.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        ModelError: no such model, or its package is damaged.
        UsageError: the file of descriptors cannot be read.
    """
    if isinstance(system, SavedSystem):
        return SavedSource(system)
    return ModelSource(system, folder, workers=workers, progress=progress)


class SavedSource(Source):
    """Descriptors from a file."""

    def __init__(self, system: SavedSystem) -> None:
        self.file = system.path
        said = read_identity(system.path)
        self._digest = digests.of_file(system.path)
        self.model = said.name or Path(system.path).stem
        self.fingerprint = said.fingerprint or self._digest
        self.label = system.label or self.model

    @property
    def digest(self) -> str:
        """Of the file's bytes."""
        return self._digest

    def descriptors(
        self, pictures: Roles, *, optional: frozenset[str] = frozenset()
    ) -> dict[str, Descriptors]:
        """See `Source`."""
        saved = read_saved(self.file)
        finder = RowFinder(saved)
        out = {}
        for role, wanted in pictures.items():
            rows = finder.rows_of(wanted.pictures)
            if role in optional and (rows == MISSING).all():
                continue
            require(rows, wanted.pictures, file=self.file, role=_noun(role))
            out[role] = saved.rows[rows]
        return out


class ModelSource(Source):
    """Descriptors that a model package makes."""

    def __init__(self, system: ModelSystem, folder: Path, *, workers: int | None, progress: Progress) -> None:
        self._settings = system.settings
        self._package: ModelPackage = load_package(find_model(system.settings.model))
        self._folder = folder
        self._workers = workers
        self._progress = progress
        self.model, self.fingerprint = self._package.name, self._package.fingerprint
        self.precision = system.settings.precision
        self.views = system.views
        self._views = views_of(system.views)
        self.penalties = limits_of(self._package, system.views).penalties(len(self._views))
        self.label = system.label or (self.model if not self._views else f"{self.model}, {self.views}")

    @property
    def digest(self) -> str:
        """Of weights, preprocessing, arithmetic and views."""
        views = [str(self.penalties.tolist()), self._views_digest] if self._views else []
        return digests.of_texts(self.fingerprint, self.precision, *views)

    @cached_property
    def _describer(self) -> Describer:
        return load_from_settings(self._settings)

    def descriptors(
        self,
        pictures: Roles,
        *,
        optional: frozenset[str] = frozenset(),  # noqa: ARG002 - a model can describe every role
    ) -> dict[str, Descriptors]:
        """See `Source`."""
        files = {role: self._file_of(wanted) for role, wanted in pictures.items()}
        missing = [
            role
            for role, file in files.items()
            if not file.is_file() or (self._views and not self._view_file_of(pictures[role]).is_file())
        ]
        if missing:
            self._describe({role: pictures[role] for role in missing}, files)
        return {role: _read(file, len(pictures[role].pictures)) for role, file in files.items()}

    def view_descriptors(self, pictures: Roles) -> dict[str, npt.NDArray[np.float16]]:
        """See `Source`."""
        if not self._views:
            return {}
        return {
            role: _read_views(self._view_file_of(wanted), len(wanted.pictures), len(self._views))
            for role, wanted in pictures.items()
        }

    @property
    def _views_digest(self) -> str:
        return digests.of_texts(*(view_key(view) for view in self._views))

    def _file_of(self, pictures: PictureSet) -> Path:
        return self._folder / "descriptors" / f"{self.fingerprint}-{self.precision}-{pictures.digest}.npz"

    def _view_file_of(self, pictures: PictureSet) -> Path:
        return self._file_of(pictures).with_suffix(f".{self._views_digest}.npy")

    def _describe(self, pictures: Roles, files: Mapping[str, Path]) -> None:
        paths = dict.fromkeys(path for wanted in pictures.values() for path in wanted.paths)
        found = Found(files=[_found(path) for path in paths])
        catalog = self._folder / "catalogs" / f"{self.fingerprint}-{self.precision}.db"
        with open_catalog(catalog, self._describer) as store:
            seen = ingest_found(
                store,
                self._describer,
                found,
                workers=self._workers,
                views=self._views,
                progress=self._progress,
            )
            if seen.skipped:
                raise _incomplete(seen.skipped)
            (self._folder / "descriptors").mkdir(parents=True, exist_ok=True)
            for role, wanted in pictures.items():
                images = store.images(wanted.paths)
                if len(images) < len(wanted.pictures):
                    raise EvaluationError(
                        f"Another process changed the catalog {catalog} meanwhile; run the same command again."
                    )
                write_descriptors(
                    files[role],
                    paths=wanted.paths,
                    descriptors=store.descriptors([image.content_id for image in images]),
                    model=self._describer.identity,
                )
                if self._views:
                    self._save_views(store, images, self._view_file_of(wanted))

    def _save_views(self, store: Catalog, images: Sequence[CatalogImage], path: Path) -> None:
        """Write the views of pictures, block by block: all of them may be larger than memory."""
        shape = (len(images), len(self._views), self._describer.dims)
        with whole_file(path) as partial:
            out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=shape)
            for start in range(0, len(images), VIEW_BLOCK):
                ids = [image.content_id for image in images[start : start + VIEW_BLOCK]]
                distinct = list(dict.fromkeys(ids))
                place = {content: row for row, content in enumerate(distinct)}
                rows = store.view_descriptors(distinct)
                out[start : start + len(ids)] = rows[[place[content] for content in ids]]
            out.flush()


def _noun(role: str) -> str:
    return role if role in (QUERIES, REFERENCES) else f"{role} pictures"


def _read(file: Path, count: int) -> Descriptors:
    """Read a file that this module wrote."""
    try:
        with plain_arrays(file) as arrays:
            rows: Descriptors = arrays["descriptors"]
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{file} is damaged; delete it and run the same command again.") from error
    if rows.ndim != 2 or len(rows) != count or rows.dtype != np.float32:
        raise EvaluationError(f"{file} is damaged; delete it and run the same command again.")
    return rows


def _read_views(file: Path, count: int, views: int) -> npt.NDArray[np.float16]:
    """Open a file that this module wrote; its rows are read where they are used."""
    try:
        rows: npt.NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{file} is damaged; delete it and run the same command again.") from error
    if rows.ndim != 3 or rows.shape[:2] != (count, views) or rows.dtype != np.float16:
        raise EvaluationError(f"{file} is damaged; delete it and run the same command again.")
    return rows


def _found(path: str) -> FoundFile:
    try:
        info = os.stat(path)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}.") from error
    return FoundFile(path, info.st_size, info.st_mtime_ns)


def _incomplete(skipped: Sequence[Skipped]) -> EvaluationError:
    names = ", ".join(f"{item.path} ({item.reason})" for item in skipped[:NAMED])
    more = f" and {len(skipped) - NAMED:,} more" if len(skipped) > NAMED else ""
    many = len(skipped) > 1
    return EvaluationError(
        f"{len(skipped):,} {'pictures' if many else 'picture'} of the benchmark cannot be read, and figures without "
        f"{'them' if many else 'it'} would mean something else: {names}{more}. Get {'them' if many else 'it'} again."
    )
