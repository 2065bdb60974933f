"""Training and background descriptors in; queries and references whose inner products are better scores out.

Shapes: N, n rows; C dimensions before the chain; D after it (score normalisation adds one).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.postprocess.chain_files import Arrays, fingerprint_of, read_chain, write_chain
from copylens.postprocess.rows import Rows, checked_rows, mapped
from copylens.postprocess.score_normalisation import ScoreNormalisation
from copylens.postprocess.spelling import EMPTY, parse_parts
from copylens.postprocess.step import Part, Step
from copylens.records import Descriptors


class Chain:
    """Ordered steps that change queries and references alike, then score normalisation, where it is wanted.

    Args:
        steps: applied in order.
        score_normalisation: applied last; None leaves scores as they are.
    """

    def __init__(
        self, steps: Iterable[Step] = (), score_normalisation: ScoreNormalisation | None = None
    ) -> None:
        self.steps = tuple(steps)
        self.score_normalisation = score_normalisation

    @classmethod
    def parse(cls, text: str) -> Chain:
        """Make a chain from its spelling, e.g. ``"centre,pcaw256,sn:beta=1:first=0:last=2"``, not yet fitted.

        The steps are ``centre`` (subtract the mean, L2), ``pcawD`` and ``pcaD`` (principal axes with and without
        whitening, L2), ``l2`` and ``sn`` (once, last). ``""`` and ``"none"`` are the chain that changes nothing.

        Raises:
            UsageError: an unknown step or parameter; the message names the nearest.
        """
        return cls._of(parse_parts(text))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Chain:
        """Read a chain that `save` wrote.

        Raises:
            UsageError: the file is missing, damaged, of a newer format, or something else.
        """
        text, fingerprint, arrays = read_chain(path)
        damaged = UsageError(f"{path} is damaged: its numbers do not belong together; fit and save it again.")
        try:
            chain = cls.parse(text)
            chain._learn(arrays)
        except (UsageError, KeyError) as error:
            raise damaged from error
        if chain.fingerprint != fingerprint or len(arrays) != len(chain._learned()):
            raise damaged
        return chain

    @classmethod
    def _of(cls, parts: Iterable[Part]) -> Chain:
        kept = list(parts)
        last = kept[-1] if kept else None
        return cls(
            [part for part in kept if isinstance(part, Step)],
            last if isinstance(last, ScoreNormalisation) else None,
        )

    def __repr__(self) -> str:
        """The call that makes it."""
        return f"Chain.parse({self.text!r})"

    @property
    def text(self) -> str:
        """The canonical spelling: equal chains, equal text."""
        return ",".join(part.text for part in self._parts) or EMPTY

    @property
    def needs_training(self) -> bool:
        """Whether a step learns from training descriptors."""
        return any(step.learned for step in self.steps)

    @property
    def needs_background(self) -> bool:
        """Whether scores are normalised, which takes background descriptors."""
        return self.score_normalisation is not None

    @property
    def fitted(self) -> bool:
        """Whether every step has learned what it needs; a chain that learns nothing always has."""
        return all(part.fitted for part in self._parts)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with the spelling and with every learned number.

        Raises:
            UsageError: not fitted.
        """
        self._refuse_unfitted()
        return fingerprint_of(self.text, self._learned())

    def without_score_normalisation(self) -> Chain:
        """The same steps, as they are fitted now, with scores left as they come."""
        # A later fit gives this chain new steps and leaves these as they are.
        return Chain(self.steps)

    def fit(
        self, *, training: npt.NDArray[Any] | None = None, background: npt.NDArray[Any] | None = None
    ) -> Chain:
        """Learn every step from rows that went through the steps before it.

        Args:
            training: ``(N, C) float32`` or ``float64``, unrelated to queries and references, for centring and
                PCA; ignored where no step needs it.
            background: ``(B, C)``, likewise unrelated, for score normalisation; ignored without it.

        Returns:
            This chain. When an error is raised, it stays as it was.

        Raises:
            UsageError: data that a step needs is missing, or cannot be learned from.
        """
        self._refuse_missing(
            training=training is None, background=background is None, when="cannot be fitted"
        )
        fresh = Chain.parse(self.text)
        if training is not None and self.needs_training:
            rows: Rows = checked_rows(training, what="Training descriptors")
            for step in fresh.steps:
                step.fit(rows)
                rows = mapped(step.transform, rows) if step is not fresh.steps[-1] else rows
        if background is not None and fresh.score_normalisation is not None:
            unrelated = checked_rows(background, what="Background descriptors", dims=fresh._dims)
            fresh.score_normalisation.fit(mapped(fresh._stepped, unrelated))
        self.steps, self.score_normalisation = fresh.steps, fresh.score_normalisation
        return self

    def transform(
        self, queries: npt.NDArray[Any], references: npt.NDArray[Any]
    ) -> tuple[Descriptors, Descriptors]:
        """Change both sides; the scores are the inner products of what comes back.

        Works block by block: beside the result, the memory of one block is needed.

        Args:
            queries: ``(n, C) float32`` or ``float64``, finite.
            references: ``(N, C)``, likewise.

        Returns:
            ``(n, D) float32`` and ``(N, D) float32``, contiguous. After score normalisation they are not of
            length one, and queries and references are not interchangeable. A chain that changes nothing may
            give the same arrays back.

        Raises:
            UsageError: not fitted; or rows of another shape or type, or that are not finite.
        """
        self._refuse_unfitted()
        asked = checked_rows(queries, what="Queries", dims=self._dims)
        known = checked_rows(references, what="References", dims=self._dims)
        if asked.shape[1] != known.shape[1]:
            raise UsageError(
                f"Queries have {asked.shape[1]} dimensions, references {known.shape[1]}; describe both with one "
                "model."
            )
        if not self._parts:
            return np.ascontiguousarray(asked, np.float32), np.ascontiguousarray(known, np.float32)
        normalisation = self.score_normalisation
        if normalisation is None:
            return mapped(self._stepped, asked), mapped(self._stepped, known)
        return (
            mapped(lambda rows: normalisation.transform_queries(self._stepped(rows)), asked),
            mapped(lambda rows: normalisation.transform_references(self._stepped(rows)), known),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write spelling and learned numbers to one .npz file, whole or not at all; no pickle in it.

        Raises:
            UsageError: not fitted.
            OutputError: the file cannot be written; an older one is untouched.
        """
        write_chain(path, self.text, self.fingerprint, self._learned())

    @property
    def _parts(self) -> tuple[Part, ...]:
        return (*self.steps, *([self.score_normalisation] if self.score_normalisation is not None else []))

    @property
    def _dims(self) -> int | None:
        """C, as the first learned array says; PCA alone changes the dimensions, and it learns a mean."""
        for array in self._learned().values():
            return int(array.shape[-1])
        return None

    def _stepped(self, rows: Rows) -> Descriptors:
        for step in self.steps:
            rows = step.transform(rows)
        return np.ascontiguousarray(rows, np.float32)

    def _learned(self) -> Arrays:
        """Every learned array, named by its part's place."""
        named = {
            f"{place}.{name}": getattr(part, name)
            for place, part in enumerate(self._parts)
            for name in part.learned
        }
        return {name: array for name, array in named.items() if array is not None}

    def _learn(self, arrays: Arrays) -> None:
        for place, part in enumerate(self._parts):
            for name in part.learned:
                setattr(part, name, arrays[f"{place}.{name}"])

    def _refuse_unfitted(self) -> None:
        if not self.fitted:
            self._refuse_missing(
                training=not all(step.fitted for step in self.steps),
                background=self.score_normalisation is not None and not self.score_normalisation.fitted,
                when="is not fitted; call fit first",
            )

    def _refuse_missing(self, *, training: bool, background: bool, when: str) -> None:
        learners = " and ".join(step.text for step in self.steps if step.learned)
        missing = []
        if training and self.needs_training:
            missing.append(f"training descriptors for {learners}")
        if background and self.score_normalisation is not None:
            missing.append(f"background descriptors for {self.score_normalisation.text}")
        if missing:
            raise UsageError(f"The post-processing {self.text} {when}: it needs {' and '.join(missing)}.")
