"""A stand-in for PPTformer's parser: regions of one colour, found in the blurry picture itself.

Source: Felzenszwalb and Huttenlocher, Efficient Graph-Based Image Segmentation (2004), as in
scikit-image. The authors' parser is not named in what they released.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.errors import ImageError

__all__ = ["regions"]

SCALE = 100
"""How much neighbouring regions may differ; larger ones are the result of larger values."""
SMOOTHING_PX = 0.8
SMALLEST_PX = 50
"""Of a region: pixels, not a side."""


def regions(blurry: torch.Tensor) -> torch.Tensor:
    """Each picture with every region painted in its mean colour, without gradient."""
    # Tensors without memory, by which costs are counted, have no values to look at: what they give
    # has none either.
    if blurry.is_meta:
        return torch.empty_like(blurry)
    if not bool(torch.isfinite(blurry).all()):
        raise ImageError("the picture has values that are not finite; its regions are undefined")
    pictures = blurry.detach().float().movedim(1, -1).cpu().numpy()
    painted = np.stack([_painted(picture) for picture in pictures])
    return torch.from_numpy(painted).movedim(-1, 1).to(blurry).contiguous()


def _painted(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    from skimage.segmentation import felzenszwalb

    labels = felzenszwalb(picture, scale=SCALE, sigma=SMOOTHING_PX, min_size=SMALLEST_PX)
    sums = [np.bincount(labels.ravel(), colour.ravel()) for colour in np.moveaxis(picture, -1, 0)]
    means: NDArray[np.float64] = np.stack(sums, axis=-1) / np.bincount(labels.ravel())[:, None]
    painted: NDArray[np.float32] = means.astype(np.float32)[labels]
    return painted
