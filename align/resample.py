"""Resampling of the sharp picture onto the blurry grid, once, in linear light."""

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.images import (
    FloatImage,
    Image,
    as_float,
    as_integer,
    bit_depth,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.optics.geometry import Similarity

__all__ = ["inside_frame", "resampled", "resampled_integer"]

ROWS_AT_ONCE = 256


def resampled(picture: FloatImage, similarity: Similarity) -> FloatImage:
    """The picture as the blurry camera frames it: out(x_b) = picture(x_s(x_b)).

    Bicubic (a = -0.75), border values repeated outside the frame, negative overshoot cut.

    Args:
        picture: ``(H, W, C)`` float32.
        similarity: From blurry to sharp positions.
    """
    height, width = picture.shape[:2]
    source = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    matrix = torch.from_numpy(similarity.matrix(width, height))
    columns = torch.arange(width, dtype=torch.float64)
    strips = []
    for top in range(0, height, ROWS_AT_ONCE):
        rows = torch.arange(top, min(top + ROWS_AT_ONCE, height), dtype=torch.float64)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        grid = torch.stack(
            [
                (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) * 2 / (width - 1) - 1,
                (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) * 2 / (height - 1) - 1,
            ],
            dim=-1,
        )
        strips.append(
            torch.nn.functional.grid_sample(
                source,
                grid[None].float(),
                mode="bicubic",
                padding_mode="border",
                align_corners=True,
            )[0]
        )
    moved = torch.cat(strips, dim=1).clamp_min(0.0).permute(1, 2, 0)
    return np.ascontiguousarray(moved.numpy())


def inside_frame(similarity: Similarity, width: int, height: int) -> NDArray[np.bool_]:
    """``(H, W)``: True where the sharp picture has something to show on the blurry grid."""
    matrix = similarity.matrix(width, height)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    xs = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    ys = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    slack = 1e-6  # the identity must keep its own border
    return np.asarray(
        (xs >= -slack) & (ys >= -slack) & (xs <= width - 1 + slack) & (ys <= height - 1 + slack)
    )


def resampled_integer(sharp: Image, similarity: Similarity) -> Image:
    """:func:`resampled` of a stored picture, in linear light, at its own bit depth."""
    linear = srgb_to_linear(as_float(sharp))
    moved = np.minimum(resampled(linear, similarity), 1.0)
    return as_integer(linear_to_srgb(moved), bit_depth(sharp))
