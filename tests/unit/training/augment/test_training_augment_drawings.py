"""Text, stickers, frames and overlays: what is drawn, where it is put, and whose picture is then in the view."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from copylens.errors import UsageError
from copylens.training.augment import Augmenter, lettering
from copylens.training.augment.drawing import Draws
from copylens.training.augment.framing import KINDS, draw_frames, fill_colours
from copylens.training.augment.geometry import place, view_grid
from copylens.training.augment.lettering import STRINGS, system_fonts, text_atlas
from copylens.training.augment.overlaying import cover_of, overlay_boxes
from copylens.training.augment.pasting import Pasted, make_atlas, paste, put_in_frame
from copylens.training.augment.screens import usual_screens
from copylens.training.augment.scribbles import DRAWINGS, scribble_atlas
from copylens.training.augment.scripts import SCRIPTS
from copylens.training.augment.settings import AugmentSettings, only
from copylens.training.augment.stickers import sticker_atlas
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import NOBODY, PictureBatch
from picture_batches import picture_batch

WHOLE = np.array([0.0, 0.0, 1.0, 1.0])
CPU = torch.device("cpu")
N = 10_000


def draws_of(count: int) -> Draws:
    return Draws(np.arange(count, dtype=np.int64), seed=0, epoch=0, view=1)


def test_every_string_sticker_and_scribble_shows_something_and_is_unlike_the_others() -> None:
    for atlas, count in (
        (text_atlas("bundled"), STRINGS),
        (sticker_atlas(), 70),
        (scribble_atlas(), DRAWINGS),
    ):
        assert len(atlas) == count
        cover = atlas.levels[0][:, -1].flatten(1).float().mean(1) / 255.0
        assert cover.min() > 0.005
        assert len(torch.unique(atlas.levels[0].flatten(1), dim=0)) > 0.95 * count
        assert (atlas.ratios > 0.2).all()
        # Colours are multiplied by the opacity, up to rounding.
        colours, opacity = atlas.levels[0][:, :-1].int(), atlas.levels[0][:, -1:].int()
        assert (colours <= opacity + 1).all()


def test_the_bundled_fonts_have_every_script() -> None:
    faces = [lettering._load(path) for path in lettering.bundled_fonts()]
    assert len(faces) == 11
    found = lettering._by_script([face for face in faces if face is not None])
    assert set(found) == set(SCRIPTS)
    for script, pairs in found.items():
        assert max(len(letters) for _, letters in pairs) >= 0.95 * len(SCRIPTS[script]), script


def test_the_fonts_own_licences_lie_beside_them() -> None:
    licence = (lettering.bundled_fonts()[0].parent / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence


def test_half_of_the_strings_are_latin_and_no_script_is_left_out() -> None:
    face = lettering._default(48)
    drawable = {script: [(face, letters)] for script, letters in SCRIPTS.items()}
    chance = random.Random(0)
    drawn = Counter(lettering._script(drawable, chance) for _ in range(4000))
    assert set(drawn) == set(SCRIPTS)
    assert sum(drawn[script] for script in lettering.LATIN) == pytest.approx(2000, abs=100)
    others = [drawn[script] for script in SCRIPTS if script not in lettering.LATIN]
    assert max(others) < 1.6 * min(others)
    assert lettering._script({"latin": []}, chance) == "latin"


def test_system_fonts_are_read_in_the_order_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Beta-Bold.ttf", "Alpha-Regular.otf", "Alpha-Bold.ttf", "notes.txt"):
        (tmp_path / ".local/share/fonts/deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".local/share/fonts/deep" / name).write_bytes(b"no font")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    found = [f.name for f in system_fonts() if tmp_path in f.parents]
    # One of each family comes first.
    assert found == ["Alpha-Bold.ttf", "Beta-Bold.ttf", "Alpha-Regular.otf"]
    assert lettering._load(tmp_path / ".local/share/fonts/deep/Beta-Bold.ttf") is None


def test_system_text_is_drawn_where_there_are_no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "system_fonts", list)
    bare = text_atlas.__wrapped__("system")
    assert torch.equal(bare.levels[0], text_atlas("bundled").levels[0])


def test_a_pillow_that_cannot_draw_text_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_freetype(size: float) -> None:
        raise ImportError("The _imagingft C module is not installed")

    monkeypatch.setattr(ImageFont, "load_default", no_freetype)
    with pytest.raises(UsageError, match="without FreeType"):
        text_atlas.__wrapped__("bundled")


def test_paste_lays_a_mask_and_a_drawing_exactly() -> None:
    mask = np.full((16, 16, 1), 255, dtype=np.uint8)
    drawing = np.zeros((16, 16, 4), dtype=np.uint8)
    drawing[..., :] = (128, 0, 64, 128)  # half see-through, colours multiplied
    maps = np.array([[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]])  # the left upper quarter
    views = torch.full((1, 3, 32, 32), 0.5)
    half = Pasted(np.array([0]), maps, np.array([0.5]), np.array([[1.0, 0.0, 0.5]]))
    seen = paste(views, make_atlas([mask]), half)
    assert seen[0, :, 8, 8].tolist() == pytest.approx([0.75, 0.25, 0.5], abs=1e-3)
    assert torch.equal(seen[..., 17:], views[..., 17:])
    full = Pasted(np.array([0]), maps, np.array([1.0]), np.zeros((1, 3)))
    seen = paste(views, make_atlas([drawing]), full)
    twin = [0.5 * (1 - 128 / 255) + c / 255 for c in (128, 0, 64)]
    assert seen[0, :, 8, 8].tolist() == pytest.approx(twin, abs=1e-3)


def test_drawings_lie_in_the_picture_with_sizes_as_drawn() -> None:
    aspects = np.exp(np.random.default_rng(0).uniform(-0.7, 0.7, N))
    settings = only("sticker")
    place_ = place(draws_of(N), aspects, settings.strength(1), np.tile(WHOLE, (N, 1)))
    size = draws_of(N).uniform("sticker/size", *settings.strength(1).ranges["sticker.size"])
    assert size.min() >= 0.1
    assert size.max() <= 0.5
    assert abs(size.mean() - 0.3) < 0.005
    back = np.linalg.inv(put_in_frame(draws_of(N), "sticker", place_, size, np.ones(N)))
    start, end = back @ np.array([0.0, 0.0, 1.0]), back @ np.array([1.0, 1.0, 1.0])
    assert min(start[:, :2].min(), 1.0 - end[:, :2].max()) > -1e-9
    sides = (end - start)[:, :2] * place_.frame
    assert sides == pytest.approx(np.stack([size, size], axis=1))
    room = start[:, :2] / (1.0 - (end - start)[:, :2])
    assert np.abs(room.mean(0) - 0.5).max() < 0.02


def test_text_stays_upright_when_the_picture_is_flipped() -> None:
    batch = PictureBatch(torch.zeros(4, 3, 64, 64, dtype=torch.uint8), torch.ones(4), torch.arange(4))
    chances = {**only("text").probability}
    alone = Augmenter(AugmentSettings(probability=chances), 64)(batch, seed=0, epoch=0, view=0)
    flipped = Augmenter(AugmentSettings(probability={**chances, "flip": 1.0, "rotate90": 1.0}), 64)(
        batch, seed=0, epoch=0, view=0
    )
    assert alone.amax() > 0.1
    assert torch.allclose(alone, flipped, atol=1e-5)


def test_text_turns_with_a_picture_that_is_rotated_after_it() -> None:
    batch = PictureBatch(torch.zeros(6, 3, 64, 64, dtype=torch.uint8), torch.ones(6), torch.arange(6))
    ranges = {"rotate.degrees": (180.0, 180.0), "text.opacity": (1.0, 1.0)}
    chances = only("text").probability
    alone = Augmenter(AugmentSettings(probability=chances, ranges=ranges), 64)
    turned = Augmenter(AugmentSettings(probability={**chances, "rotate": 1.0}, ranges=ranges), 64)
    one, other = (augmenter(batch, seed=0, epoch=0, view=0) for augmenter in (alone, turned))
    assert torch.allclose(one.flip((2, 3)), other, atol=1e-4)


def test_cover_counts_parts_of_pixels() -> None:
    cover = cover_of(np.array([[0.25, 0.0, 0.625, 1.0]]), 4, CPU)[0, 0]
    assert cover.tolist() == [[0.0, 1.0, 0.5, 0.0]] * 4


@pytest.mark.parametrize("kind", KINDS[1:])
def test_frames_leave_the_picture_whole_in_its_part_of_the_view(kind: str) -> None:
    count, size = 24, 64
    batch = picture_batch(count, side=96)
    view = Augmenter(only(kind), size)(batch, seed=0, epoch=0, view=0)
    draws = Draws(batch.keys.numpy(), seed=0, epoch=0, view=0)
    frames = draw_frames(draws, only(kind).strength(0), batch.keys.numpy(), usual_screens())
    assert (frames.kind == KINDS.index(kind)).all()
    for row in range(count):
        left, top, right, bottom = frames.inner[row] * size
        xs = slice(int(np.ceil(left)) + 1, int(right) - 1)
        ys = slice(int(np.ceil(top)) + 1, int(bottom) - 1)
        image = Image.fromarray(batch.pixels[row].permute(1, 2, 0).numpy())
        scale = 96 / np.array([right - left, bottom - top])
        box = (
            (xs.start - left) * scale[0],
            (ys.start - top) * scale[1],
            (xs.stop - left) * scale[0],
            (ys.stop - top) * scale[1],
        )
        shape = (xs.stop - xs.start, ys.stop - ys.start)
        twin = np.asarray(image.resize(shape, Image.Resampling.BILINEAR, box=box)) / 255.0
        assert np.abs(view[row, :, ys, xs].permute(1, 2, 0).numpy() - twin).max() < 2.0 / 255.0


def test_fill_colours_are_white_black_or_any_as_often() -> None:
    colours = fill_colours(draws_of(N))
    assert abs((colours == 1.0).all(1).mean() - 1 / 3) < 0.02
    assert abs((colours == 0.0).all(1).mean() - 1 / 3) < 0.02


def test_overlays_lie_in_the_view_in_their_own_shape() -> None:
    aspects = np.exp(np.random.default_rng(0).uniform(-0.7, 0.7, N))
    boxes = overlay_boxes(draws_of(N), aspects, only("overlay").strength(1))
    sides = boxes[:, 2:] - boxes[:, :2]
    assert boxes.min() >= 0.0
    assert boxes.max() <= 1.0
    assert sides[:, 0] / sides[:, 1] == pytest.approx(aspects)
    sizes = np.sqrt(sides.prod(1))
    assert abs(sizes.mean() - 0.35) < 0.005


@pytest.mark.parametrize("operator", ["overlay", "inset"])
def test_the_other_picture_is_the_second_source_and_is_seen(operator: str) -> None:
    colours = torch.tensor(
        [[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 250, 250]], dtype=torch.uint8
    )
    keys = torch.tensor([11, 22, 33, 44, 55])
    batch = PictureBatch(colours[:, :, None, None].expand(5, 3, 32, 32).contiguous(), torch.ones(5), keys)
    settings = AugmentSettings(probability=only(operator).probability, ranges={"overlay.opacity": (1.0, 1.0)})
    views = make_views(Augmenter(settings, 32), batch, MixingSettings(), seed=0, epoch=0, step=0)
    assert torch.equal(views.sources[:, 0], keys.repeat(2))
    assert (views.sources[:, 1] != NOBODY).all()
    assert (views.sources[:, 0] != views.sources[:, 1]).all()
    for pixels, (first, second) in zip(views.pixels, views.sources.tolist(), strict=True):
        for key in (first, second):
            colour = colours[keys.tolist().index(key)].float()[:, None, None] / 255.0
            assert ((pixels - colour).abs().amax(0) < 0.02).float().mean() > 0.02


def test_groups_stand_for_keys_in_the_sources() -> None:
    batch = picture_batch(4, side=32)
    grouped = PictureBatch(batch.pixels, batch.aspects, batch.keys, torch.tensor([100, 101, 102, 103]))
    augmenter = Augmenter(only("overlay"), 32)
    plain = make_views(augmenter, batch, MixingSettings(), seed=0, epoch=0, step=0)
    views = make_views(augmenter, grouped, MixingSettings(), seed=0, epoch=0, step=0)
    assert torch.equal(views.sources, plain.sources + 100)
    assert torch.equal(views.pixels, plain.pixels)


def test_a_view_holds_two_pictures_at_most_and_a_single_picture_is_left_alone() -> None:
    settings = AugmentSettings(probability={**only("inset").probability, "overlay": 1.0})
    augmenter = Augmenter(settings, 32)
    batch = picture_batch(6, side=32)
    both = augmenter.augment(batch, seed=0, epoch=0, view=0)
    inset = Augmenter(only("inset"), 32).augment(batch, seed=0, epoch=0, view=0)
    assert torch.equal(both.pixels, inset.pixels)
    assert (both.others == inset.others).all()
    alone = augmenter.augment(picture_batch(1, side=32), seed=0, epoch=0, view=0)
    assert alone.others.tolist() == [-1]


def test_the_grid_of_an_augmented_batch_is_at_hand() -> None:
    batch = picture_batch(70, side=32)
    places = Augmenter("copylens", 32).augment(batch, seed=0, epoch=0, view=1).places
    maps = torch.from_numpy(np.concatenate([p.to_canvas for p in places]))
    assert view_grid(maps, 32).shape == (70, 32, 32, 2)
