"""A teacher's descriptors of the same pictures in, how far the student is from saying the same out.

Shapes: n rows of this process, N of all processes, D dimensions of the student, D_t of teacher t, B pictures, V views.
``docs/math.md`` has the equations. Tables of scores are matched as by Tung and Mori 2019 (squares), and by Abbasi
Koohpayegani et al. 2020 (CompRess) and Fang et al. 2021 (SEED), there with a queue in place of the batch (divergence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from copylens.errors import UsageError
from copylens.training.gather import Portion, gather, means_over_processes
from copylens.training.losses.positives import own_column
from copylens.training.losses.scores import at_least_float32
from copylens.training.terms.base import StepContext, Term, TermLoss
from copylens.training.terms.teachers import KeptAnswers, Teachers, licence_notice

DistillKind: TypeAlias = Literal["cosine", "relational", "both"]
TeacherView: TypeAlias = Literal["same", "first", "clean"]

VIEWS = 2
"""Of every picture in a training step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillSettings:
    """From whom the network learns, and what.

    Attributes:
        weight: of the term in the loss; 0 is off.
        teachers: names or folders of model packages. Several are an ensemble: their descriptors are joined for the
            cosine, their scores averaged for the relations.
        kind: ``"cosine"``: the same descriptors; ``"relational"``: the same scores between the rows of the batch;
            ``"both"``: their sum.
        map: compare the teachers' descriptors with a learned linear map of the network's, thrown away after the
            training; without it the dimensions must be equal.
        square_weight: of the squared differences of scores, in the relational part.
        divergence_weight: of the divergence of their softmax, there.
        temperature: τ of that softmax; the lower, the more only the nearest count.
        views: numbers of the views of a picture that the student is judged on, such as [0]; none are all.
        teacher_view: what the teacher is shown: ``"same"`` as the student; ``"first"``: the first view of the picture,
            whichever the student sees; ``"clean"``: the picture before any edit, squeezed to a square, for which a
            teacher is asked once in a training.
    """

    weight: float = 0.0
    teachers: tuple[str, ...] = ()
    kind: DistillKind = "relational"
    map: bool = False
    square_weight: float = 1.0
    divergence_weight: float = 1.0
    temperature: float = 0.1
    views: tuple[int, ...] = ()
    teacher_view: TeacherView = "same"

    def __post_init__(self) -> None:
        """Find what cannot be meant.

        Raises:
            UsageError: names the key and what it must be.
        """
        views = list(self.views)
        rules = [
            (0.0 <= self.weight < float("inf"), f"distill.weight is {self.weight:g}: it cannot be negative"),
            (self.weight == 0.0 or bool(self.teachers), "distill.teachers is empty: name a model package"),
            (
                min(self.square_weight, self.divergence_weight) >= 0.0,
                "distill.square_weight and .divergence_weight cannot be negative",
            ),
            (
                self.kind == "cosine" or self.square_weight + self.divergence_weight > 0.0,
                "distill.square_weight and .divergence_weight are both 0: nothing is left of the relations",
            ),
            (self.temperature > 0.0, f"distill.temperature is {self.temperature:g}: it must be positive"),
            (
                len(set(views)) == len(views) and set(views) <= set(range(VIEWS)),
                f"distill.views is {views}: a picture has the views 0 to {VIEWS - 1}, name each once",
            ),
        ]
        for holds, message in rules:
            if not holds:
                raise UsageError(f"{message}.")


class Relations(NamedTuple):
    """This process's shares of the means: squared differences of pairs, divergences of rows."""

    square: Portion
    divergence: Portion


def cosine_portion(student: Tensor, teacher: Tensor) -> Portion:
    """The terms of the mean of ``1 - z_i . t_i``: ``(n, D)`` unit rows each."""
    return Portion(
        (1.0 - (student * teacher).sum(1)).sum(), torch.tensor(len(student), device=student.device)
    )


def joined(teachers: Sequence[Tensor]) -> Tensor:
    """Unit rows of T teachers, side by side and of length 1 again: ``(n, sum of D_t)``."""
    return torch.cat(list(teachers), dim=1) / math.sqrt(len(teachers))


def mean_scores(anchors: Sequence[Tensor], everyone: Sequence[Tensor]) -> Tensor:
    """The scores of T teachers, averaged: T tensors ``(n, D_t)`` and T ``(N, D_t)`` to ``(n, N)``."""
    scores = [rows @ columns.T for rows, columns in zip(anchors, everyone, strict=True)]
    return torch.stack(scores).mean(0)


