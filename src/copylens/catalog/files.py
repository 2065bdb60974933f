"""What crosses the catalog's door: records of a batch going in, parts of a walk and images coming out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.records import FoundFile, ImageFacts, PictureFacts, Skipped, View

ViewRows: TypeAlias = Mapping[str, npt.NDArray[np.float32] | None]
"""Descriptors of views, ``(D,) float32`` each, by the view's key; None for an inset that was not found."""


@dataclass(frozen=True, slots=True)
class NewContent:
    """A file whose bytes were described just now.

    Attributes:
        file: path, size and time of what was read.
        content_hash: 32 hex digits.
        facts: of the picture.
        descriptor: ``(D,) float32``.
        views: of the picture.
        insets: where those lie that are among the views, in the order of `INSET_KEYS`.
    """

    file: FoundFile
    content_hash: str
    facts: PictureFacts
    descriptor: npt.NDArray[np.float32]
    views: ViewRows = field(default_factory=dict)
    insets: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class SameContent:
    """A file whose bytes the catalog knows from another path or time.

    Attributes:
        file: path, size and time of what was read.
        content_hash: 32 hex digits.
        views: those that the content lacked.
        insets: as for `NewContent`.
    """

    file: FoundFile
    content_hash: str
    views: ViewRows = field(default_factory=dict)
    insets: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A skipped file with the state in which it was skipped, so that it need not be read again unchanged."""

    skipped: Skipped
    file: FoundFile


@dataclass
class Partition:
    """A chunk of a walk, parted by what the catalog knows.

    Attributes:
        images: unchanged, with a descriptor.
        skipped: unchanged since they were found to be unreadable.
        unread: new or changed, or skipped for a reason that may have passed.
    """

    images: list[FoundFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unread: list[FoundFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CatalogImage:
    """An image file with the number of its content: files of equal bytes share it."""

    facts: ImageFacts
    content_id: int
