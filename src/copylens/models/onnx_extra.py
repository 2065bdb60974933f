"""The onnx package, where somebody has installed the extra that brings it."""

from __future__ import annotations

from typing import Any

from copylens.errors import MissingExtraError


def import_onnx_library(purpose: str) -> Any:
    """Import onnx with the parts that are not imported by themselves.

    Args:
        purpose: what needs it, as the start of a sentence: ``"Combining models"``.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import onnx
        import onnx.compose
        import onnx.version_converter
    except ImportError as error:
        raise MissingExtraError(purpose, "import") from error
    return onnx
