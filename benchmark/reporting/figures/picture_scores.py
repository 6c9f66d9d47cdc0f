"""Scores of single pictures, and how much systems differ on each."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from defocus.benchmark.reporting.content import (
    Content,
    ReportSetting,
    is_reference,
    main_protocol,
    settings,
)
from defocus.benchmark.results.store import Entry
from defocus.benchmark.statistics.scored_group import scored_group

__all__ = ["LEADING", "PictureScores", "read_picture_scores", "spread"]

LEADING = "psnr"
"""The metric of the table over all pictures, and of how much systems differ on one."""


@dataclass(frozen=True)
class PictureScores:
    """Scores of pictures under one setting and protocol.

    Attributes:
        setting: Setting of the scores.
        protocol: Protocol of the scores.
        groups: The runs of each line; the runs of a group differ in their seed.
        systems: Lines that are systems, not references.
        scenes: Scene of each picture.
        values: Mean over seeds, by picture, line (index into ``groups``) and metric.
    """

    setting: ReportSetting
    protocol: str
    groups: Sequence[Sequence[Entry]]
    systems: frozenset[int]
    scenes: Mapping[str, str]
    values: Mapping[str, Mapping[int, Mapping[str, float]]]


def read_picture_scores(content: Content) -> list[PictureScores]:
    """The scores per picture of each setting, under its main protocol."""
    found = []
    for setting, rows in settings(content.rows).items():
        protocol = main_protocol(setting, rows)
        groups = [group for group in content.scored() if _under(group[0], setting)]
        if protocol and groups:
            found.append(_read(content, setting, protocol, groups))
    return found


def _under(entry: Entry, setting: ReportSetting) -> bool:
    own = (entry.dataset, entry.split, entry.budget, entry.evaluation)
    same = own == (setting.dataset, setting.split, setting.budget, setting.evaluation)
    return same and entry.data_hash.startswith(setting.data_revision)


def _read(
    content: Content, setting: ReportSetting, protocol: str, groups: Sequence[Sequence[Entry]]
) -> PictureScores:
    gathered: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    scenes: dict[str, str] = {}
    for line, group in enumerate(groups):
        scored = scored_group(content.results, group)
        numbers = scored.image_values()
        for place, values in zip(scored.places, numbers.tolist(), strict=True):
            if (place.profile, place.protocol) == (setting.profile, protocol):
                for (pair, scene), value in zip(scored.pictures, values, strict=True):
                    if not math.isnan(value):  # a perfect picture may have an infinite one
                        gathered[pair][line][place.metric] = value
                        scenes[pair] = scene
    entries = [group[0] for group in groups]
    systems = frozenset(n for n, e in enumerate(entries) if not is_reference(content, e.system))
    return PictureScores(setting, protocol, groups, systems, scenes, gathered)


def spread(scores: PictureScores, pair: str) -> float:
    """Standard deviation of the systems' PSNR on a picture, dB.

    Infinite if some but not all systems have an infinite PSNR.
    """
    by_line = scores.values[pair]
    values = [v[LEADING] for n, v in by_line.items() if n in scores.systems and LEADING in v]
    if any(map(math.isinf, values)):
        return math.inf if len(set(values)) > 1 else 0.0
    return statistics.pstdev(values) if len(values) > 1 else 0.0
