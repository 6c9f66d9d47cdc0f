"""Validation of a network in training, on rendered pairs of the split ``choose``."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from defocus.align.flow.pwcnet.network import PWCNet, estimate_flow
from defocus.align.flow.training.loss import end_point_error
from defocus.align.flow.training.pairs import FlowBatch
from defocus.files import write_text

__all__ = ["Row", "Validation", "class_errors", "described", "write_rows"]

Row: TypeAlias = dict[str, float | None]

BLURRED_FROM_PX = 4.0
"""Diameter of the circle of confusion from which a pixel counts as blurred."""


@dataclass(frozen=True)
class Validation:
    """Pairs that no step trains on.

    Attributes:
        pairs: Batches of one pair.
    """

    pairs: tuple[FlowBatch, ...]

    @torch.no_grad()
    def errors(self, network: PWCNet, device: torch.device) -> Row:
        """The errors of a network in full precision, by class."""
        network.eval()
        flows = [
            estimate_flow(network, pair.blurry.to(device), pair.sharp.to(device)).cpu()
            for pair in self.pairs
        ]
        network.train()
        return class_errors(flows, self.pairs)


def class_errors(flows: Iterable[torch.Tensor], pairs: Iterable[FlowBatch]) -> Row:
    """Mean end-point errors, px: everywhere, and off edges for sharp and for blurred pixels.

    None where no pixel is of a class.

    Args:
        flows: ``(1, 2, H, W)`` each.
        pairs: As many batches of one pair.
    """
    everywhere, off_edges, sharp, blurred = [], [], [], []
    for flow, pair in zip(flows, pairs, strict=True):
        error = end_point_error(flow, pair.flow)
        everywhere.append(error.ravel())
        off_edges.append(error[pair.plain])
        sharp.append(error[pair.plain & (pair.coc_px < BLURRED_FROM_PX)])
        blurred.append(error[pair.plain & (pair.coc_px >= BLURRED_FROM_PX)])
    classes = {
        "epe_px": off_edges,
        "epe_sharp_px": sharp,
        "epe_blurred_px": blurred,
        "epe_with_edges_px": everywhere,
    }
    return {name: _mean(torch.cat(errors)) for name, errors in classes.items()}


def _mean(values: torch.Tensor) -> float | None:
    return float(values.mean()) if values.numel() else None


def described(row: Row) -> str:
    """A row for people."""
    return "  ".join(
        f"{name} {'-' if value is None else format(value, '.3f').removesuffix('.000')}"
        for name, value in row.items()
    )


def write_rows(path: Path, rows: Iterable[Mapping[str, float | None]]) -> None:
    """Write ``validation.csv`` atomically.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    rows = list(rows)
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())
