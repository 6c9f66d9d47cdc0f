"""Scores of single pictures: one table of all, and a folded section for each."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from defocus.benchmark.metrics.registry import all_metrics
from defocus.benchmark.reporting.content import (
    Content,
    Setting,
    display_name,
    is_reference,
    main_protocol,
    settings,
)
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.benchmark.results.store import Entry
from defocus.benchmark.statistics.scored_group import scored_group
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Folded, Link, Paragraph, Part, Table
from defocus.reports.text import anchor, number_text

__all__ = ["PictureScores", "picture_parts", "read_picture_scores", "spread"]

LEADING = "psnr"
"""The metric of the table over all pictures, and of how much systems differ on one."""

SHOWN_PICTURES = 6
"""So many pictures have their restorations in the report: those on which systems differ most."""


@dataclass(frozen=True)
class PictureScores:
    """Scores under one setting and protocol.

    Attributes:
        setting: Of the scores.
        protocol: Of the scores.
        groups: The runs behind each line; those of a group differ in their seed.
        systems: The lines that are systems and not references.
        scenes: Scene of each picture.
        values: By picture, line (index into ``groups``) and metric: the mean over seeds.
    """

    setting: Setting
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


def _under(entry: Entry, setting: Setting) -> bool:
    own = (entry.dataset, entry.split, entry.budget, entry.evaluation)
    same = own == (setting.dataset, setting.split, setting.budget, setting.evaluation)
    return same and entry.data_hash.startswith(setting.data_revision)


def _read(
    content: Content, setting: Setting, protocol: str, groups: Sequence[Sequence[Entry]]
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
    """How much systems differ on a picture: the standard deviation of its PSNR, dB.

    Infinite where one has an infinite PSNR and another has not.
    """
    by_line = scores.values[pair]
    values = [v[LEADING] for n, v in by_line.items() if n in scores.systems and LEADING in v]
    if any(map(math.isinf, values)):
        return math.inf if len(set(values)) > 1 else 0.0
    return statistics.pstdev(values) if len(values) > 1 else 0.0


def picture_parts(content: Content, scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """The table over all pictures, then a folded page for each, those that differ most first.

    Args:
        content: The study.
        scores: Of its pictures.
        kept: Their restorations, for the pictures that have some.
    """
    pairs = sorted(scores.values, key=lambda pair: (-spread(scores, pair), pair))
    if not pairs:
        return []
    with_pictures = [pair for pair in pairs if kept.has(scores, pair)][:SHOWN_PICTURES]
    said = f"Scores under {scores.protocol}. The pictures on which systems differ most come first"
    if len(with_pictures) < len(pairs):
        said += f"; before them the {counted(len(with_pictures), 'picture')} with restorations"
    ordered = [*with_pictures, *(pair for pair in pairs if pair not in set(with_pictures))]
    folded = [_folded(content, scores, pair, kept, pair in with_pictures) for pair in ordered]
    return [_overview(content, scores, pairs), Paragraph(f"{said}."), *folded]


def _place(scores: PictureScores, pair: str) -> str:
    return anchor("picture", *astuple(scores.setting), pair)


def _label(content: Content, scores: PictureScores, line: int) -> str:
    """The system's name, with what tells it from another line of the same system."""
    entry = scores.groups[line][0]
    name = display_name(content, entry.system)
    twins = [group for group in scores.groups if group[0].system == entry.system]
    return f"{name} ({entry.weights}, {entry.train_dataset})" if len(twins) > 1 else name


def _overview(content: Content, scores: PictureScores, pairs: Sequence[str]) -> Table:
    metric = all_metrics()[LEADING]
    lines = range(len(scores.groups))
    columns = [Column("Picture"), Column("Scene"), Column("Differ by", metric.unit, decimals=2)]
    columns += [
        Column(_label(content, scores, line), decimals=metric.decimals, better=metric.better)
        for line in lines
    ]
    body = []
    for pair in sorted(pairs):
        numbers: list[Cell] = [scores.values[pair].get(line, {}).get(LEADING) for line in lines]
        head: list[Cell] = [Link(pair, f"#{_place(scores, pair)}"), scores.scenes[pair]]
        body.append((*head, spread(scores, pair), *numbers))
    caption = f"{metric.display_name}, {metric.unit}, of every picture under {scores.protocol}"
    note = "Differ by: the standard deviation over systems."
    return Table(caption, tuple(columns), tuple(body), note, large=True)


def _folded(
    content: Content, scores: PictureScores, pair: str, kept: KeptPictures, show: bool
) -> Folded:
    parts: list[Part] = []
    if show:
        lines = range(len(scores.groups))
        labels = [_label(content, scores, line) for line in lines]
        psnr = [scores.values[pair].get(line, {}).get(LEADING) for line in lines]
        parts += kept.parts(scores, pair, labels, psnr)
    parts.append(_scores_of(content, scores, pair))
    line = scores.scenes[pair]
    if len(scores.groups) > 1:
        line += f"; systems differ by {number_text(spread(scores, pair), 2)} dB"
    return Folded(pair, _place(scores, pair), tuple(parts), line)


def _scores_of(content: Content, scores: PictureScores, pair: str) -> Table:
    """One picture's scores: a line per system, a column per metric."""
    by_line = scores.values[pair]
    metrics = [
        metric
        for name, metric in all_metrics().items()
        if any(name in by_metric for by_metric in by_line.values())
    ]
    columns = [Column("System")]
    columns += [Column(m.display_name, m.unit, m.better, m.decimals) for m in metrics]
    body = tuple(
        (_label(content, scores, line), *(by_metric.get(m.name) for m in metrics))
        for line, by_metric in sorted(by_line.items())
    )
    return Table(f"Scores of {pair}", tuple(columns), body, large=True)
