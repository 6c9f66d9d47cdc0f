"""Downscaled picture in linear light for measurements, corrected by the rig if there is one."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.crop import Rectangle, ReleaseGrid
from defocus.align.photometry.linear_light import LUMINANCE, reduced_light
from defocus.align.rig.rig import Rig
from defocus.align.sampling.placement import Placement
from defocus.align.sampling.resample import Resampling, resampled_light
from defocus.images import Image

__all__ = ["coloured", "luminance_view", "sharp_view"]


def sharp_view(picture: Image, factor: int, rig: Rig | None = None) -> NDArray[np.float32]:
    """Reduced ``(h, w, 3)`` linear light; by a rig, as the first camera would have seen it."""
    if rig is None:
        return reduced_light(picture, factor)
    width, height = (side // factor * factor for side in rig.blurry_size)
    grid = ReleaseGrid(Rectangle(0, 0, width, height), 1 / factor)
    how = Resampling(Placement(np.eye(3), rig=rig), grid, "bicubic")
    return coloured(resampled_light(picture, how), rig)


def luminance_view(picture: Image, factor: int, rig: Rig | None = None) -> NDArray[np.float32]:
    """``(h, w)`` luminance of :func:`sharp_view`."""
    if rig is None:
        return reduced_light(picture, factor, LUMINANCE)
    return np.asarray(sharp_view(picture, factor, rig) @ LUMINANCE)


def coloured(light: NDArray[np.float32], rig: Rig) -> NDArray[np.float32]:
    """The second camera's light in the first's colours, clipped at black."""
    matrix = np.array(rig.colour_matrix, np.float32)
    return np.asarray(np.maximum(light @ matrix.T, np.float32(0.0)))
