"""Other people's model files in, model packages out: any ONNX image model, and Meta's published SSCD files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from copylens.errors import MissingExtraError, UsageError
from copylens.workflows.settings import PathLike

if TYPE_CHECKING:
    from copylens.models import ModelPackage
