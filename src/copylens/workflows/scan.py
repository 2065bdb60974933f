"""The main job: folders in, groups of copies out."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.catalog import Catalog, CatalogImage
from copylens.matching import (
    KeepRules,
    Limits,
    Pairs,
    ViewRows,
    cross_join,
    cross_join_views,
    group_against,
    group_images,
    keep_order,
    matches_against,
    matches_within,
    self_join,
    self_join_views,
    with_reasons,
)
from copylens.records import Descriptors, Group, ImageFacts, Match, ScanTiming, View
from copylens.workflows.describer import Describer, load_from_settings
from copylens.workflows.describing import open_catalog
from copylens.workflows.exactness import pixel_equal_pairs
from copylens.workflows.finding import Found, find_sides
from copylens.workflows.ingest import Ingested, ingest_found
from copylens.workflows.insets import place_insets
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
    ViewsName,
    check_threshold,
    path_list,
    silent,
)
from copylens.workflows.viewing import check_views, limits_of, promised_rate, views_of


def scan(
    paths: PathLike | Sequence[PathLike],
    *,
    against: PathLike | Sequence[PathLike] = (),
    model: PathLike | None = None,
    views: ViewsName = "fast",
    threshold: float | None = None,
    keep: str = DEFAULT_KEEP,
    catalog: PathLike | None = None,
    extensions: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] = (),
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
            are not compared with each other; a file under both counts as new, however its path is spelled.
        model: a model name or package directory; None takes the bundled default.
        views: ``"whole"`` describes each image as a whole; ``"fast"`` also the image that a small network finds inside
            it, such as the photograph on a screenshot; ``"balanced"`` and ``"thorough"`` also fixed parts of it. A
            whole is compared with wholes and with views, and the best score counts; a view's score less a penalty,
            which keeps the rate of false matches.
        threshold: score in [-1, 1] from which two images are copies; None takes the model's own.
        keep: ordered rules that choose a group's keeper: resolution, bytes, format, oldest, newest, path:GLOB.
        catalog: the file where descriptors are kept; None takes one in the user's cache folder.
        extensions: suffixes to take, e.g. ``["jpg", "png"]``; None takes every format CopyLens decodes.
        exclude: glob pattern, or several, of names or relative paths to leave out.
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
        views=check_views(views),
        threshold=threshold,
        keep=keep,
        catalog=catalog,
        files=FileSettings.parse(extensions=extensions, exclude=exclude, hidden=hidden, workers=workers),
        progress=progress,
    )


def scan_with(
    paths: Sequence[str],
    *,
    against: Sequence[str],
    model: ModelSettings,
    views: ViewsName = "fast",
    threshold: float | None,
    keep: str,
    catalog: PathLike | None,
    files: FileSettings,
    progress: Progress,
) -> ScanResult:
    """`scan` for settings that travel as values."""
    started = time.perf_counter()
    rules = KeepRules.parse(keep)
    if threshold is not None:
        check_threshold(threshold)
    describer = load_from_settings(model)
    limits = limits_of(describer.package, views, threshold=threshold)
    workers = files.workers or os.cpu_count() or 1
    with open_catalog(catalog, describer) as store:
        sides = find_sides(paths, against, files, progress=progress)
        new, known = _ingest_sides(store, describer, sides, files, views_of(views), progress)
        task = _Task(store, rules, limits, views_of(views), workers, progress)
        found = task.compare(new, known) if against else task.join(new)
    seconds = new.seconds + known.seconds
    described = new.described + known.described
    return ScanResult(
        model=describer.identity,
        threshold=limits.threshold,
        views=views,
        expected_false=_expected_false(describer, views, found.pairs) if threshold is None else None,
        roots=tuple(paths),
        against=tuple(against),
        keep=rules.names,
        groups=tuple(with_reasons(found.groups, found.images, rules, known=bool(against))),
        matches=tuple(found.matches),
        skipped=tuple(sorted([*new.skipped, *known.skipped], key=lambda item: (item.path, item.code))),
        images=found.images,
        timing=ScanTiming(
            seconds=time.perf_counter() - started,
            described=described,
            reused=new.reused + known.reused,
            images_per_second=described / seconds if described else 0.0,
        ),
        known=frozenset(known.paths),
    )


def _ingest_sides(
    catalog: Catalog,
    describer: Describer,
    sides: tuple[Found, Found],
    files: FileSettings,
    views: Sequence[View],
    progress: Progress,
) -> tuple[Ingested, Ingested]:
    """Both sides one after the other, with one progress over both; without known roots the second is empty."""
    before, total = 0, sum(len(side.files) for side in sides)

    def both(stage: str, done: int, _: int | None) -> None:
        progress(stage, before + done, total)

    first = ingest_found(catalog, describer, sides[0], workers=files.workers, views=views, progress=both)
    if not sides[1].roots:
        return first, Ingested()
    before = len(sides[0].files)
    return first, ingest_found(
        catalog, describer, sides[1], workers=files.workers, views=views, progress=both
    )


def _expected_false(describer: Describer, views: ViewsName, pairs: int) -> float | None:
    """By the rate that was measured for the model's own threshold."""
    rate = promised_rate(describer.package, views)
    return None if rate is None else rate * pairs / 1e6


@dataclass
class _Found:
    """What came out of comparing; `pairs` is how many there were to compare, of different contents."""

    groups: list[Group]
    matches: list[Match]
    images: dict[str, ImageFacts]
    pairs: int


@dataclass
class _Side:
    """The images of one side, and their contents numbered from 0 over all that is compared."""

    images: list[ImageFacts]
    contents: npt.NDArray[np.int64]


