"""One minus structural similarity."""

import torch
from torch import Tensor
from torch.nn import functional

from defocus.baselines.loss import LossFunction

SIGMA = 1.5
RADIUS = 5
C1 = 0.01**2
C2 = 0.03**2


def dissimilarity(output: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM with an 11-tap Gaussian window of 1.5 px, peak 1, mean over the valid pixels."""
    # Source: Wang et al., Image quality assessment (TIP 2004), as in the package pytorch_msssim.
    mean_o = _window(output)
    mean_t = _window(target)
    variance_o = _window(output.square()) - mean_o.square()
    variance_t = _window(target.square()) - mean_t.square()
    covariance = _window(output * target) - mean_o * mean_t
    squares = mean_o.square() + mean_t.square()
    light = (2 * mean_o * mean_t + C1) / (squares + C1)
    variances = variance_o + variance_t
    structure = (2 * covariance + C2) / (variances + C2)
    similarity = light * structure
    return 1 - similarity.mean()


def _window(picture: Tensor) -> Tensor:
    """Local means without the border; an axis shorter than the window is not filtered."""
    channels = picture.shape[1]
    place = torch.arange(
        -RADIUS,
        RADIUS + 1,
        dtype=picture.dtype,
        device=picture.device,
    )
    taps = torch.exp(-place.square() / (2 * SIGMA**2))
    kernel = (taps / taps.sum()).expand(channels, 1, 1, -1)
    if picture.shape[-1] >= len(taps):
        picture = functional.conv2d(picture, kernel, groups=channels)
    if picture.shape[-2] >= len(taps):
        picture = functional.conv2d(picture, kernel.transpose(-1, -2), groups=channels)
    return picture


def make() -> LossFunction:
    """The loss."""
    return dissimilarity
