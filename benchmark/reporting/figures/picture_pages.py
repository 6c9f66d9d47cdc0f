"""A report's pages of single pictures: one table over all, and a folded page for each."""

from collections.abc import Sequence
from dataclasses import astuple

from defocus.benchmark.metric.registry import all_metrics
from defocus.benchmark.reporting.content import (
    Content,
    display_name,
)
from defocus.benchmark.reporting.figures.picture_scores import LEADING, PictureScores, spread
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Folded, Link, Paragraph, Part, Table
from defocus.reports.text import anchor, number_text

__all__ = ["picture_parts"]

SHOWN_PICTURES = 6
"""So many pictures have their restorations in the report: those on which systems differ most."""


def picture_parts(content: Content, scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """The table over all pictures, then a folded page for each.

    Pictures with the largest differences come first.

    Args:
        content: The study.
        scores: Scores of its pictures.
        kept: Kept restorations of the pictures.
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
    """The system's name, with what distinguishes it from other lines of the same system."""
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
    """Table of one picture's scores: a row per system, a column per metric."""
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
