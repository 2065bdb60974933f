"""Saved chains: the same numbers come back; damaged and foreign files are refused, and never run."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copylens.errors import OutputError, UsageError
from copylens.postprocess import Chain
from descriptor_samples import correlated

QUERIES, REFERENCES = correlated(9, 6, seed=2), correlated(11, 6, seed=3)


def fitted(text: str = "centre,pcaw4,sn") -> Chain:
    return Chain.parse(text).fit(training=correlated(60, 6), background=correlated(8, 6, seed=1))


@pytest.mark.parametrize(
    "text", ["none", "l2", "sn:beta=0.3:last=4", "pca4", "pcaw3:power=0.1", "l2,centre,l2,pcaw4,centre,sn"]
)
def test_round_trip(text: str, tmp_path: Path) -> None:
    chain, path = fitted(text), tmp_path / "chain.npz"
    chain.save(path)
    again = Chain.load(path)
    assert again.text == chain.text == text
    assert again.fingerprint == chain.fingerprint
    assert again.fitted
    for one, other in zip(
        chain.transform(QUERIES, REFERENCES), again.transform(QUERIES, REFERENCES), strict=True
    ):
        assert np.array_equal(one, other)
    again.save(tmp_path / "again.npz")
    assert Chain.load(tmp_path / "again.npz").fingerprint == chain.fingerprint


def test_the_file_is_where_it_was_asked_for_and_needs_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "chain without suffix"
    fitted().save(str(path))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with np.load(path, allow_pickle=False) as archive:
        assert str(archive["text"]) == "centre,pcaw4,sn"
        assert archive["1.matrix_"].shape == (4, 6)
        assert archive["2.background_"].dtype == np.float32


def test_a_chain_that_is_not_fitted_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not fitted"):
        Chain.parse("centre").save(tmp_path / "chain.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "chain.npz"
    fitted("l2,sn").save(path)

    def full(file: io.BufferedWriter, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match=r"chain\.npz cannot be written: No space left on device"):
        fitted().save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["chain.npz"]
    assert Chain.load(path).text == "l2,sn"


@pytest.mark.parametrize("place", ["no folder/chain.npz", "a file/chain.npz", "a folder"])
def test_places_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("x")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        fitted().save(tmp_path / place)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a file", "a folder"]


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.npz cannot be read: No such file"):
        Chain.load(tmp_path / "none.npz")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        Chain.load(tmp_path)


class Payload:
    """Would leave a mark when unpickled."""

    ran = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Payload, "ran", True))


def foreign(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "npy":
        np.save(out, QUERIES)
    elif kind == "npz":
        np.savez(out, descriptors=QUERIES, paths=np.array(["a"]))
    elif kind == "pickle":
        np.savez(out, format=np.array([Payload()], dtype=object))
    elif kind == "pickle inside":
        np.savez(out, format=np.array("copylens chain 1"), text=np.array([Payload()], dtype=object))
    elif kind == "text":
        out.write(b"centre,pcaw4,sn\n")
    return out.getvalue()


@pytest.mark.parametrize("kind", ["npy", "npz", "pickle", "pickle inside", "text", "empty"])
def test_foreign_files_are_refused_and_not_run(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.npz"
    path.write_bytes(foreign(kind))
    with pytest.raises(UsageError, match=r"foreign\.npz .*holds no post-processing chain"):
        Chain.load(path)
    assert not Payload.ran


def rewritten(path: Path, **changes: Any) -> None:
    with np.load(path) as archive:
        members = dict(archive)
    members.update({name.replace("_of_", "."): value for name, value in changes.items()})
    with path.open("wb") as file:
        np.savez(file, **{name: value for name, value in members.items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"text": np.array("centre,pca4,sn")},
        {"text": np.array("centre")},
        {"text": np.array("no chain")},
        {"text": None},
        {"fingerprint": np.array("0" * 16)},
        {"fingerprint": None},
        {"0_of_mean_": np.zeros(6)},
        {"0_of_mean_": None},
        {"1_of_matrix_": np.zeros((2, 2))},
        {"2_of_background_": np.array("text")},
        {"9_of_more_": np.zeros(6)},
    ],
    ids=str,
)
def test_numbers_that_do_not_belong_together_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "chain.npz"
    fitted().save(path)
    rewritten(path)
    assert Chain.load(path).fingerprint == fitted().fingerprint
    rewritten(path, **changes)
    with pytest.raises(UsageError, match=r"chain\.npz is damaged"):
        Chain.load(path)


def test_a_newer_format_says_so(tmp_path: Path) -> None:
    path = tmp_path / "chain.npz"
    fitted().save(path)
    rewritten(path, format=np.array("copylens chain 2"))
    with pytest.raises(UsageError, match=r"saved by a newer CopyLens .* upgrade"):
        Chain.load(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=3))
def test_damage_is_found_or_does_no_harm(cut: float, flips: list[tuple[float, int]], tmp_path: Path) -> None:
    path = tmp_path / "chain.npz"
    chain = fitted()
    chain.save(path)
    data = bytearray(path.read_bytes())
    for place, mask in flips:
        data[int(place * len(data))] ^= mask
    path.write_bytes(data if flips else data[: int(cut * len(data))])
    try:
        outcome = Chain.load(path).fingerprint
    except UsageError as error:
        outcome = str(error)
    assert outcome == chain.fingerprint or str(path) in outcome
