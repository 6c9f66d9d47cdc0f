"""NRKNet's objective: four outputs against the sharp picture, and its blur against the blurry."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.losses.frequency import frequency
from defocus.baselines.losses.ssim import dissimilarity
from defocus.baselines.objective import Batch, Objective, Progress, Result, detached
from defocus.baselines.objectives.alternating import AlternatingSettings
from defocus.baselines.systems.nrknet.network import NRKNet

OUTPUT_WEIGHTS = {
    "quarter": 0.25,
    "half": 0.5,
    "full": 0.75,
    "restored": 1.0,
}
FREQUENCY_WEIGHT = 0.1
TURNS = AlternatingSettings(from_epoch=1000, every=200, begin=101, end=200)
"""Epochs of the training on DPDD at which the loss begins and ends to count structure alone."""


class NRKNetObjective(Objective):
    """Squared error and frequencies, in turns with structural similarity; and reblurring."""

    # Crops are multiples of 16, so that none is padded. The released code leaves ``reblurring``
    # out, which is 0. Source: Quan et al., NRKNet (CVPR 2023); csZcWu/NRKNet at 90fad36,
    # train_DPDD.py.

    def __init__(self, reblurring: float = 1.0) -> None:
        super().__init__()
        self.reblurring = reblurring

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss; its parts are ``restoring`` and ``reblurring``."""
        if not isinstance(network, NRKNet):
            raise TypeError(
                f"the objective 'nrknet' trains a NRKNet, not {type(network).__name__}"
            )
        outputs = network.outputs(batch.blurry, batch.target)
        compare = (
            dissimilarity if TURNS.second(progress.epoch) else squares_and_frequencies
        )
        restoring = _restoring(outputs, batch.target, compare)
        errors = []
        for name in ("quarter", "half", "full"):
            reblurred, blurry = outputs[f"reblurred_{name}"], outputs[f"blurry_{name}"]
            error = functional.mse_loss(reblurred, blurry)
            errors.append(OUTPUT_WEIGHTS[name] * error)
        reblurring = torch.stack(errors).sum()
        parts = {"restoring": restoring, "reblurring": reblurring}
        return restoring + self.reblurring * reblurring, detached(parts)


def squares_and_frequencies(output: Tensor, target: Tensor) -> Tensor:
    """Squared error + 0.1 x (L1 of the real parts + L1 of the imaginary parts of the spectra)."""
    both_parts = 2 * frequency(output, target)  # which is the mean of the two
    return functional.mse_loss(output, target) + FREQUENCY_WEIGHT * both_parts


def _restoring(
    outputs: dict[str, Tensor],
    target: Tensor,
    compare: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    total = target.new_zeros(())
    for name, weight in OUTPUT_WEIGHTS.items():
        size = outputs[name].shape[-2:]
        wanted = functional.interpolate(target, size, mode="bilinear")
        total = total + weight * compare(outputs[name], wanted)
    return total


def make(reblurring: float = 1.0) -> NRKNetObjective:
    """The objective."""
    return NRKNetObjective(reblurring)
