"""DefocusGAN's training: pixels, VGG19 features, and a critic that weighs patches by their blur."""

import torch

from defocus.baselines.defocusgan.critic import Critic, gradient_penalty, patch_blur
from defocus.baselines.defocusgan.network import Generator
from defocus.baselines.losses.l1 import make as make_l1
from defocus.baselines.losses.perceptual import make as make_perceptual
from defocus.baselines.objectives.objective import Batch, Objective, Progress

__all__ = ["DefocusGANObjective", "iteration", "make"]

L1_WEIGHT = 0.5
PERCEPTUAL_WEIGHT = 0.006
VGG_LAYER = 14
"""The third convolution of VGG19's third block, before its ReLU; fed BGR, not normalised."""
BLUR_WEIGHT = 0.1
CRITIC_FROM_EPOCH = 6
ADVERSARIAL_FROM_EPOCH = 10


class DefocusGANObjective(Objective):
    """0.5 L1 + 0.006 VGG19 + weight x critic; branches held to their blur by a fading mask.

    The critic rests until epoch 6 and counts for the generator from epoch 10 on.

    Args:
        adversarial_weight: 0.001 in the released code, 0.01 in a comment of it and in the paper.
        channels: Of the critic's first layer; 64 in the released one.
    """

    def __init__(self, adversarial_weight: float = 0.001, channels: int = 64) -> None:
        super().__init__()
        self.adversary = Critic(channels)
        self.adversarial_weight = adversarial_weight
        self._l1 = make_l1()
        self._perceptual = make_perceptual(VGG_LAYER, "bgr", normalise=False)

    def forward(
        self, network: torch.nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The generator's loss; its parts are ``l1``, ``perceptual`` and ``adversarial``."""
        restored = _restored(network, batch, progress)
        l1 = self._l1(restored, batch.target)
        perceptual = self._perceptual(restored, batch.target)
        loss = L1_WEIGHT * l1 + PERCEPTUAL_WEIGHT * perceptual
        parts = {"l1": l1.item(), "perceptual": perceptual.item()}
        if progress.epoch >= ADVERSARIAL_FROM_EPOCH and self.adversary is not None:
            adversarial = -self.adversary(restored).mean()
            loss = loss + self.adversarial_weight * adversarial
            parts["adversarial"] = adversarial.item()
        return loss, parts

    def adversary_loss(
        self, network: torch.nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]] | None:
        """The critic's loss: mean(d) + 0.1 mean(d x blur radius) + gradient penalty.

        d is what it gives for the restored less what it gives for the sharp picture.
        """
        if progress.epoch < CRITIC_FROM_EPOCH or self.adversary is None:
            return None
        with torch.no_grad():
            restored = _restored(network, batch, progress)
        difference = self.adversary(restored) - self.adversary(batch.target)
        radius = patch_blur(batch.supervision["defocus_map"] / 2, difference)
        penalty = gradient_penalty(self.adversary, batch.target, restored)
        loss = difference.mean() + BLUR_WEIGHT * (difference * radius).mean() + penalty
        return loss, {"gradient_penalty": penalty.item()}


def iteration(progress: Progress) -> int:
    """The generator's own count, which fades its masks: it starts with epoch 10.

    Until then the count is 1; then it grows by one with each step.
    """
    if progress.epoch < ADVERSARIAL_FROM_EPOCH:
        return 1
    steps_per_epoch = progress.step / progress.epoch
    return 2 + round(progress.step - ADVERSARIAL_FROM_EPOCH * steps_per_epoch)


def _restored(network: torch.nn.Module, batch: Batch, progress: Progress) -> torch.Tensor:
    if not isinstance(network, Generator):
        raise TypeError(
            f"the objective trains DefocusGAN's generator, not {type(network).__name__}"
        )
    given = network.outputs(
        batch.blurry,
        defocus_map=batch.supervision["defocus_map"],
        iteration=iteration(progress),
    )
    return given["restored"]


def make(adversarial_weight: float = 0.001, channels: int = 64) -> DefocusGANObjective:
    """The objective; see :class:`DefocusGANObjective`."""
    return DefocusGANObjective(adversarial_weight, channels)