@dataclass
class _Task:
    """Descriptors from the catalog to groups, for one scan."""

    catalog: Catalog
    rules: KeepRules
    limits: Limits
    views: Sequence[View]
    workers: int
    progress: Progress

    def join(self, seen: Ingested) -> _Found:
        """Copies within one collection."""
        rows = seen.images(self.catalog)
        contents = _distinct(rows)
        side = _side(rows, contents)
        pairs, seen_views = self._placed(self._self(contents), contents)
        equal = self._equal_pixels(contents, pairs)
        order = keep_order(side.images, self.rules)
        return _Found(
            group_images(side.images, side.contents, pairs, order, equal_pixels=equal, views=seen_views),
            matches_within(side.images, side.contents, pairs, order, equal_pixels=equal, views=seen_views),
            {image.path: image for image in side.images},
            len(contents) * (len(contents) - 1) // 2,
        )

    def compare(self, new_seen: Ingested, known_seen: Ingested) -> _Found:
        """Copies of known images among new ones."""
        new_rows, known_rows = new_seen.images(self.catalog), known_seen.images(self.catalog)
        contents = _distinct([*new_rows, *known_rows])
        new, known = _side(new_rows, contents), _side(known_rows, contents)
        pairs, seen_views = self._placed(self._cross(contents, new.contents, known.contents), contents)
        equal = self._equal_pixels(contents, pairs)
        order = keep_order(known.images, self.rules)
        sides = (new.images, new.contents, known.images, known.contents, pairs)
        return _Found(
            group_against(*sides, order, equal_pixels=equal, views=seen_views),
            matches_against(*sides, order, equal_pixels=equal, views=seen_views),
            {image.path: image for image in [*new.images, *known.images]},
            len(np.unique(new.contents)) * len(np.unique(known.contents)),
        )

    def _self(self, contents: Sequence[CatalogImage]) -> Pairs:
        """Pairs of contents, by their numbers in `contents`."""
        descriptors = self.catalog.descriptors([content.content_id for content in contents])
        if not self.views:
            return self_join(descriptors, self.limits.threshold, progress=self._matching)
        rows = self._view_rows(contents)
        return self_join_views(descriptors, rows, len(self.views), self.limits, progress=self._matching)

    def _placed(self, pairs: Pairs, contents: Sequence[CatalogImage]) -> tuple[Pairs, tuple[View, ...]]:
        """Pairs with the box of each inset that made one, and the views that their origins speak of."""
        if pairs.origins is None:
            return pairs, ()
        owners = np.where(pairs.origins > 0, pairs.first, pairs.second)[pairs.origins != 0]
        numbers = {contents[number].content_id: number for number in np.unique(owners).tolist()}
        insets = self.catalog.insets(list(numbers))
        return place_insets(pairs, self.views, {numbers[content]: boxes for content, boxes in insets.items()})

    def _view_rows(self, contents: Sequence[CatalogImage]) -> ViewRows:
        """Views of contents, read block by block: all of them may be larger than memory."""
        numbers = [content.content_id for content in contents]
        return lambda start, stop: self.catalog.view_descriptors(numbers[start:stop])

    def _cross(
        self, contents: Sequence[CatalogImage], new: npt.NDArray[np.int64], known: npt.NDArray[np.int64]
    ) -> Pairs:
        """Pairs of a new content and a known content, by their numbers in `contents`."""
        descriptors = self.catalog.descriptors([content.content_id for content in contents])
        queries, references = np.unique(new), np.unique(known)
        pairs = self._crossed(contents, descriptors, queries, references)
        first, second = queries[pairs.first], references[pairs.second]
        # Equal bytes match whatever the threshold and rounding say.
        shared, other = np.intersect1d(queries, references), first != second
        return Pairs(
            np.concatenate((first[other], shared)),
            np.concatenate((second[other], shared)),
            np.concatenate((pairs.scores[other], np.ones(len(shared), np.float32))),
            None
            if pairs.origins is None
            else np.concatenate((pairs.origins[other], np.zeros(len(shared), np.int64))),
        )

    def _crossed(
        self,
        contents: Sequence[CatalogImage],
        descriptors: Descriptors,
        queries: npt.NDArray[np.int64],
        references: npt.NDArray[np.int64],
    ) -> Pairs:
        asked, known = descriptors[queries], descriptors[references]
        if not self.views:
            return cross_join(asked, known, self.limits.threshold, progress=self._matching)
        asked_rows = self._view_rows([contents[number] for number in queries.tolist()])
        known_rows = self._view_rows([contents[number] for number in references.tolist()])
        return cross_join_views(
            (asked, asked_rows),
            (known, known_rows),
            len(self.views),
            self.limits,
            progress=self._matching,
        )

    def _equal_pixels(self, contents: Sequence[CatalogImage], pairs: Pairs) -> set[tuple[int, int]]:
        return pixel_equal_pairs(self.catalog, contents, pairs, workers=self.workers, progress=self.progress)

    def _matching(self, done: int, total: int) -> None:
        self.progress("match", done, total)


def _distinct(rows: Sequence[CatalogImage]) -> list[CatalogImage]:
    """One image of each content, by content number, so that reading the descriptors is sequential."""
    return sorted({row.content_id: row for row in rows}.values(), key=lambda row: row.content_id)


def _side(rows: Sequence[CatalogImage], contents: Sequence[CatalogImage]) -> _Side:
    number = {content.content_id: position for position, content in enumerate(contents)}
    return _Side(
        [row.facts for row in rows], np.array([number[row.content_id] for row in rows], dtype=np.int64)
    )
