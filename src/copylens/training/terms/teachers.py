"""Names of model packages in; their descriptors of a step's pixels, and what a student's card says of them, out.

Shapes: n pictures, T teachers, D_t dimensions of teacher t.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from copylens.models import ModelPackage, find_model, load_package
from copylens.models.engines.base import PixelBatch
from copylens.records import InputSpec
from copylens.training.nouns import PictureBatch
from copylens.workflows.describer import Describer, load_model
from copylens.workflows.settings import DeviceName

ROWS = 64
"""Pictures that a teacher describes at a time."""

UNKNOWN = "unknown"


class Teachers:
    """Model packages that describe what a student looks at; they learn nothing.

    Args:
        names: of packages, or their folders.
        device: of the run; they compute there.
        threads: of the CPU; None leaves them to the engine.

    Raises:
        ModelError: no such package, or a damaged one.
        EngineError: no engine can run it here.
    """

    def __init__(self, names: Sequence[str], device: torch.device, *, threads: int | None = None) -> None:
        where: DeviceName = "cuda" if device.type == "cuda" else "cpu"
        self._describers: list[Describer] = [
            load_model(name, device=where, threads=threads) for name in names
        ]

    @property
    def packages(self) -> list[ModelPackage]:
        """T packages, in the order of their names."""
        return [describer.package for describer in self._describers]

    @torch.no_grad()
    def describe(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Describe pixels as the packages would: at their own size, as whole numbers.

        The engines take arrays of the host, so a GPU is waited for, once a step.

        Args:
            pixels: ``(n, 3, H, W)`` float in [0, 1], or uint8.

        Returns:
            T tensors ``(n, D_t) float32`` of unit rows, on the device of the pixels.
        """
        return [
            torch.cat(
                [
                    torch.from_numpy(describer.engine.describe(teacher_input(some, describer.input)))
                    for some in torch.tensor_split(pixels, tuple(range(ROWS, len(pixels), ROWS)))
                ]
            ).to(pixels.device)
            for describer in self._describers
        ]


class KeptAnswers:
    """What teachers say of pictures that never change, asked once: T x D_t x 4 bytes a picture.

    On a CPU pictures are shown one at a time, so that an answer does not depend on which others are in the batch, and a
    run that goes on after a kill hears the same again.

    Args:
        teachers: who are asked.
    """

    def __init__(self, teachers: Teachers) -> None:
        self._teachers = teachers
        self._answers: dict[int, list[torch.Tensor]] = {}

    def describe(self, batch: PictureBatch) -> list[torch.Tensor]:
        """Describe the pictures as they are: T tensors ``(B, D_t) float32`` on the device of the pixels."""
        keys = batch.keys.tolist()
        unknown = [row for row, key in enumerate(keys) if key not in self._answers]
        together = 1 if batch.pixels.device.type == "cpu" else max(1, len(unknown))
        for start in range(0, len(unknown), together):
            rows = unknown[start : start + together]
            heard = [one.cpu() for one in self._teachers.describe(batch.pixels[rows])]
            self._answers |= {keys[row]: [one[at] for one in heard] for at, row in enumerate(rows)}
        answers = [self._answers[key] for key in keys]
        return [torch.stack(list(one)).to(batch.pixels.device) for one in zip(*answers, strict=True)]


def teacher_input(pixels: torch.Tensor, spec: InputSpec) -> PixelBatch:
    """Resize pixels to a package's input, bilinear and antialiased, whatever their shape was, and round them.

    Args:
        pixels: ``(n, 3, H, W)`` float in [0, 1], or uint8.
        spec: what the package wants.

    Returns:
        ``(n, height, width, 3) uint8``, or ``(n, 3, height, width) float32`` in [0, 1] where the package wants that.
    """
    values = pixels.float() if pixels.dtype == torch.uint8 else pixels.float() * 255.0
    if values.shape[-2:] != (spec.height, spec.width):
        values = functional.interpolate(values, (spec.height, spec.width), mode="bilinear", antialias=True)
    whole = values.clamp(0.0, 255.0).round().to(torch.uint8).cpu()
    if spec.dtype == "uint8":
        return whole.permute(0, 2, 3, 1).contiguous().numpy()
    return np.asarray(whole.numpy(), np.float32) / np.float32(255)


def taught_by(names: Sequence[str]) -> str:
    """Name teachers, fingerprints and licences for the card of their student; ``""`` without teachers."""
    packages = [load_package(find_model(name)) for name in names]
    told = [f"{one.name} (fingerprint {one.fingerprint}, licence {one.licence})" for one in packages]
    return f", taught by {' and '.join(told)}" if told else ""


def licence_notice(packages: Sequence[ModelPackage]) -> str | None:
    """Say which teachers have no known licence; None where all have one."""
    unknown = [one.name for one in packages if one.licence.strip().lower() in ("", UNKNOWN)]
    if not unknown:
        return None
    whose = f"teacher {unknown[0]} is" if len(unknown) == 1 else f"teachers {', '.join(unknown)} are"
    return (
        f"The licence of the {whose} unknown: a student is derived from its teachers, and may be bound or forbidden by "
        "it."
    )
