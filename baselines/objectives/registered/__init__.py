"""The objective: a plain loss on pairs that :mod:`defocus.align` registers before the training.

What remains is below a pixel and can be taken out in each step, by one step of Lucas and Kanade."""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.losses.charbonnier import EPSILON, charbonnier
from defocus.baselines.objective import Batch, Objective, Progress, Result, outputs_of
from defocus.errors import SettingsError
from defocus.settings import Settings, parse_settings

LARGEST_PX = 1.0
"""Largest displacement that is believed, px: a step is valid only below the size of the details."""
PRIOR = 2e-4
"""Squared slope, in the pictures' range per px, at which a tile is moved by half of its measured
shift: flat tiles, which show only noise, stay where they are."""
WINDOW_PX = 3
"""Side of the window, px, over which values are averaged twice before slopes are measured; this
removes noise."""


@torch.no_grad()
def remaining_displacement(
    seen: Tensor,
    target: Tensor,
    tile_px: int,
) -> Tensor:
    """Displacement d by which ``target(x + d)`` resembles ``seen(x)`` most, without gradient."""
    # ``(N, 2, H, W)`` px, x right and y down, at most ``LARGEST_PX`` in each direction;
    # ``tile_px`` is a multiple of 4.
    first = _smoothed(seen.mean(1, keepdim=True))
    second = _smoothed(target.mean(1, keepdim=True))
    across, down = _slopes(second)
    off = first - second
    products = [
        across * across,
        across * down,
        down * down,
        across * off,
        down * off,
    ]
    step = tile_px // 2
    sums = functional.avg_pool2d(
        torch.cat(products, 1),
        tile_px,
        step,
        padding=step // 2,
        count_include_pad=False,
    )
    moved = _solved(sums)
    return functional.interpolate(
        moved.clamp(-LARGEST_PX, LARGEST_PX),
        seen.shape[-2:],
        mode="bilinear",
    )


def _solved(sums: Tensor) -> Tensor:
    """Displacement of each tile by least squares, from its sums of products."""
    xx, xy, yy, x_off, y_off = torch.split(sums, 1, dim=1)
    xx = xx + PRIOR
    yy = yy + PRIOR
    scale = xx * yy - xy * xy
    return torch.cat(
        [(yy * x_off - xy * y_off) / scale, (xx * y_off - xy * x_off) / scale],
        1,
    )


def moved_by(picture: Tensor, displacement: Tensor) -> Tensor:
    """``picture(x + displacement(x))``; bicubic, as a bilinear warp would soften the target."""
    # Displacement in px, x right and y down; border values are repeated outside the frame.
    height, width = picture.shape[-2:]
    x = torch.arange(width, device=picture.device) + displacement[:, 0]
    rows = torch.arange(height, device=picture.device)[:, None]
    y = rows + displacement[:, 1]
    across = 2 * x / (width - 1) - 1
    down = 2 * y / (height - 1) - 1
    places = [across, down]
    grid = torch.stack(places, dim=-1)
    return functional.grid_sample(
        picture,
        grid,
        mode="bicubic",
        padding_mode="border",
        align_corners=True,
    )


def _smoothed(grey: Tensor) -> Tensor:
    margin = WINDOW_PX - 1  # of both means together
    padded = functional.pad(grey, (margin,) * 4, mode="replicate")
    return functional.avg_pool2d(
        functional.avg_pool2d(padded, WINDOW_PX, 1),
        WINDOW_PX,
        1,
    )


def _slopes(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences to the right and down, range per px."""
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    left = padded[..., 1:-1, :-2]
    right = padded[..., 1:-1, 2:]
    above = padded[..., :-2, 1:-1]
    below = padded[..., 2:, 1:-1]
    across = (right - left) / 2
    down = (below - above) / 2
    return across, down


class RegisteredSettings(Settings):
    """Settings of the objective."""

    # ``refined`` takes the remaining displacement out, by tiles of a multiple of 4; ``masked``
    # counts only pixels of the ``valid_mask``, which the target ``registered-flow`` has.

    refined: bool = False
    masked: bool = False
    tile_px: int = Field(default=32, ge=8, multiple_of=4)
    epsilon: float = Field(default=EPSILON, gt=0)


class RegisteredObjective(Objective):
    """Charbonnier loss between the output and the target, moved to where the output shows it."""

    def __init__(self, settings: RegisteredSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RegisteredSettings()

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss and its parts."""
        # ``moved_px`` is the mean length of the remaining displacement, ``mask_kept_share`` the
        # share of pixels that count.
        del progress
        settings = self.settings
        parts: dict[str, Tensor] = {}
        restored = outputs_of(network, batch)["restored"]
        target = batch.target
        if settings.refined:
            moved = remaining_displacement(restored.detach(), target, settings.tile_px)
            target = moved_by(target, moved)
            parts["moved_px"] = torch.linalg.vector_norm(moved, dim=1).mean().detach()
        if not settings.masked:
            return charbonnier(restored, target, settings.epsilon), parts
        mask = _valid_mask(batch)
        parts["mask_kept_share"] = mask.mean()
        return masked_charbonnier(restored, target, mask, settings.epsilon), parts


def masked_charbonnier(
    restored: Tensor,
    target: Tensor,
    mask: Tensor,
    epsilon: float = EPSILON,
) -> Tensor:
    """Charbonnier loss over the pixels of a mask; the mean is over these pixels only."""
    # JDRL divides by all pixels instead, so that its loss falls with the share that its mask keeps.
    # If no pixel counts, it is 0 with a gradient of 0.
    kept = (mask > 0).expand_as(restored)
    if not kept.any():
        return 0.0 * restored.sum()
    return charbonnier(restored[kept], target[kept], epsilon)


def _valid_mask(batch: Batch) -> Tensor:
    if "valid_mask" not in batch.supervision:
        raise SettingsError(
            "masked of registered needs the recipe's supervision 'valid_mask'"
        )
    return batch.supervision["valid_mask"]


def make(**settings: object) -> RegisteredObjective:
    """The objective, by the fields of :class:`RegisteredSettings`."""
    return RegisteredObjective(
        parse_settings(RegisteredSettings, dict(settings), origin="objective_settings")
    )


def recipe_of(**settings: object) -> dict[str, object]:
    """The pairs that :func:`make` needs with the same settings."""
    options = parse_settings(
        RegisteredSettings,
        dict(settings),
        origin="objective registered",
    )
    if options.masked:
        return {"target": "registered-flow", "supervision": ("valid_mask",)}
    return {"target": "registered"}
