"""Report of a network that was fine-tuned for a user's own lens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import Card
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.datasets.pair import Dataset, Pair
from defocus.extras.charts.lens.page import lens_parts
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.own_lens.gains import Gains
from defocus.extras.charts.own_lens.mtf import ChartMtf
from defocus.extras.charts.own_lens.verdict import Verdict
from defocus.extras.charts.sheet.parts import StarPattern
from defocus.extras.charts.systems.restorers import Restore
from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.reports.model import (
    Beside,
    Column,
    Facts,
    Page,
    Paragraph,
    Slider,
    Table,
    Tabs,
)
from defocus.reports.pictures import eight_bits
from defocus.scene.lens_file import MeasuredLens

SHOWN = (0.25, 0.5, 0.75)
"""Quantiles of the change by which the shown scenes are chosen."""


@dataclass(frozen=True)
class ShownPictures:
    """Sliders of the report: scenes by name, and the chart."""

    scenes: Sequence[tuple[str, Slider]]
    chart: Sequence[Slider]


def own_lens_page(
    name: str,
    gains: tuple[Gains, Gains],
    charts: Sequence[ChartMtf],
    pictures: ShownPictures,
    measured: MeasuredLens,
    origin: Mapping[str, str],
) -> Page:
    """The report; ``gains`` are those of held-out scenes through the lens, and through others."""
    lens, others = gains
    scenes = Tabs(
        "Scene",
        tuple((title, (slider,)) for title, slider in pictures.scenes),
    )
    return Page(
        title=f"Weights for the lens {name}",
        notice="",
        summary=Verdict.of(lens, others).words(lens),
        sections=(
            ("Held-out scenes", (Beside((scenes,), (_by_blur(lens),)),)),
            (
                "The chart",
                (
                    Beside(
                        tuple(pictures.chart),
                        (mtf_table(charts), Paragraph(CHART_WORDS)),
                    ),
                ),
            ),
            ("Other lenses", (_by_blur(others),)),
            ("The lens", tuple(lens_parts(measured))),
            ("How they were made", (Facts("Training", tuple(origin.items())),)),
        ),
    )


CHART_WORDS = (
    "Compared are the edges that can be measured in all states of a picture. Edges flatter "
    "networks, which favour steps; the texture beside them says what was made up. The network did "
    "not see these pictures."
)


def _by_blur(gains: Gains) -> Table:
    columns = (
        "Circle of confusion, px",
        Column("Pixels", "%", decimals=0),
        Column("General", "dB", "higher", decimals=2),
        Column("This lens", "dB", "higher", decimals=2),
        Column("Difference", "dB", "higher", decimals=2),
    )
    rows = []
    for one in gains.by_blur:
        high = "…" if one.high is None else f"{one.high:g}"
        gained = (one.before, one.after, one.after - one.before)
        rows.append((f"{one.low:g} to {high}", 100 * one.share, *gained))
    mean = (
        "mean of scenes",
        None,
        float(np.mean(gains.before)),
        float(np.mean(gains.after)),
        float(gains.change.mean()),
    )
    return Table.of(
        "Gain over the blurry picture",
        columns,
        (mean, *rows),
        references=(0,),
    )


def mtf_table(charts: Sequence[ChartMtf]) -> Table:
    """The charts, as taken and restored, and why leaves or edges were not measured."""
    columns = (
        "Picture",
        Column("Blur", "px", decimals=1),
        "State",
        Column("MTF50", "cycles/px", "higher"),
        Column("Overshoot", "%", "lower", decimals=1),
        Column("Texture invented", "%", "lower", decimals=0),
    )
    rows = []
    leaves, edges = set(), set()
    for one in charts:
        percent = (_percent(one.overshoot), _percent(one.invented))
        rows.append((one.picture, one.blur_px, one.state, one.mtf50, *percent))
        if one.reason:
            leaves.add(f"{one.picture}: {one.reason}")
        if one.edges_reason:
            edges.add(f"{one.picture}: {one.edges_reason}")
    notes = []
    if leaves:
        notes.append(f"Leaves not measured: {'. '.join(sorted(leaves))}.")
    if edges:
        notes.append(f"Edges not compared: {'. '.join(sorted(edges))}.")
    caption = "Edges and leaves of the chart, as taken and restored"
    return Table.of(caption, columns, rows, " ".join(notes))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def scene_sliders(
    dataset: Dataset,
    gains: Gains,
    card: Card,
    states: Mapping[str, nn.Module],
    device: torch.device,
) -> list[tuple[str, Slider]]:
    """Scenes at the quartiles of the change, in all states, with names that state the change."""
    pairs = {pair.id: pair for pair in dataset.split("test")}
    order = np.argsort(gains.change)
    sliders = []
    for share in SHOWN:
        number = int(order[round(share * (len(order) - 1))])
        pair = pairs[gains.pairs[number]]
        title = f"{round(gains.change[number], 2) + 0.0:+.2f} dB"
        states_shown = tuple(_scene_states(pair, card, states, device))
        sliders.append(
            (
                title,
                Slider(f"{pair.id}: {title} over the general weights", states_shown),
            )
        )
    return sliders


def _scene_states(
    pair: Pair,
    card: Card,
    states: Mapping[str, nn.Module],
    device: torch.device,
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    yield "blurry", eight_bits(read_image(pair.blurry, pair.white))
    for name, network in states.items():
        yield name, _shown(restore_picture(network, card, pair, device).picture)
    if pair.sharp is not None:
        yield "sharp", eight_bits(read_image(pair.sharp, pair.white))


def _shown(stored: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.asarray(as_integer(np.clip(stored, 0, 1), 8), np.uint8)


def chart_slider(
    shots: Sequence[ChartShot],
    restores: Mapping[str, Restore],
) -> list[Slider]:
    """The star of the most blurred chart in all states; nothing where it has none."""
    shot = max(shots, key=lambda one: one.blur_px)
    for star in shot.reading.sheet.parts:
        part = _star_part(shot, star) if isinstance(star, StarPattern) else None
        if part is None:
            continue
        encoded = linear_to_srgb(np.ascontiguousarray(part))
        stored = np.asarray(encoded, np.float32)
        states = [("as taken", _shown(stored))]
        for name, restore in restores.items():
            restored = restore(stored)
            states.append((name, _shown(restored)))
        return [Slider("The chart's star, most blurred", tuple(states))]
    return []


def _star_part(shot: ChartShot, star: StarPattern) -> NDArray[np.float64] | None:
    """The part of a photograph that shows a star; None if the border cuts it in half."""
    height, width = shot.light.shape[:2]
    geometry = shot.reading.geometry
    middle = geometry.to_picture(np.array([[star.x, star.y]]))[0]
    reach = star.radius * geometry.scale(star.x, star.y) * 1.2
    low = middle - reach
    high = middle + reach
    left = max(0, round(float(low[0])))
    top = max(0, round(float(low[1])))
    right = round(min(width, high[0]))
    bottom = round(min(height, high[1]))
    if min(right - left, bottom - top) < reach:
        return None
    return shot.light[top:bottom, left:right]
