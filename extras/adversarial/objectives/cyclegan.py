"""CycleGAN's training: two generators, two critics and cycle consistency."""

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from defocus.baselines.objective import Batch, Objective, Parts, Progress, detached
from defocus.extras.adversarial.baselines.cyclegan.critic import Critic, Pool
from defocus.extras.adversarial.baselines.cyclegan.network import Generator

CYCLE_WEIGHT = 10.0
IDENTITY_WEIGHT = 5.0
POOL_SIZE = 50


class CycleGANObjective(Objective):
    """Least-squares adversarial losses, cycles and identities; no loss compares a pair.

    A batch's blurry and sharp crops show the same place, but nothing here sees that they do."""

    # ``width``: channels of the critics' first layer, and of the generator that blurs. ``blocks``:
    # residual blocks of that generator.

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.blurring = Generator(width=width, blocks=blocks)
        self.adversary = nn.ModuleDict(
            {"sharp": Critic(width), "blurry": Critic(width)}
        )
        self.sharp_pool = Pool(POOL_SIZE)
        self.blurry_pool = Pool(POOL_SIZE)
        self._made: dict[str, Tensor] = {}

    def forward(
        self,
        network: nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> tuple[Tensor, Parts]:
        """The generators' loss; its parts are ``adversarial``, ``cycle`` and ``identity``."""
        del progress
        generated = {
            "sharp": network(batch.blurry),
            "blurry": self.blurring(batch.target),
        }
        adversarial = batch.target.new_zeros(())
        for kind, picture in generated.items():
            adversarial = adversarial + _far_from(1.0, self._critic(kind)(picture))
        back = l1_loss(self.blurring(generated["sharp"]), batch.blurry)
        forth = l1_loss(network(generated["blurry"]), batch.target)
        kept = l1_loss(network(batch.target), batch.target)
        kept = kept + l1_loss(self.blurring(batch.blurry), batch.blurry)
        self._made = detached(generated)
        # Pictures are in [0, 1] here; twice the difference is that of the official [-1, 1].
        cycle = 2 * (back + forth)
        identity = 2 * kept
        loss = adversarial + CYCLE_WEIGHT * cycle + IDENTITY_WEIGHT * identity
        parts = {
            "adversarial": adversarial,
            "cycle": cycle,
            "identity": identity,
        }
        return loss, detached(parts)

    def adversary_loss(
        self,
        network: nn.Module,  # noqa: ARG002 - judged is what it made in its own step, as officially
        batch: Batch,
        progress: Progress,  # noqa: ARG002 - there is no schedule
    ) -> tuple[Tensor, Parts]:
        """Half the squared error of both critics on real pictures and on those of the pool."""
        shown_sharp = self.sharp_pool.exchanged(self._made["sharp"])
        shown_blurry = self.blurry_pool.exchanged(self._made["blurry"])
        of_sharp = _mistaken(self._critic("sharp"), batch.target, shown_sharp)
        of_blurry = _mistaken(self._critic("blurry"), batch.blurry, shown_blurry)
        return of_sharp + of_blurry, {}

    def _critic(self, kind: str) -> nn.Module:
        if self.adversary is None:
            raise RuntimeError("CycleGAN has lost its critics")
        return self.adversary.get_submodule(kind)


def _mistaken(
    critic: nn.Module,
    real: Tensor,
    generated: Tensor,
) -> Tensor:
    return (_far_from(1.0, critic(real)) + _far_from(0.0, critic(generated))) / 2


def _far_from(value: float, scores: Tensor) -> Tensor:
    return mse_loss(scores, torch.full_like(scores, value))


def make(width: int = 64, blocks: int = 9) -> CycleGANObjective:
    """The objective; see :class:`CycleGANObjective`."""
    return CycleGANObjective(width, blocks)