def relations(student: Tensor, teacher: Tensor, itself: Tensor, *, temperature: float) -> Relations:
    """Compare two tables of scores, without what a row says of itself.

    ``square`` is over pairs: ``(s_ij - t_ij)^2``. ``divergence`` is over rows: the Kullback-Leibler divergence of
    ``softmax_j(s_ij / τ)`` from ``softmax_j(t_ij / τ)``.

    Args:
        student: ``(n, N)`` scores, float32 or float64.
        teacher: ``(n, N)``; no gradient goes there.
        itself: ``(n, N) bool``, one True in every row.
        temperature: τ.
    """
    rows, columns = student.shape
    own = student[~itself].reshape(rows, columns - 1)
    wanted = teacher.detach()[~itself].reshape(rows, columns - 1).to(own.dtype)
    target = (wanted / temperature).log_softmax(1)
    divergence = target.exp() * (target - (own / temperature).log_softmax(1))
    count = torch.tensor(rows, device=student.device)
    return Relations(
        Portion((own - wanted).square().sum(), count * (columns - 1)), Portion(divergence.sum(), count)
    )


class Distillation(Term):
    """Pulls the student towards its teachers.

    Args:
        settings: of the recipe.
        teachers: who describe.
        dims: D of the student.

    Raises:
        UsageError: descriptors of unequal length, and no map.
    """

    name = "distill"

    def __init__(self, settings: DistillSettings, teachers: Teachers, dims: int) -> None:
        super().__init__(settings.weight)
        self.settings, self._teachers, self._kept = settings, teachers, KeptAnswers(teachers)
        wanted = sum(package.dims for package in teachers.packages)
        self.map: nn.Module = nn.Identity()
        if settings.kind != "relational":
            if settings.map:
                self.map = nn.Linear(dims, wanted, bias=False)
            elif wanted != dims:
                raise UsageError(
                    f"distill.kind {settings.kind}: the teachers' descriptors have {wanted} numbers, the network's "
                    f"{dims}; set distill.map, or network.dims to {wanted}, or take distill.kind relational."
                )

    def forward(self, context: StepContext) -> TermLoss:
        """The distillation loss on one step."""
        settings, count = self.settings, len(context.batch)
        views = settings.views or tuple(range(len(context.views.pixels) // count))
        rows = slice_of_views(context.parts.descriptors, views, count)
        sources = slice_of_views(context.views.sources, views, count)
        rows = functional.normalize(at_least_float32(rows))
        taught = self._taught(context, views, count)
        portions = {}
        with torch.autocast(rows.device.type, enabled=False):
            if settings.kind != "relational":
                mapped = functional.normalize(self.map(rows))
                portions["distill/cosine"] = cosine_portion(mapped, joined(taught))
            if settings.kind != "cosine":
                found = self._relations(rows, taught, sources)
                portions["distill/square"], portions["distill/divergence"] = found
        means = means_over_processes(portions)
        weights = {"distill/square": settings.square_weight, "distill/divergence": settings.divergence_weight}
        value = torch.stack([weights.get(name, 1.0) * mean for name, mean in means.items()]).sum()
        return TermLoss(value, {name: mean.detach() for name, mean in means.items()})

    def notice(self) -> str | None:
        """Say which teachers have no known licence."""
        return licence_notice(self._teachers.packages)

    def get_extra_state(self) -> dict[str, Any]:
        """Who the teachers are, for the checkpoint."""
        return {"fingerprints": [package.fingerprint for package in self._teachers.packages]}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Compare the teachers with those of the checkpoint.

        Raises:
            UsageError: they are others; the student of half of each would be nobody's.
        """
        own = self.get_extra_state()["fingerprints"]
        if state["fingerprints"] != own:
            raise UsageError(
                f"This run was begun with the teachers {', '.join(state['fingerprints'])}, and the packages of "
                f"distill.teachers are now {', '.join(own)}; put the former back, or start another run."
            )

    def _taught(self, context: StepContext, views: tuple[int, ...], count: int) -> list[Tensor]:
        """What the teachers say of each of the rows that the student is judged on."""
        shown = self.settings.teacher_view
        if shown == "same":
            return self._teachers.describe(slice_of_views(context.views.pixels, views, count))
        if shown == "first":
            taught = self._teachers.describe(context.views.pixels[:count])
        else:
            taught = self._kept.describe(context.batch)
        return [rows.repeat(len(views), 1) for rows in taught]

    def _relations(self, rows: Tensor, taught: list[Tensor], sources: Tensor) -> Relations:
        batch = gather(rows, sources)
        everyone = [gather(one, sources).descriptors for one in taught]
        itself = own_column(len(rows), len(batch.descriptors), batch.offset, rows.device)
        return relations(
            rows @ batch.descriptors.T,
            mean_scores(taught, everyone),
            itself,
            temperature=self.settings.temperature,
        )


def slice_of_views(rows: Tensor, views: Sequence[int], count: int) -> Tensor:
    """Rows of some views: of ``(V x B, ...)`` rows, view by view, those of `views`, in this order."""
    return torch.cat([rows[view * count : (view + 1) * count] for view in views])


def make_distillation(
    settings: DistillSettings, dims: int, device: torch.device, *, threads: int | None = None
) -> Distillation:
    """Load the teachers and make the term.

    Args:
        settings: of the recipe.
        dims: D of the student.
        device: of the run.
        threads: of the CPU.

    Raises:
        UsageError, ModelError, EngineError: as `Distillation` and `Teachers`.
    """
    return Distillation(settings, Teachers(settings.teachers, device, threads=threads), dims)
