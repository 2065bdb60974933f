"""Strict loading: what is accepted, and the one sentence for each thing that is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.config import from_mapping, to_mapping
from copylens.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    size: int
    name: str = "inner"


@dataclass(frozen=True)
class Outer:
    rate: float
    inner: Inner
    mode: Literal["a", "b"] = "a"
    maybe: int | None = None
    either: int | str = 1
    items: tuple[int, ...] = ()
    table: dict[str, float] = field(default_factory=dict)
    flag: bool = False


def load(**changes: object) -> Outer:
    return from_mapping(Outer, {"rate": 1.5, "inner": {"size": 3}, **changes}, where="test.toml")


def test_nested_values_and_defaults() -> None:
    settings = load(items=[1, 2], maybe=None, either="x", table={"k": 2})
    assert settings == Outer(1.5, Inner(3), items=(1, 2), either="x", table={"k": 2.0})
    assert isinstance(settings.table["k"], float)


def test_an_int_is_a_float_but_not_the_other_way_round() -> None:
    assert from_mapping(Outer, {"rate": 2, "inner": {"size": 3}}, where="w").rate == 2.0
    with pytest.raises(ConfigError, match=r"test\.toml: inner: size: expected int, got 1\.5"):
        load(inner={"size": 1.5})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mod": "a"}, "unknown key 'mod'; did you mean 'mode'"),
        ({"zzzzz": 1}, "unknown key 'zzzzz'; known keys are either, flag"),
        ({"mode": "c"}, "mode: 'c' is not one of 'a', 'b'"),
        ({"inner": 3}, "inner: expected a table of settings, got 3"),
        ({"inner": {}}, "inner: the key 'size' is missing"),
        ({"items": 5}, "items: expected a list, got 5"),
        ({"items": [1, "x"]}, "items: expected int, got 'x'"),
        ({"table": 5}, "table: expected a table, got 5"),
        ({"table": {"k": "v"}}, "table.k: expected float, got 'v'"),
        ({"either": 1.5}, "either: 1.5 is none of"),
        ({"rate": True}, "rate: expected float, got True"),
        ({"flag": 1}, "flag: expected bool, got 1"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**changes)
    assert message in str(caught.value)
    assert str(caught.value).startswith("test.toml: ")


@given(
    st.builds(
        Outer,
        rate=st.floats(allow_nan=False),
        inner=st.builds(Inner, size=st.integers(), name=st.text()),
        mode=st.sampled_from(["a", "b"]),
        maybe=st.none() | st.integers(),
        either=st.integers() | st.text(),
        items=st.lists(st.integers()).map(tuple),
        table=st.dictionaries(st.text(), st.floats(allow_nan=False)),
        flag=st.booleans(),
    )
)
def test_dump_and_load_are_inverse(settings: Outer) -> None:
    assert from_mapping(Outer, to_mapping(settings), where="w") == settings
