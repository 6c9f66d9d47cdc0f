"""Validation of a network in training, on rendered pairs of the split ``choose``."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias, cast

import torch
from torch import nn

from defocus.align.flow.pwcnet.network import PWCNet, estimate_flow
from research.flow_training.loss import end_point_error
from research.flow_training.pairs import FlowBatch

Row: TypeAlias = dict[str, float | None]

BLURRED_FROM_PX = 4.0
"""Diameter of the circle of confusion from which a pixel counts as blurred."""


@torch.no_grad()
def estimated(
    network: nn.Module,
    pairs: Iterable[FlowBatch],
    device: torch.device,
) -> list[torch.Tensor]:
    """The flows of a network in full precision, ``(1, 2, H, W)`` each, on the CPU."""
    pwcnet = cast("PWCNet", network)
    flows = []
    for pair in pairs:
        blurry = pair.blurry.to(device)
        sharp = pair.sharp.to(device)
        flows.append(estimate_flow(pwcnet, blurry, sharp).cpu())
    return flows


def class_errors(flows: Iterable[torch.Tensor], pairs: Iterable[FlowBatch]) -> Row:
    """Mean end-point errors in px: of all, and of sharp and blurred pixels away from edges.

    A value is None if no pixel belongs to the class."""
    everywhere = []
    off_edges = []
    sharp = []
    blurred = []
    for flow, pair in zip(flows, pairs, strict=True):
        error = end_point_error(flow, pair.flow)
        everywhere.append(error.ravel())
        off_edges.append(error[pair.plain])
        is_blurred = pair.coc_px >= BLURRED_FROM_PX
        sharp.append(error[pair.plain & ~is_blurred])
        blurred.append(error[pair.plain & is_blurred])
    classes = {
        "epe_px": off_edges,
        "epe_sharp_px": sharp,
        "epe_blurred_px": blurred,
        "epe_with_edges_px": everywhere,
    }
    means = {}
    for name, errors in classes.items():
        means[name] = _mean(torch.cat(errors))
    return means


def _mean(values: torch.Tensor) -> float | None:
    return float(values.mean()) if values.numel() else None


def described(row: Mapping[str, float | None]) -> str:
    """The errors as readable text."""
    words = []
    for name, value in row.items():
        shown = "-" if value is None else format(value, ".3f").removesuffix(".000")
        words.append(f"{name} {shown}")
    return "  ".join(words)
