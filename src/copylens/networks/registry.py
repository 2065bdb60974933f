"""The name of a user's own backbone in, the function that builds it out: by decorator, or as ``module:function``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from torch import nn

from copylens.errors import UsageError
from copylens.networks.wording import first_line

Builder = TypeVar("Builder", bound=Callable[[], nn.Module])

_BUILDERS: dict[str, Callable[[], nn.Module]] = {}


def register_backbone(name: str) -> Callable[[Builder], Builder]:
    """Let `network.backbone` know a module of your own by a name.

    The decorated function takes nothing and returns an ``nn.Module``. Its ``forward_features``, or ``forward``
    where it has none, maps normalised ``(N, 3, H, W) float32`` to a feature map ``(N, C, h, w)`` or to tokens
    ``(N, P + h w, C)`` in the order of reading. Attributes that it may have, as timm's models do:
    ``num_prefix_tokens`` (P, default 0; the first is the class token), ``output_fmt`` (``"NHWC"``), ``group_matcher``
    (stages for freezing and layer decay), ``set_grad_checkpointing``.

    Args:
        name: without a colon, and not one of timm's.

    Raises:
        UsageError: the name is taken or has a colon.
    """
    if not name or ":" in name:
        raise UsageError(f"{name!r} cannot name a backbone: give a word without a colon.")

    def keep(builder: Builder) -> Builder:
        known = _BUILDERS.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (
            builder.__module__,
            builder.__qualname__,
        ):
            raise UsageError(f"The backbone {name!r} is registered already, by {known.__module__}.")
        _BUILDERS[name] = builder
        return builder

    return keep


def registered_backbones() -> list[str]:
    """List the registered names, sorted."""
    return sorted(_BUILDERS)


def own_backbone(name: str) -> nn.Module | None:
    """Build what a registered name or a ``module:function`` stands for; None where the name is neither.

    Args:
        name: registered, or ``package.module:function``, or ``path/to/file.py:function``.

    Raises:
        UsageError: no such module or function, or what it returns is no ``nn.Module``.
    """
    builder = _BUILDERS.get(name) if ":" not in name else _imported(name)
    if builder is None:
        return None
    made = builder()
    if not isinstance(made, nn.Module):
        raise UsageError(
            f"network.backbone: {name} returned {type(made).__name__}, not a torch.nn.Module; let the function take "
            "no argument and return the module."
        )
    return made


def _imported(spec: str) -> Callable[[], nn.Module]:
    where, _, function = spec.rpartition(":")
    if not where or not function:
        raise UsageError(f"network.backbone: {spec!r} is not MODULE:FUNCTION or FILE.py:FUNCTION.")
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except Exception as error:  # a user's module may fail in any way while it is imported
        raise UsageError(f"network.backbone: {where} cannot be imported: {first_line(error)}.") from error
    builder = getattr(module, function, None)
    if not callable(builder):
        raise UsageError(f"network.backbone: {where} has no function {function!r}.")
    made: Callable[[], nn.Module] = builder
    return made


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    # By its whole path: files of one name in two folders are two modules, and a second call finds the first's.
    name = f"copylens_own_{path.resolve().as_posix().strip('/').replace('/', '_').removesuffix('.py')}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
