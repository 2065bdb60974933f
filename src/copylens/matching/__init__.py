"""Descriptors in, pairs out; pairs and images in, matches and groups out."""

from copylens.matching.containment import is_part
from copylens.matching.groups import group_against, group_images
from copylens.matching.joins import Pairs, cross_join, self_join
from copylens.matching.keep import KeepRules, keep_order
from copylens.matching.matches import matches_against, matches_within
from copylens.matching.reasons import with_reasons
from copylens.matching.view_joins import Limits, ViewRows, cross_join_views, self_join_views

__all__ = [
    "KeepRules",
    "Limits",
    "Pairs",
    "ViewRows",
    "cross_join",
    "cross_join_views",
    "group_against",
    "group_images",
    "is_part",
    "keep_order",
    "matches_against",
    "matches_within",
    "self_join",
    "self_join_views",
    "with_reasons",
]
