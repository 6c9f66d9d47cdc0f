"""Masks of reliable flow: three kinds, or none."""

import torch

from defocus.align.flow.colour_wheel import official_mask
from defocus.align.sampling.warp import calibration_mask, warp
from defocus.baselines.objectives.jdrl.settings import MaskKind

__all__ = ["believed", "consistency_mask", "within"]

RELATIVE, ABSOLUTE_PX2 = 0.01, 0.5
"""Of the squared lengths of both flows, and by itself: how far there and back may miss."""


def believed(
    kind: MaskKind, forward: torch.Tensor, backward: torch.Tensor, band: float
) -> torch.Tensor:
    """Mask ``(N, 1, H, W)``, 1 where the forward flow, in the mask's frame, is reliable."""
    if kind == "paper":
        return calibration_mask(forward, band)
    if kind == "official":
        return official_mask(forward, band)
    if kind == "consistency":
        return consistency_mask(forward, backward)
    return torch.ones_like(forward[:, :1])


def within(flow: torch.Tensor, limit_px: float) -> torch.Tensor:
    """Mask ``(N, 1, 1, 1)``, 1 where the mean length of a crop's flow is at most the limit."""
    lengths = torch.linalg.vector_norm(flow, dim=1).mean(dim=(1, 2))
    kept: torch.Tensor = (lengths <= limit_px).to(flow.dtype)
    return kept[:, None, None, None]


def consistency_mask(forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
    """``|f(x) + b(x + f(x))|² < 0.01 (|f(x)|² + |b(x + f(x))|²) + 0.5`` px², inside the frame."""
    # Unlike a band around the mean, it keeps all of an aligned pair and of a zoomed one. Source:
    # Sundaram, Brox, Keutzer, Dense point trajectories (ECCV 2010), eq. 5.
    back = warp(backward, forward)
    missed = (forward + back).square().sum(1, keepdim=True)
    lengths = (forward.square() + back.square()).sum(1, keepdim=True)
    height, width = forward.shape[-2:]
    x = torch.arange(width, device=forward.device) + forward[:, 0]
    y = torch.arange(height, device=forward.device)[:, None] + forward[:, 1]
    inside = ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))[:, None]
    return ((missed < RELATIVE * lengths + ABSOLUTE_PX2) & inside).to(forward.dtype)
