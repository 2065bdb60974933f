"""Teachers are shown what their packages would be shown, and are named with their licences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from copylens.errors import ModelError
from copylens.images import prepare
from copylens.models import load_package
from copylens.records import InputSpec
from copylens.training.terms import teachers as module
from copylens.training.terms.teachers import Teachers, licence_notice, taught_by, teacher_input
from generated_pictures import random_picture
from small_models import SmallNetwork

CPU = torch.device("cpu")


def pixels(count: int = 3, *, size: int = 48) -> torch.Tensor:
    pictures = [np.asarray(random_picture(number, (size, size))) for number in range(count)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("size", [(48, 48), (24, 20), (60, 96)])
def test_the_input_is_that_of_the_pictures_own_room(dtype: str, size: tuple[int, int]) -> None:
    spec = InputSpec(*size, dtype=dtype)  # type: ignore[arg-type]
    views = pixels()
    wanted = np.stack([prepare(picture.permute(1, 2, 0).numpy(), spec) for picture in views])
    for shown in (views, views / 255.0):
        found = teacher_input(shown, spec)
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        scale = 255 if dtype == "float32" else 1
        # Pillow rounds between its two passes.
        assert np.abs(found.astype(float) - wanted).max() * scale <= 1.01
    if size == (48, 48):
        assert np.array_equal(teacher_input(views / 255.0, spec), wanted)


def test_values_are_rounded_and_kept_in_range() -> None:
    shown = torch.tensor([-0.2, 0.4 / 255, 0.6 / 255, 1.3]).reshape(4, 1, 1, 1).expand(4, 3, 2, 2)
    found = teacher_input(shown, InputSpec(2, 2))
    assert found[:, 0, 0, 0].tolist() == [0, 0, 1, 255]


def test_they_describe_as_their_packages_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [SmallNetwork(seed=1), SmallNetwork(seed=2, dims=7, size=(16, 16))]
    kinds = ["uint8", "float32"]
    for number, (network, dtype) in enumerate(zip(networks, kinds, strict=True)):
        network.package(tmp_path / str(number), dtype=dtype, name=f"small{number}")
    taught = Teachers([str(tmp_path / "0"), str(tmp_path / "1")], CPU, threads=1)
    assert [package.name for package in taught.packages] == ["small0", "small1"]
    views = pixels(5) / 255.0
    views.requires_grad_()
    monkeypatch.setattr(module, "ROWS", 2)
    for rows, network, dtype in zip(taught.describe(views), networks, kinds, strict=True):
        spec = InputSpec(network.height, network.width, dtype=dtype)  # type: ignore[arg-type]
        wanted = network.twin(teacher_input(views.detach(), spec))
        assert not rows.requires_grad
        assert rows.dtype == torch.float32
        np.testing.assert_allclose(rows.numpy(), wanted, atol=2e-3)


def test_the_card_of_a_student_names_them(tmp_path: Path) -> None:
    package = SmallNetwork().package(tmp_path / "small")
    named = f"small (fingerprint {package.fingerprint}, licence Apache-2.0)"
    assert taught_by([str(tmp_path / "small")]) == f", taught by {named}"
    assert taught_by([str(tmp_path / "small")] * 2) == f", taught by {named} and {named}"
    assert taught_by([]) == ""
    with pytest.raises(ModelError, match="There is no model 'smal'"):
        taught_by(["smal"])


def test_an_unknown_licence_is_told(tmp_path: Path) -> None:
    known = load_package(SmallNetwork().package(tmp_path / "small").directory)
    one, other = replace(known, name="one", licence="Unknown"), replace(known, name="other", licence=" ")
    assert licence_notice([known]) is None
    assert "licence of the teacher one is unknown: a student" in (licence_notice([known, one]) or "")
    assert "of the teachers one, other are unknown" in (licence_notice([one, other]) or "")


def test_pillow_and_the_device_agree_on_a_picture_with_edges() -> None:
    """Stripes of one pixel become grey: the resize is antialiased."""
    stripes = np.tile(np.array([0, 255], np.uint8), 40)[None, :, None].repeat(80, 0).repeat(3, 2)
    shown = torch.from_numpy(stripes.copy()).permute(2, 0, 1)[None]
    found = teacher_input(shown, InputSpec(16, 16))
    wanted = np.asarray(Image.fromarray(stripes).resize((16, 16), Image.Resampling.BILINEAR))
    assert np.abs(found[0].astype(int) - wanted).max() <= 1
    assert np.abs(found[0, :, 2:-2].astype(float) - 127.5).max() < 16
