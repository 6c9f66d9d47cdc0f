"""JDRL's calibration mask, which marks reliable flow."""

import torch

__all__ = ["STILL_PX", "calibration_mask"]

STILL_PX = 0.1
"""Below this mean magnitude a pair counts as aligned and the mask is all ones (ours, not JDRL's):
the band around a mean of nearly nothing would select noise."""


def calibration_mask(flow: torch.Tensor, band: float = 0.35) -> torch.Tensor:
    """Where the flow's magnitude is close to its mean over the picture.

    m(x) = 1 where (1 - band) * mean <= |flow(x)| <= (1 + band) * mean, else 0; all ones where the
    mean is below 0.1 px. The magnitude is our reading of the paper's equation, whose interval is
    empty for negative components; for what the released code does see
    :func:`defocus.align.flow.colour_wheel.official_mask`.

    Args:
        flow: ``(N, 2, H, W)`` float, px.
        band: The paper's lambda, 0 <= band < 1.

    Returns:
        ``(N, 1, H, W)``, 0 or 1, of the flow's dtype, without gradient.

    Source: JDRL (AAAI 2023), calibration mask, lambda = 0.35.
    """
    motion = flow.detach()
    # torch's norm over an axis of two takes eighty times as long
    magnitude = torch.hypot(motion[:, :1], motion[:, 1:])
    mean = magnitude.mean(dim=(1, 2, 3), keepdim=True)
    believed = (magnitude >= (1.0 - band) * mean) & (magnitude <= (1.0 + band) * mean)
    mask: torch.Tensor = (believed | (mean < STILL_PX)).to(flow.dtype)
    return mask
