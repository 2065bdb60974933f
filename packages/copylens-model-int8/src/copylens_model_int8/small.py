"""Nothing in, the directory of the model package ``copylens-small-int8`` out."""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """Say where `model.onnx` and `model.json` lie."""
    return Path(__file__).parent / "copylens-small-int8"
