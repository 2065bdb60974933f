"""Pictures as files, arrays and Pillow images: the same descriptor, in order, and clear errors for the rest."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import strange_pictures
from copylens.errors import EngineError, ImageError, ModelError, UsageError
from copylens.images import decode, decode_box, prepare
from copylens.models import DEFAULT_MODEL, ModelPackage
from copylens.workflows import describer as module
from copylens.workflows.describer import BATCH, load_from_settings, load_model
from copylens.workflows.settings import ModelSettings
from small_models import SmallNetwork
from strange_pictures import Shown, encode, exif, quarters, stored_for
from workflow_samples import SmallModel, Steps, many, picture_bytes, put, scene

LARGE = scene(3, 300, 260)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


# --- what comes out


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_descriptors_are_those_of_the_network(tmp_path: Path, dtype: str) -> None:
    model = SmallModel(tmp_path, dtype=dtype)
    pictures = [scene(number, 40 + number, 50) for number in range(5)]
    rows = model.describer.describe(pictures)
    prepared = np.stack([prepare(pixels, model.package.input) for pixels in pictures])
    assert rows.dtype == np.float32
    assert (rows.shape, rows.flags.c_contiguous) == ((5, 16), True)
    np.testing.assert_allclose(rows, SmallNetwork().twin(prepared), atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_any_mixture_keeps_its_order_and_goes_in_batches(model: SmallModel, folder: Path) -> None:
    paths = many(folder, 2 * BATCH + 3)
    forms: list[Any] = [
        str,
        Path,
        lambda path: opened(Path(path).read_bytes()),
        lambda path: decode(Path(path).read_bytes()).pixels,
    ]
    mixed = [forms[number % 4](path) for number, path in enumerate(paths)]
    alone = np.concatenate([model.describer.describe([path]) for path in paths])
    model.take_pictures()
    steps = Steps()
    rows = model.describer.describe(mixed, progress=steps)
    np.testing.assert_allclose(rows, alone, atol=1e-5)
    assert model.engine.batches == [BATCH, BATCH, 3]
    assert steps.calls == [("describe", done, 35) for done in (16, 32, 35)]


def test_an_iterator_has_no_total(model: SmallModel) -> None:
    steps = Steps()
    rows = model.describer.describe((scene(number) for number in range(BATCH)), progress=steps)
    np.testing.assert_array_equal(rows, model.describer.describe([scene(n) for n in range(BATCH)]))
    assert steps.calls == [("describe", BATCH, None)]


def test_a_stack_of_pictures_is_a_list_of_them(model: SmallModel) -> None:
    stack = np.stack([scene(1), scene(2)])
    steps = Steps()
    rows = model.describer.describe(stack, progress=steps)
    np.testing.assert_array_equal(rows, model.describer.describe([scene(1), scene(2)]))
    steps.check("describe", 2)


def test_no_pictures_are_no_rows(model: SmallModel) -> None:
    steps = Steps()
    rows = model.describer.describe([], progress=steps)
    assert rows.dtype == np.float32
    assert (rows.shape, steps.calls) == ((0, 16), [])


# --- the same picture in other forms


@pytest.mark.parametrize(
    ("name", "data"),
    [(name, data) for name, data, outcome in strange_pictures.sound() if isinstance(outcome, Shown)],
)
def test_an_opened_picture_is_described_as_its_file(model: SmallModel, name: str, data: bytes) -> None:
    """Of every format, colour mode, alpha and EXIF orientation."""
    decoded = decode(data, box=decode_box(model.package.input)).pixels
    expected = model.describer.describe_prepared([prepare(decoded, model.package.input)])
    if "heic" not in name:
        with opened(data) as image:
            rows = model.describer.describe([image])
        # A large JPEG in memory is averaged, one in a file decoded at a reduced scale.
        np.testing.assert_allclose(rows, expected, atol=0.01 if name == "large.jpg" else 0)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "CMYK", "1", "I;16"])
def test_a_large_picture_in_memory_is_described_as_its_file(
    model: SmallModel, folder: Path, mode: str
) -> None:
    """Both are averaged first: above twice the size that the network sees, resizing alone gives other pixels."""
    if mode == "I;16":
        image = Image.fromarray(LARGE[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(LARGE).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(LARGE[..., 2]))
    path = put(folder / "a.tif", image)
    rows = model.describer.describe([path, image])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


def test_an_array_is_described_as_its_file(model: SmallModel, folder: Path) -> None:
    views = {
        "plain": LARGE,
        "sliced": LARGE[::2, 5:-5],
        "mirrored": LARGE[:, ::-1],
        "column order": np.asfortranarray(LARGE),
    }
    for name, pixels in views.items():
        path = put(folder / f"{name}.png", np.ascontiguousarray(pixels))
        rows = model.describer.describe([path, pixels])
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-6, err_msg=name)


def test_alpha_lies_on_white(model: SmallModel) -> None:
    veiled = np.concatenate([LARGE, np.zeros((*LARGE.shape[:2], 1), np.uint8)], axis=2)
    rows = model.describer.describe([Image.fromarray(veiled), np.full_like(LARGE, 255)])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_in_memory_is_turned_upright(model: SmallModel, orientation: int) -> None:
    data = picture_bytes(stored_for(orientation, LARGE), "PNG", exif=exif(orientation))
    image = opened(data)
    rows = model.describer.describe([LARGE, image])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


def test_a_picture_in_memory_stays_as_it_was(model: SmallModel) -> None:
    image = opened(picture_bytes(stored_for(6, LARGE), "JPEG", exif=exif(6)))
    size, before = image.size, np.asarray(image).copy()
    model.describer.describe([image, image])
    assert (image.size, image.mode) == (size, "RGB")
    assert image.getexif()[0x0112] == 6
    np.testing.assert_array_equal(np.asarray(image), before)


def test_names_that_are_no_text_are_paths(model: SmallModel, folder: Path) -> None:
    path = os.path.join(folder, os.fsdecode(b"\xff\xfe.png"))  # noqa: PTH118 (as the walk gives it)
    with open(path, "wb") as file:
        file.write(picture_bytes(scene(1), "PNG"))
    rows = model.describer.describe([path, scene(1)])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


# --- what is refused


@pytest.mark.parametrize(
    ("content", "code"), [(None, "vanished"), (b"", "empty"), (b"\xff\xd8\xff", "truncated")]
)
def test_a_file_that_cannot_be_read_is_named(
    model: SmallModel, folder: Path, content: bytes | None, code: str
) -> None:
    bad = folder / "bad.jpg"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(ImageError, match=r"^/.*/bad\.jpg: ") as caught:
        model.describer.describe([scene(1), bad])
    assert caught.value.code == code


def test_a_picture_that_pillow_cannot_load_is_named(model: SmallModel) -> None:
    cut = opened(encode(quarters((1, 2, 3), (9, 9, 9), (0, 0, 0), (5, 5, 5)), "PNG")[:-40])
    with pytest.raises(ImageError, match=r"^images\[1\]: Pillow cannot load it") as caught:
        model.describer.describe([scene(1), cut])
    assert caught.value.code in ("truncated", "corrupt")
    with pytest.raises(ImageError, match=r"^images\[0\]: the picture has no area"):
        model.describer.describe([Image.new("RGB", (0, 4))])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_of_another_shape_or_type_is_refused(model: SmallModel, array: Any) -> None:
    with pytest.raises(UsageError, match=r"images\[2\]: an array must be \(H, W, 3\) uint8"):
        model.describer.describe([scene(1), scene(2), array])


@pytest.mark.parametrize("thing", [None, 7, b"a.png", ["a.png"], object()])
def test_what_is_no_picture_is_refused(model: SmallModel, thing: Any) -> None:
    with pytest.raises(UsageError, match=rf"images\[0\]: .* not {type(thing).__name__}"):
        model.describer.describe([thing])


@pytest.mark.parametrize("single", ["a.png", b"a.png", Path("a.png"), Image.new("RGB", (4, 4))])
def test_a_single_picture_must_be_in_a_list(model: SmallModel, single: Any) -> None:
    with pytest.raises(UsageError, match=r"describe\(\[image\]\)"):
        model.describer.describe(single)


def test_a_failing_network_is_an_error(model: SmallModel) -> None:
    model.engine.failing = {0}
    with pytest.raises(EngineError, match="the network broke"):
        model.describer.describe([scene(1)])


# --- loading


def test_a_describer_says_what_it_is(model: SmallModel) -> None:
    describer, package = model.describer, model.package
    assert (describer.identity.name, describer.identity.fingerprint) == ("small", package.fingerprint)
    assert (describer.dims, describer.input) == (package.dims, package.input)
    assert describer.threshold == 0.7


def test_models_are_found_by_name_folder_and_default(model: SmallModel, tmp_path: Path) -> None:
    named = SmallNetwork(seed=3).package(tmp_path / "models" / "mine", name="mine")
    assert load_model("mine").package == named
    assert load_model(model.package.directory).package == model.package
    assert load_model(str(model.package.directory)).package == model.package
    assert load_model().package.name == DEFAULT_MODEL
    with pytest.raises(ModelError, match="did you mean 'mine'"):
        load_model("mime")
    with pytest.raises(ModelError, match="not a model package"):
        load_model(tmp_path)


def test_how_it_runs_reaches_the_engine(model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def create(package: ModelPackage, **options: Any) -> Any:
        asked.append(options)
        return model.engine

    monkeypatch.setattr(module, "create_engine", create)
    name = str(model.package.directory)
    wishes: dict[str, Any] = {"device": "cuda", "engine": "torch", "precision": "float16", "threads": 3}
    assert load_model(name, **wishes).engine is model.engine
    assert load_from_settings(ModelSettings(model=name, **wishes)).engine is model.engine
    load_model(name)
    load_from_settings(ModelSettings(model=name))
    plain = {"device": "auto", "engine": "auto", "precision": "float32", "threads": None}
    assert asked == [wishes, wishes, plain, plain]


def test_an_engine_that_cannot_run_says_why(model: SmallModel) -> None:
    with pytest.raises(EngineError, match="CPU only"):
        load_model(model.package.directory, engine="onnxruntime", device="cuda")
    with pytest.raises(UsageError, match="threads"):
        load_model(model.package.directory, threads=0)


def test_a_model_whose_graph_was_exchanged_is_refused(tmp_path: Path) -> None:
    mine, other = SmallNetwork().package(tmp_path / "mine"), SmallNetwork(seed=1).package(tmp_path / "other")
    assert load_model(mine.directory).package.fingerprint == mine.fingerprint
    mine.onnx_path.write_bytes(other.onnx_path.read_bytes())
    with pytest.raises(ModelError, match="would pass for another model's"):
        load_model(mine.directory)
