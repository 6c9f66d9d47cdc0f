"""JDRL's calibration mask, where flow counts as reliable: of its paper and of its released code."""

import torch

from defocus.align.flow.colour_wheel import flow_grey

STILL_PX = 0.1
"""Mean magnitude of the flow, px, below which a pair counts as aligned and the mask is all ones
(ours, not JDRL's): the band around a mean of nearly nothing would select noise."""


def paper_mask(flow: torch.Tensor, band: float = 0.35) -> torch.Tensor:
    """``(N, 1, H, W)``: 1 where |flow| is within ``band`` of its mean, or that is below 0.1 px.

    Source: JDRL (AAAI 2023), lambda = 0.35; the magnitude is our reading, see ``official_mask``."""
    motion = flow.detach()
    # torch's norm over an axis of two takes eighty times as long
    right = motion[:, :1]
    down = motion[:, 1:]
    magnitude = torch.hypot(right, down)
    mean = magnitude.mean(dim=(1, 2, 3), keepdim=True)
    in_band = _in_band(magnitude, mean, band)
    still = mean < STILL_PX
    mask: torch.Tensor = (in_band | still).to(flow.dtype)
    return mask


def official_mask(flow: torch.Tensor, band: float = 0.35) -> torch.Tensor:
    """Mask of JDRL's released code: a band around the mean grey of the flow, bounds inclusive.

    Direction matters in it, and magnitude only relative to the largest of the picture."""
    grey = flow_grey(flow)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    return _in_band(grey, mean, band).float()


def _in_band(values: torch.Tensor, mean: torch.Tensor, band: float) -> torch.Tensor:
    """Where values are within a share ``band`` of their mean."""
    above = values >= (1.0 - band) * mean
    below = values <= (1.0 + band) * mean
    return above & below
