"""Pictures inside others: who holds whom, who has more pixels, and that nothing that holds other things is a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.matching import KeepRules, Pairs, group_against, group_images, keep_order, with_reasons
from copylens.matching.containment import CLEAR, is_part, part_pixels
from copylens.records import Group, ImageFacts, MatchedView, Related, View
from matching_samples import make_image, make_pairs

HALF, BAND, TURNED = View(0.25, 0.25, 0.75, 0.75), View(0, 0.3, 1, 0.7), View(turn="rot90")
VIEWS = (HALF, BAND, TURNED)
RULES = KeepRules.parse("resolution,bytes")

Origins = dict[tuple[int, int], int]
"""Pairs of contents, and what showed each: 1 the half of the first, -2 the band of the second, 0 the wholes."""


def sized(path: str, width: int, height: int) -> ImageFacts:
    return make_image(path, width=width, height=height, content_hash=path)


def pairs_of(origins: Origins) -> Pairs:
    made = make_pairs(*((a, b, 0.875) for a, b in origins))
    return Pairs(made.first, made.second, made.scores, np.array([*origins.values()], np.int64))


def grouped(
    images: Sequence[ImageFacts], origins: Origins, contents: Sequence[int] | None = None
) -> list[Group]:
    """Groups of images, each with its own content unless `contents` says otherwise."""
    numbers = np.array(range(len(images)) if contents is None else contents, np.int64)
    order = keep_order(images, RULES)
    groups = group_images(images, numbers, pairs_of(origins), order, views=VIEWS)
    return with_reasons(groups, {image.path: image for image in images}, RULES, known=False)


PHOTO, SCREEN = sized("photo", 4000, 3000), sized("screen", 2160, 4680)


def test_a_photograph_is_kept_before_a_screenshot_that_shows_it_small() -> None:
    pixels = part_pixels(SCREEN, BAND, PHOTO)
    assert pixels == pytest.approx(2160 * 0.4 * 4680 / (4000 * 3000))
    screen = Related("screen", 0.875, "holds", MatchedView("other", BAND), pixels)
    assert grouped([PHOTO, SCREEN], {(0, 1): -2}) == [Group("parts", "photo", (), (screen,), "part")]
    # The bundled screenshot has 1.5 times the pixels of its photograph, and 0.6 times in the part.
    (group,) = grouped([sized("rocket", 640, 427), sized("screen", 480, 860)], {(0, 1): -2})
    assert (group.keeper, group.because) == ("rocket", "part")
    # A screenshot of more pixels in all, and fewer of what it shows.
    large = sized("large screen", 3600, 7800)
    assert large.width * large.height > 2 * PHOTO.width * PHOTO.height
    (group,) = grouped([sized("photo", 6000, 4500), large], {(0, 1): -2})
    assert (group.keeper, group.because, group.members) == ("photo", "part", ())


def test_an_original_is_kept_before_a_crop_of_it() -> None:
    original, crop, small = PHOTO, sized("crop", 2000, 1500), sized("small crop", 1000, 750)
    (group,) = grouped([original, crop, small], {(0, 1): 1, (0, 2): 1})
    assert (group.kind, group.keeper, group.members) == ("parts", "photo", ())
    assert [(item.path, item.relation, item.pixels) for item in group.related] == [
        ("crop", "part", 1.0),
        ("small crop", "part", 4.0),
    ]
    # Of one resolution: the box cannot tell, and the rules take the larger picture.
    assert group.because == "resolution"
    (group,) = grouped([original, small], {(0, 1): 1})
    assert group.because == "part"


def test_a_collage_holds_each_of_its_pictures_and_is_a_copy_of_none() -> None:
    collage = sized("collage", 1000, 1000)
    photos = [sized(f"photo {n}", 2000 + n, 2000) for n in range(3)]
    groups = grouped([collage, *photos], {(0, n): 1 for n in (1, 2, 3)})
    assert [(g.kind, g.keeper, [item.path for item in g.related]) for g in groups] == [
        ("parts", f"photo {n}", ["collage"]) for n in range(3)
    ]


def test_copies_of_a_screenshot_stay_copies_and_its_picture_relates_to_the_best_of_them() -> None:
    images = [PHOTO, SCREEN, sized("screen again", 2160, 4680), sized("screen small", 1080, 2340)]
    groups = grouped(images, {(0, 1): -2, (1, 2): 0, (0, 2): -2}, [0, 1, 1, 2])
    by_keeper = {group.keeper: group for group in groups}
    assert by_keeper.keys() == {"photo", "screen"}
    assert [member.path for member in by_keeper["screen"].members] == ["screen again", "screen small"]
    assert [item.path for item in by_keeper["photo"].related] == ["screen"]
    assert (by_keeper["photo"].kind, by_keeper["screen"].because) == ("parts", "name")


def test_a_turn_of_the_whole_makes_a_copy() -> None:
    (group,) = grouped([PHOTO, sized("turned", 300, 400)], {(0, 1): -3})
    assert (group.kind, group.related, group.because) == ("near", (), "resolution")
    assert group.members[0].view == MatchedView("copy", TURNED)


def test_pictures_that_all_hold_each_other_make_one_group() -> None:
    screens = [sized(f"{n}", 1000, 2000) for n in range(6)]
    (group,) = grouped(screens, dict.fromkeys(combinations(range(6), 2), 1))
    assert len(group.related) == 5


def test_equal_pixels_are_copies_whatever_showed_them() -> None:
    images = [sized("a", 100, 100), sized("b", 100, 100)]
    order = keep_order(images, RULES)
    (group,) = group_images(
        images, np.arange(2), pairs_of({(0, 1): 1}), order, equal_pixels={(1, 0)}, views=VIEWS
    )
    assert (group.kind, [member.path for member in group.members]) == ("exact", ["b"])


def test_known_pictures_stay_keepers_and_wholes_come_before_parts() -> None:
    known = [sized("known large", 900, 900), sized("known small", 90, 90)]
    new = [sized("copy", 500, 500), sized("holder", 4000, 4000), sized("crop", 50, 50)]
    pairs = Pairs(
        np.array([0, 0, 1, 2]),
        np.array([3, 4, 4, 3]),
        np.array([0.7, 0.9, 0.8, 0.8], np.float32),
        np.array([0, 1, 1, -1]),
    )
    groups = group_against(new, np.arange(3), known, np.array([3, 4]), pairs, [0, 1], views=VIEWS)
    groups = with_reasons(groups, {image.path: image for image in [*new, *known]}, RULES, known=True)
    assert {group.because for group in groups} == {"known"}
    assert {
        group.keeper: (
            [member.path for member in group.members],
            [(item.path, item.relation) for item in group.related],
        )
        for group in groups
    } == {"known large": (["copy"], [("crop", "part")]), "known small": ([], [("holder", "holds")])}


# --- any collection


@dataclass(frozen=True)
class Sample:
    """Images, their contents, and pairs with what showed each."""

    images: list[ImageFacts]
    contents: npt.NDArray[np.int64]
    origins: Origins

    @property
    def by_path(self) -> dict[str, ImageFacts]:
        return {image.path: image for image in self.images}

    def content(self, path: str) -> int:
        return int(self.contents[[image.path for image in self.images].index(path)])

    def origin(self, a: str, b: str) -> int | None:
        """What showed two images, as seen from the first; None where they do not match."""
        first, second = self.content(a), self.content(b)
        if first == second:
            return 0
        if (first, second) in self.origins:
            return self.origins[first, second]
        turned = self.origins.get((second, first))
        return None if turned is None else -turned


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6))
    contents = [*range(len(shapes)), *draw(st.lists(st.integers(0, len(shapes) - 1), max_size=3))]
    images = [
        make_image(f"{place}", width=40 * shapes[c][0], height=40 * shapes[c][1], size=9 + c)
        for place, c in enumerate(contents)
    ]
    origins = {
        pair: draw(st.integers(-3, 3)) for pair in combinations(range(len(shapes)), 2) if draw(st.booleans())
    }
    return Sample(images, np.array(contents, np.int64), origins)


@settings(deadline=None)
@given(samples())
def test_only_copies_of_the_whole_are_ever_members(sample: Sample) -> None:
    groups = grouped(sample.images, sample.origins, sample.contents.tolist())
    members = [member.path for group in groups for member in group.members]
    assert len(members) == len(set(members))
    for group in groups:
        assert group.members or group.related
        assert (group.kind == "parts") == (not group.members)
        assert group.keeper not in members
        for member in group.members:
            origin = sample.origin(group.keeper, member.path)
            assert origin in (0, 3, -3)
        for item in group.related:
            assert item.path not in members


@settings(deadline=None)
@given(samples())
def test_whoever_has_more_pixels_of_the_part_heads_the_pair(sample: Sample) -> None:
    facts = sample.by_path
    for group in grouped(sample.images, sample.origins, sample.contents.tolist()):
        for item in group.related:
            origin = sample.origin(group.keeper, item.path)
            assert origin is not None
            view = VIEWS[abs(origin) - 1]
            assert is_part(view)
            holds = origin < 0
            assert item.relation == ("holds" if holds else "part")
            assert item.view == MatchedView("other" if holds else "keeper", view)
            holder, inside = (item.path, group.keeper) if holds else (group.keeper, item.path)
            assert item.pixels == pytest.approx(part_pixels(facts[holder], view, facts[inside]))
            keepers_share = 1 / item.pixels if holds else item.pixels
            assert keepers_share > 1 / CLEAR or keepers_share == pytest.approx(1 / CLEAR)
            if keepers_share < CLEAR:
                assert RULES.key(facts[group.keeper]) < RULES.key(facts[item.path])


@settings(deadline=None)
@given(samples())
def test_every_pair_of_images_that_are_no_copies_is_shown(sample: Sample) -> None:
    groups = grouped(sample.images, sample.origins, sample.contents.tolist())
    members = {member.path for group in groups for member in group.members}
    together = [{group.keeper, *(item.path for item in group.related)} for group in groups]
    heads = sorted(image.path for image in sample.images if image.path not in members)
    shown = [{group.keeper, item.path} for group in groups for item in group.related]
    assert all(shown.count(pair) == 1 for pair in shown)
    for a, b in combinations(heads, 2):
        origin = sample.origin(a, b)
        if origin is not None and abs(origin) in (1, 2):
            assert any({a, b} <= group for group in together)


def test_the_pixels_of_a_part() -> None:
    assert part_pixels(sized("a", 100, 50), HALF, sized("b", 50, 25)) == 1.0
    assert part_pixels(sized("a", 100, 50), BAND, sized("b", 10, 10)) == pytest.approx(20.0)
