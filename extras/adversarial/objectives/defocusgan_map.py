"""DefocusGAN's first stage: blur map and blur kernels, learnt alternately.

The map is right where the sharp picture, blurred by its kernels, equals the blurry one."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from defocus.baselines.objective import Batch, Objective, Parts, Progress, detached
from defocus.extras.adversarial.baselines.defocusgan.blur_map import KernelBank

KERNEL_EPOCHS = ((10, 15), (20, 25))
"""Epochs in which the kernels learn and the network stays as it is: 10 to 14 and 20 to 24. In all
other epochs the network learns."""
SCALE = 1000.0
VARIATION_WEIGHT = 1e-5
VARIATION_FROM_STEP = 3000


class BlurMapObjective(Objective):
    """1000 x L1 of the reblurred and the blurry picture, and the map's total variation later on."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = KernelBank()

    def forward(
        self,
        network: nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> tuple[Tensor, Parts]:
        """The loss; its part is ``radius_px``, the mean absolute map.

        The progress decides whether the network or the kernels get gradients."""
        of_kernels = any(first <= progress.epoch < end for first, end in KERNEL_EPOCHS)
        with torch.set_grad_enabled(not of_kernels):
            radii = network(batch.supervision["dual_pixel"])
        weights: dict[str, Tensor] = dict(self.kernels.named_parameters())
        if not of_kernels:
            weights = detached(weights)
        reblurred = functional_call(self.kernels, weights, (batch.target, radii))
        loss = SCALE * (reblurred - batch.blurry).abs().mean()
        if progress.step >= VARIATION_FROM_STEP:
            loss = loss + VARIATION_WEIGHT * _total_variation(radii)
        return loss, {"radius_px": radii.detach().abs().mean()}


def _total_variation(radii: Tensor) -> Tensor:
    """Sum of absolute differences of neighbours, per picture."""
    down = radii.diff(dim=-2).abs().sum()
    right = radii.diff(dim=-1).abs().sum()
    return (down + right) / radii.shape[0]


def make() -> BlurMapObjective:
    """The objective."""
    return BlurMapObjective()
