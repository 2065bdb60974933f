"""CopyLens finds copies of images, however edited, with the SSCD descriptor.

    >>> import copylens
    >>> result = copylens.scan("photos/")
    >>> result.groups, result.matches, result.skipped
    >>> result.save("report.html")

Importing this package is instant: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from copylens.version import __version__

if TYPE_CHECKING:
    from copylens.errors import CopyLensError
    from copylens.records import Findings, Group, ImageFacts, Match, Member, Related, Skipped
    from copylens.workflows.compare import Comparison, compare
    from copylens.workflows.describer import Describer, load_model
    from copylens.workflows.describing import Described, describe
    from copylens.workflows.result import ScanResult
    from copylens.workflows.scan import scan

_HOMES = {
    "Comparison": "copylens.workflows.compare",
    "CopyLensError": "copylens.errors",
    "Described": "copylens.workflows.describing",
    "Describer": "copylens.workflows.describer",
    "Findings": "copylens.records",
    "Group": "copylens.records",
    "ImageFacts": "copylens.records",
    "Match": "copylens.records",
    "Member": "copylens.records",
    "Related": "copylens.records",
    "ScanResult": "copylens.workflows.result",
    "Skipped": "copylens.records",
    "compare": "copylens.workflows.compare",
    "describe": "copylens.workflows.describing",
    "load_model": "copylens.workflows.describer",
    "scan": "copylens.workflows.scan",
}

__all__ = [
    "Comparison",
    "CopyLensError",
    "Described",
    "Describer",
    "Findings",
    "Group",
    "ImageFacts",
    "Match",
    "Member",
    "Related",
    "ScanResult",
    "Skipped",
    "__version__",
    "compare",
    "describe",
    "load_model",
    "scan",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'copylens' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return sorted(__all__)
