"""Mappings (TOML, JSON, overrides) in, frozen dataclasses out; an unknown key is an error that names the nearest."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from copylens.errors import ConfigError

T = TypeVar("T")


def from_mapping(cls: type[T], data: Mapping[str, Any], *, where: str) -> T:
    """Build the dataclass `cls` from `data`, strictly.

    Nested dataclasses are built from nested mappings, tuples from lists; ints are accepted for floats. Nothing is
    guessed: an unknown key, a missing required key or a value of another type is an error.

    Args:
        cls: a dataclass type.
        data: the values, by field name.
        where: what the reader should look at, e.g. ``"model.json"``; starts every message.

    Raises:
        ConfigError: names the key, the nearest known key, and what was expected.
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r}{_nearest(key, fields)}.")
    values: dict[str, Any] = {}
    for name, spec in fields.items():
        if name in data:
            values[name] = _convert(hints[name], data[name], where=f"{where}: {name}")
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: the key {name!r} is missing.")
    return cls(**values)


def to_mapping(settings: Any) -> dict[str, Any]:
    """Dump a dataclass to plain JSON-able values; the inverse of `from_mapping` (tuples become lists)."""
    return {f.name: _plain(getattr(settings, f.name)) for f in dataclasses.fields(settings)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_mapping(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _nearest(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known keys are {', '.join(sorted(known))}"


def _convert(expected: Any, value: Any, *, where: str) -> Any:
    origin, args = typing.get_origin(expected), typing.get_args(expected)
    if expected is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(args, value, where=where)
    if origin is typing.Literal:
        if value not in args:
            raise ConfigError(f"{where}: {value!r} is not one of {', '.join(map(repr, args))}.")
        return value
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table of settings, got {value!r}.")
        return from_mapping(expected, value, where=where)
    if origin in (list, tuple):
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: expected a list, got {value!r}.")
        return origin(_convert(args[0], item, where=where) for item in value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table, got {value!r}.")
        return {k: _convert(args[1], v, where=f"{where}.{k}") for k, v in value.items()}
    return _convert_scalar(expected, value, where=where)


def _convert_union(options: tuple[Any, ...], value: Any, *, where: str) -> Any:
    if value is None and type(None) in options:
        return None
    named = [o for o in options if o is not type(None)]
    if len(named) == 1:
        return _convert(named[0], value, where=where)
    for option in named:
        try:
            return _convert(option, value, where=where)
        except ConfigError:
            continue
    raise ConfigError(f"{where}: {value!r} is none of {', '.join(str(o) for o in named)}.")


def _convert_scalar(expected: type[Any], value: Any, *, where: str) -> Any:
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise ConfigError(f"{where}: expected {expected.__name__}, got {value!r}.")
    return value
