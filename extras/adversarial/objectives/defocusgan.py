"""DefocusGAN's two stages: a blur map, then a generator against a critic that weighs by blur."""

from typing import Literal

import torch
from torch import Tensor

from defocus.baselines.losses.l1 import make as make_l1
from defocus.baselines.losses.perceptual import make as make_perceptual
from defocus.baselines.objective import Batch, Objective, Parts, Progress, detached
from defocus.extras.adversarial.baselines.defocusgan.blur_map import BlurMapNet
from defocus.extras.adversarial.baselines.defocusgan.critic import (
    Critic,
    gradient_penalty,
    patch_blur,
)
from defocus.extras.adversarial.baselines.defocusgan.network import Generator
from defocus.extras.adversarial.objectives.defocusgan_map import BlurMapObjective

L1_WEIGHT = 0.5
PERCEPTUAL_WEIGHT = 0.006
VGG_LAYER = 14
"""The third convolution of VGG19's third block, before its ReLU; fed BGR, not normalised."""
BLUR_WEIGHT = 0.1
CRITIC_FROM_EPOCH = 6
ADVERSARIAL_FROM_EPOCH = 10


class DefocusGANObjective(Objective):
    """0.5 L1 + 0.006 VGG19 + weight x critic; branches held to their blur by a fading mask."""

    # In the warm-up, the first stage, blur map and kernels learn in turns (``defocusgan_map``).
    # Then they stay fixed; the critic rests until epoch 6 and counts from epoch 10 on.
    # ``adversarial_weight``: 0.001 in the released code, 0.01 in the paper.

    def __init__(
        self,
        adversarial_weight: float = 0.001,
        channels: int = 64,
        maps: Literal["learnt", "given"] = "learnt",
    ) -> None:
        super().__init__()
        self.adversary = Critic(channels)
        self.adversarial_weight = adversarial_weight
        self.blur_map = BlurMapNet(channels) if maps == "learnt" else None
        self.first_stage = BlurMapObjective() if maps == "learnt" else None
        self._l1 = make_l1()
        self._perceptual = make_perceptual(VGG_LAYER, "bgr", normalise=False)

    def forward(
        self,
        network: torch.nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> tuple[Tensor, Parts]:
        """The first stage's loss (part ``radius_px``), then the generator's.

        Its parts are ``l1``, ``perceptual`` and ``adversarial``."""
        if (
            self.first_stage is not None
            and self.blur_map is not None
            and progress.in_warmup
        ):
            given: tuple[Tensor, Parts] = self.first_stage(
                self.blur_map,
                batch,
                progress,
            )
            return given
        restored = _restored(network, batch, self._diameter(batch), progress)
        l1 = self._l1(restored, batch.target)
        perceptual = self._perceptual(restored, batch.target)
        loss = L1_WEIGHT * l1 + PERCEPTUAL_WEIGHT * perceptual
        parts = {"l1": l1, "perceptual": perceptual}
        if (
            _second_epoch(progress) >= ADVERSARIAL_FROM_EPOCH
            and self.adversary is not None
        ):
            adversarial = -self.adversary(restored).mean()
            loss = loss + self.adversarial_weight * adversarial
            parts["adversarial"] = adversarial
        return loss, detached(parts)

    def adversary_loss(
        self,
        network: torch.nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> tuple[Tensor, Parts] | None:
        """The critic's loss: mean(d) + 0.1 mean(d x blur radius) + gradient penalty.

        d is what it gives for the restored less what it gives for the sharp picture."""
        if _second_epoch(progress) < CRITIC_FROM_EPOCH or self.adversary is None:
            return None
        diameter = self._diameter(batch)
        with torch.no_grad():
            restored = _restored(network, batch, diameter, progress)
        difference = self.adversary(restored) - self.adversary(batch.target)
        radius = patch_blur(diameter / 2, difference)
        penalty = gradient_penalty(self.adversary, batch.target, restored)
        loss = difference.mean() + BLUR_WEIGHT * (difference * radius).mean() + penalty
        return loss, {"gradient_penalty": penalty.detach()}

    @torch.no_grad()
    def _diameter(self, batch: Batch) -> Tensor:
        """Diameter of the circle of confusion, px; of a learnt map the colours' largest."""
        if self.blur_map is None:
            return batch.supervision["defocus_map"]
        radii: Tensor = self.blur_map(batch.supervision["dual_pixel"])
        return 2 * radii.abs().amax(dim=1, keepdim=True)


def _second_epoch(progress: Progress) -> float:
    """Epochs of the second stage, which begins when the warm-up ends."""
    return progress.epoch - progress.warmup_epochs


def iteration(progress: Progress) -> int:
    """The generator's own count, which fades its masks: it starts with the second stage's epoch 10.

    Until then the count is 1; then it grows by one with each step."""
    if _second_epoch(progress) < ADVERSARIAL_FROM_EPOCH:
        return 1
    steps_per_epoch = progress.step / progress.epoch
    begin = (progress.warmup_epochs + ADVERSARIAL_FROM_EPOCH) * steps_per_epoch
    return 2 + round(progress.step - begin)


def _restored(
    network: torch.nn.Module,
    batch: Batch,
    diameter: Tensor,
    progress: Progress,
) -> Tensor:
    if not isinstance(network, Generator):
        raise TypeError(
            f"the objective trains DefocusGAN's generator, not {type(network).__name__}"
        )
    given = network.outputs(
        batch.blurry,
        defocus_map=diameter,
        iteration=iteration(progress),
    )
    return given["restored"]


def make(
    adversarial_weight: float = 0.001,
    channels: int = 64,
    maps: Literal["learnt", "given"] = "learnt",
) -> DefocusGANObjective:
    """The objective; see :class:`DefocusGANObjective`."""
    return DefocusGANObjective(adversarial_weight, channels, maps)
