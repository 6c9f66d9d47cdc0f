"""IFAN's training: deblurring, disparity between dual-pixel views, and reblurring."""

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import mse_loss

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.objective import (
    Batch,
    Objective,
    Progress,
    Result,
    detached,
    outputs_of,
)
from defocus.baselines.systems.ifan.network import (
    CHANNELS,
    IFAN,
    MULTIPLE,
    STEPS,
    ReblurNet,
    filter_channels,
)


def shifted(picture: Tensor, disparity: Tensor) -> Tensor:
    """Move content along rows, bilinear, 0 outside: out(x) = picture(x + disparity), px."""
    # Source: IFAN (CVPR 2021), L_disp; the borders as its released code has them.
    _, _, height, width = picture.shape
    rows = torch.linspace(-1, 1, height, dtype=picture.dtype, device=picture.device)
    columns = torch.linspace(-1, 1, width, dtype=picture.dtype, device=picture.device)
    x = columns + disparity[:, 0] * (2 / (width - 1))
    y = rows[:, None].expand_as(x)
    return functional.grid_sample(
        picture,
        torch.stack([x, y], dim=-1),
        padding_mode="zeros",
        align_corners=True,
    )


class IFANObjective(Objective):
    """L = |out - sharp|² + |right(x + d) - left|² + |reblurred(sharp) - blurry|²."""

    # The last two are at 1/8 of the size; d is what the network sees in the right view, or in both.
    # Source: IFAN (CVPR 2021), L_deblur, L_disp, L_reblur; sizes and equal weights as released.

    def __init__(
        self,
        *,
        disparity: bool = True,
        reblur: ReblurNet | None = None,
    ) -> None:
        super().__init__()
        self.with_disparity = disparity
        self.reblur = reblur

    def forward(
        self,
        network: torch.nn.Module,
        batch: Batch,
        progress: Progress,  # noqa: ARG002
    ) -> Result:
        """The sum; its parts are the losses."""
        outputs = outputs_of(network, batch)
        losses = {"deblur": mse_loss(outputs["restored"], batch.target)}
        if self.with_disparity:
            losses["disparity"] = _disparity_loss(network, batch, outputs["disparity"])
        if self.reblur is not None:
            reblurred = self.reblur(
                pad_to_multiple(batch.target, MULTIPLE),
                outputs["filters"],
            )
            losses["reblur"] = mse_loss(reblurred, _small(batch.blurry))
        total = torch.stack(list(losses.values())).sum()
        return total, detached(losses)


def _disparity_loss(
    network: torch.nn.Module,
    batch: Batch,
    of_both: Tensor,
) -> Tensor:
    if not isinstance(network, IFAN):
        raise TypeError(f"the disparity loss trains IFAN, not {type(network).__name__}")
    views = (
        batch.extra["dual_pixel"] if network.dual else batch.supervision["dual_pixel"]
    )
    left, right = views.chunk(2, dim=1)
    seen = (
        of_both if network.dual else network.disparity(pad_to_multiple(right, MULTIPLE))
    )
    return mse_loss(shifted(_small(right), seen), _small(left))


def _small(picture: Tensor) -> Tensor:
    """The picture at 1/8, each pixel the mean of 64."""
    return functional.avg_pool2d(pad_to_multiple(picture, MULTIPLE), MULTIPLE)


def make(
    *,
    disparity: bool = True,
    reblur: bool = True,
    steps: int = STEPS,
    reblur_steps: int = 17,
    corrected: bool = False,
) -> IFANObjective:
    """The objective, with the network's numbers of filters per pixel."""
    # ``corrected``: the reblurring branch uses both filters of a pair, as that network does.
    branch = None
    if reblur:
        values = filter_channels(steps, CHANNELS[-1])
        branch = ReblurNet(values, reblur_steps, corrected=corrected)
    return IFANObjective(disparity=disparity, reblur=branch)
