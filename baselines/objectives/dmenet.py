"""DMENet's supervised training: the defocus map at full resolution and at five lower ones.

The adaptation of the paper to real pictures, which needs two further sets (one without maps, one
with in-focus masks), is not part of it.
"""

import torch
from torch import nn
from torch.nn.functional import mse_loss

from defocus.baselines.dmenet.network import MAXIMUM_COC_PX
from defocus.baselines.losses.perceptual import make as make_perceptual
from defocus.baselines.objectives.objective import Batch, Objective, Progress, outputs_of

__all__ = ["DMENetObjective", "make", "resized_label"]

MAP_ONLY_EPOCHS = 10
PERCEPTUAL_WEIGHT = 1e-4
VGG_LAYER = 26
"""conv4_4 with its ReLU; the authors' VGG19 has other weights and another range, so their weight of
this term is not the same force here."""
SCALES = ("u4", "u3", "u2", "u1", "u0")


class DMENetObjective(Objective):
    """MSE of the map; after 10 epochs also of the five heads, and VGG19 features of the map.

    Source: Lee et al., CVPR 2019; the released training script.
    """

    def __init__(self) -> None:
        super().__init__()
        self._perceptual = make_perceptual(VGG_LAYER)

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss; its parts are ``map``, ``heads`` and ``perceptual``, unweighted.

        Args:
            network: Its ``outputs`` has ``map`` in [0, 1] and ``aux_logits_u4`` to ``…_u0``.
            batch: ``supervision`` has the ``defocus_map``; circles above 15 px count as 15 px.
            progress: Decides what counts.
        """
        given = outputs_of(network, batch)
        label = (batch.supervision["defocus_map"].abs() / MAXIMUM_COC_PX).clamp_max(1.0)
        of_map = mse_loss(given["map"], label)
        if progress.epoch < MAP_ONLY_EPOCHS:
            return of_map, {"map": of_map.item()}
        heads = torch.stack([_head_loss(given[f"aux_logits_{scale}"], label) for scale in SCALES])
        perceptual = self._perceptual(
            given["map"].expand(-1, 3, -1, -1), label.expand(-1, 3, -1, -1)
        )
        loss = of_map + heads.sum() + PERCEPTUAL_WEIGHT * perceptual
        parts = {"map": of_map, "heads": heads.sum(), "perceptual": perceptual}
        return loss, {name: value.item() for name, value in parts.items()}


def resized_label(label: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The nearest neighbour with aligned corners: sample i is round(i (n - 1) / (m - 1)).

    Args:
        label: ``(N, 1, H, W)``.
        size: Height and width wanted.
    """
    for axis, count in zip((2, 3), size, strict=True):
        place = torch.linspace(0, label.shape[axis] - 1, count, device=label.device)
        label = label.index_select(axis, place.round().long())
    return label


def _head_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    size = (logits.shape[2], logits.shape[3])
    return mse_loss(torch.sigmoid(logits), resized_label(label, size))


def make() -> DMENetObjective:
    """The objective."""
    return DMENetObjective()
