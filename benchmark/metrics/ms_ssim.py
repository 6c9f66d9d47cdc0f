"""Structural similarity at five scales."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.metrics.ssim import (
    WINDOW_PX,
    contrast_and_ssim,
    seen,
    whole_windows,
)
from defocus.benchmark.scoring.profiles import Profile

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW = "gaussian-11"

SMALLEST_PX = WINDOW_PX[_WINDOW] * 2 ** (len(_WEIGHTS) - 1)
"""Shortest side, px, of a picture whose coarsest scale still holds a whole window."""


def _ms_ssim(
    restored: Picture,
    reference: Picture,
    mask: Mask,
    profile: Profile,
) -> float:
    """Product over the scales of contrast and structure, and of the luminance at the coarsest."""
    # It is the mean of the channels' products; a scale whose mean is negative counts as 0. Source:
    # Wang, Simoncelli and Bovik 2003, eq. 7, with the authors' weights.
    if min(mask.shape) < SMALLEST_PX:
        raise MetricUnavailableError(
            f"MS-SSIM needs {SMALLEST_PX} px at least on each side"
        )
    first, second = seen(restored, profile), seen(reference, profile)
    product = np.ones(first.shape[2])
    for level, weight in enumerate(_WEIGHTS, start=1):
        counted = whole_windows(mask, WINDOW_PX[_WINDOW])
        if not counted.any():
            raise MetricUnavailableError(
                f"no window of scale {level} lies inside the mask"
            )
        contrast, similarity = contrast_and_ssim(first, second, _WINDOW, profile)
        values = similarity if level == len(_WEIGHTS) else contrast
        product *= np.maximum(values[counted].mean(axis=0), 0.0) ** weight
        first, second = _halved(first, profile), _halved(second, profile)
        mask = _halved_mask(mask, profile)
    return float(product.mean())


def _halved_mask(mask: Mask, profile: Profile) -> Mask:
    """The pixels of half the size that are whole inside."""
    covered = mask[:, :, None].astype(np.float64)
    shares = _halved(covered, profile, cv2.BORDER_REPLICATE)[:, :, 0]
    return np.asarray(shares == 1.0)


def _halved(
    picture: NDArray[np.float64],
    profile: Profile,
    around: int | None = None,
) -> NDArray[np.float64]:
    """Means of 2 x 2 px.

    A picture with an odd side is padded by one row or column after it; under ``zeros_around`` by
    one before it as well."""
    if around is None:
        around = cv2.BORDER_CONSTANT if profile.zeros_around else cv2.BORDER_REPLICATE
    after = [side % 2 for side in picture.shape[:2]]
    before = after if profile.zeros_around else [0, 0]
    padded = cv2.copyMakeBorder(
        picture,
        before[0],
        after[0],
        before[1],
        after[1],
        around,
    )
    height, width = (side // 2 for side in padded.shape[:2])
    blocks = padded[: 2 * height, : 2 * width].reshape(
        height,
        2,
        width,
        2,
        picture.shape[2],
    )
    return np.asarray(blocks.mean(axis=(1, 3)))


METRIC = Metric(
    name="ms_ssim",
    display_name="MS-SSIM",
    better="higher",
    unit="",
    decimals=3,
    compute=_ms_ssim,
    span=(0.0, 1.0),
    on_request=True,
)
