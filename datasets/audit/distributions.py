"""How a dataset's pairs are distributed in what an audit measures."""

from collections.abc import Sequence

import numpy as np

from defocus.align.photometry.unexplained import MOST_STOPS
from defocus.datasets.audit.page_parts import COMMON_LIMIT_PX
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.table import QUANTITIES, Quantity, values
from defocus.datasets.pair import SPLITS
from defocus.reports.model import Curve, Curves, Part

FEWEST_PAIRS = 10
"""Number of measured pairs from which distributions are drawn; for fewer, the table of pairs is
better."""

LEAST_RANGES = {
    "misalignment_px": (0.0, COMMON_LIMIT_PX),
    "residual_p95_px": (0.0, COMMON_LIMIT_PX),
    "gain_ev": (-0.5, 0.5),
    "vignetting_ev": (-0.5, 0.5),
    "unexplained_stops": (0.0, MOST_STOPS),
}
"""Ranges that the axes of distributions hold at least: the default limits of 'curate'."""


def quantity_label(quantity: Quantity) -> str:
    """The name of a quantity with its unit."""
    return f"{quantity.title}, {quantity.unit}" if quantity.unit else quantity.title


def distributions(
    pairs: Sequence[AuditedPair], limit_px: float | None = None
) -> tuple[Part, ...]:
    """Cumulative distribution of each quantity, one curve per split; none for a few pairs."""
    # ``limit_px``: the largest misalignment that passes; its axis reaches that far.
    if len(values(pairs, QUANTITIES[0].name)) < FEWEST_PAIRS:
        return ()
    ranges = dict(LEAST_RANGES)
    if limit_px is not None:
        ranges["misalignment_px"] = (0.0, limit_px)
    figures: list[Part] = []
    for quantity in QUANTITIES:
        curves = _curves(pairs, quantity)
        if curves:
            caption = quantity.title[0].upper() + quantity.title[1:]
            label = "share of pairs at or below"
            least = ranges.get(quantity.name)
            x_label = quantity_label(quantity)
            figures.append(
                Curves(caption, x_label, label, tuple(curves), x_least=least)
            )
    return tuple(figures)


def _curves(pairs: Sequence[AuditedPair], quantity: Quantity) -> list[Curve]:
    """Steps of the share of pairs at or below each value, a curve for each split."""
    curves = []
    for split in SPLITS:
        ordered = np.sort(
            values([pair for pair in pairs if pair.split == split], quantity.name)
        )
        if len(ordered):
            # Steps: of one pair, or of equal ones, nothing else would be a line from 0 to 1.
            at = np.repeat(ordered, 2)
            shares = np.repeat(np.linspace(0, 1, len(ordered) + 1), 2)
            curves.append(
                Curve(split, tuple(at.tolist()), tuple(shares[1:-1].tolist()))
            )
    return curves
