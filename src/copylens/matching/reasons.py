"""Groups in, the same groups with the reason why each keeper is the one to keep out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from copylens.matching.containment import CLEAR
from copylens.matching.keep import KeepRules, deciding_rule
from copylens.records import Group, ImageFacts, Related

KNOWN = "known"
PART = "part"
"""The keeper has more pixels of what is shared than each picture that holds it or is a part of it."""


def with_reasons(
    groups: Sequence[Group], images: Mapping[str, ImageFacts], rules: KeepRules, *, known: bool
) -> list[Group]:
    """Fill in `Group.because`.

    Args:
        groups: as `group_images` or `group_against` made them.
        images: facts by path.
        rules: by which the keepers were chosen.
        known: whether the keepers are known images, which nothing chose.
    """
    return [replace(group, because=KNOWN if known else _because(group, images, rules)) for group in groups]


def _because(group: Group, images: Mapping[str, ImageFacts], rules: KeepRules) -> str:
    rivals = [member.path for member in group.members] or [
        item.path for item in group.related if not has_clearly_less(item)
    ]
    if not rivals:
        return PART
    return deciding_rule(images[group.keeper], [images[path] for path in rivals], rules)


def has_clearly_less(item: Related) -> bool:
    """Whether the keeper has clearly more pixels of what it shares with a picture."""
    return item.pixels <= 1 / CLEAR if item.relation == "holds" else item.pixels >= CLEAR
