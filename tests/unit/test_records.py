"""The nouns: frozen, and their codes consistent."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

import copylens.records as records


def test_every_noun_is_frozen() -> None:
    nouns = [item for _, item in inspect.getmembers(records, dataclasses.is_dataclass)]
    assert len(nouns) >= 10
    for noun in nouns:
        # The only record of it that dataclasses keep.
        assert vars(noun)["__dataclass_params__"].frozen, noun


def test_retried_codes_are_known() -> None:
    assert set(records.SKIP_CODES) >= records.RETRIED_CODES


def test_a_skipped_cannot_be_changed() -> None:
    skipped = records.Skipped("a.jpg", "empty", "the file has no bytes")
    with pytest.raises(dataclasses.FrozenInstanceError):
        skipped.path = "b.jpg"  # type: ignore[misc]
