"""Backward warping of pictures by a flow."""

from typing import Literal, TypeAlias

import torch

from defocus.errors import AlignmentError

Grid: TypeAlias = Literal["correct", "official"]

ROUNDS = 20
"""Rounds of the inversion of a flow. Each multiplies the error by the flow's slope, which is at
most 0.1 here."""


def warp(
    image: torch.Tensor,
    flow: torch.Tensor,
    *,
    grid: Grid = "correct",
) -> torch.Tensor:
    """out(x) = image(x + flow(x)), ``(N, C, H, W)``, bilinear; px, x right, y down; edges repeat.

    JDRL's released ``official`` grid is half a pixel off: zero flow stretches by W / (W - 1)."""
    count, _, height, width = image.shape
    if flow.shape != (count, 2, height, width):
        raise AlignmentError(
            f"a flow of shape {tuple(flow.shape)} does not fit pictures of {tuple(image.shape)}"
        )
    # float64: in float32 the rounding of positions alone moves a wide picture by 1e-4 px
    precision = torch.float64 if grid == "correct" else image.dtype
    right, down = flow.to(precision).unbind(1)
    columns = _normalised(width, right, 1)
    rows = _normalised(height, down, 0)
    warped = torch.nn.functional.grid_sample(
        image.to(precision),
        torch.stack([columns, rows], dim=-1),
        mode="bilinear",
        padding_mode="border",
        align_corners=grid == "correct",
    )
    return warped.to(image.dtype)


def inverse(flow: torch.Tensor) -> torch.Tensor:
    """The flow back, back(y) = -flow(y + back(y)), px, by :data:`ROUNDS` fixed-point steps.

    They converge where neighbours move by less than a pixel against each other."""
    back = -flow
    for _ in range(ROUNDS):
        back = -warp(flow, back)
    return back


def _normalised(side: int, component: torch.Tensor, axis: int) -> torch.Tensor:
    """Sampling positions along one axis, -1 at the first pixel's centre and 1 at the last's."""
    pixels = torch.arange(side, dtype=component.dtype, device=component.device)
    if axis == 0:
        pixels = pixels[:, None]
    step = 2.0 / max(side - 1, 1)
    positions = pixels + component
    return positions * step - 1.0
