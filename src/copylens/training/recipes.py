"""A recipe's name or file and overrides in, checked `TrainSettings` out; settings in, the TOML of a run out.

A recipe is a TOML file of the tables of `TrainSettings`. Those that come with CopyLens lie beside this file, in
``recipes/``, and are known by their name without the suffix.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from copylens.config import from_mapping, to_mapping
from copylens.errors import ConfigError, UsageError
from copylens.training.settings import TrainSettings, check

SUFFIX = ".toml"


def recipe_folder() -> Path:
    """Say where the recipes lie that come with CopyLens."""
    return Path(str(files("copylens.training"))) / "recipes"


def recipe_names() -> list[str]:
    """List the recipes that come with CopyLens, sorted."""
    return sorted(path.stem for path in recipe_folder().glob(f"*{SUFFIX}"))


def load_recipe(recipe: str | Path, overrides: Sequence[str] = ()) -> TrainSettings:
    """Read a recipe.

    Args:
        recipe: a name of `recipe_names`, or a TOML file.
        overrides: ``"table.key=value"``, as TOML writes keys and values; a bare word is a string.

    Raises:
        UsageError: no such recipe, or settings that cannot be trained.
        ConfigError: the file is no TOML, or a key is unknown or of the wrong type.
    """
    path = _find(recipe)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a readable recipe: {error}.") from error
    for override in overrides:
        _override(data, override)
    settings = from_mapping(TrainSettings, data, where=str(recipe))
    check(settings)
    return settings


def _find(recipe: str | Path) -> Path:
    if Path(recipe).suffix == SUFFIX:
        if not Path(recipe).is_file():
            raise UsageError(f"{recipe}: no such recipe file.")
        return Path(recipe)
    names = recipe_names()
    if str(recipe) in names:
        return recipe_folder() / f"{recipe}{SUFFIX}"
    close = difflib.get_close_matches(str(recipe), names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}; or give a .toml file."
    raise UsageError(f"There is no recipe {str(recipe)!r}; {hint}")


def _override(data: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    names = _names(key)
    if not equals or not names:
        raise UsageError(f"--set {text!r}: write table.key=value, for example loss.entropy_weight=10.")
    table = data
    for name in names[:-1]:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--set {text!r}: {name} is a value, not a table.")
        table = inner
    table[names[-1]] = _value(value.strip())


def _names(key: str) -> list[str]:
    """The parts of a key as TOML reads it, so that names with dots can be quoted; none where it cannot be read."""
    try:
        inner: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return []
    names: list[str] = []
    while isinstance(inner, dict):
        if len(inner) != 1:
            return []
        name, inner = next(iter(inner.items()))
        names.append(name)
    return names


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def to_toml(settings: TrainSettings) -> str:
    """Write settings as the TOML that `load_recipe` reads to the same settings; None is a key left out."""
    lines: list[str] = []
    _write(to_mapping(settings), (), lines)
    return "\n".join(lines) + "\n"


def _write(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    if path:
        lines += ["", f"[{'.'.join(map(_key, path))}]"]
    for key, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            lines.append(f"{_key(key)} = {_literal(value)}")
    for key, value in table.items():
        if isinstance(value, Mapping):
            _write(value, (*path, key), lines)


def _key(name: str) -> str:
    """A bare key, or a quoted one where it has dots, as ``crop.scale``."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _literal(name)


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    # JSON's strings, numbers and booleans are TOML's too, but for the characters below.
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")
