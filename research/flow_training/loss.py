"""The multi-scale loss of PWC-Net as a training objective, and the end-point error."""

from typing import cast

import torch
from torch import nn

from defocus.align.flow.pwcnet.network import FLOW_SCALE, Flows, PWCNet
from defocus.training.objective import Parts, Progress, TrainingObjective
from research.flow_training.pairs import FlowBatch

LEVEL_WEIGHTS = (0.32, 0.08, 0.02, 0.01, 0.005)
"""Weights of levels 6 to 2, for a sum over a level's pixels."""

ROUNDING = 1e-3
"""Width over which the error's length is rounded off at zero, in the network's unit (0.02 px)."""


class FlowObjective(TrainingObjective[FlowBatch]):
    """:func:`multi_scale_loss` of a PWC-Net; its part ``epe_px`` is the mean end-point error."""

    def forward(
        self,
        network: nn.Module,
        batch: FlowBatch,
        progress: Progress,  # noqa: ARG002 - an objective's signature
    ) -> tuple[torch.Tensor, Parts]:
        """The loss and the mean end-point error of the batch, px."""
        flows = cast("PWCNet", network).flows(batch.blurry, batch.sharp)
        flow = flows.refined.detach().float() * FLOW_SCALE
        error = end_point_error(flow, averaged_down(batch.flow, flow)).mean()
        return multi_scale_loss(flows, batch.flow), {"epe_px": error}


def multi_scale_loss(flows: Flows, truth: torch.Tensor) -> torch.Tensor:
    """Weighted sum of all levels' end-point errors; ``truth`` is ``(N, 2, H, W)``, px.

    Source: Sun et al., PWC-Net (CVPR 2018), eq. 3; weights of section 4."""
    levels = (flows.flow6, flows.flow5, flows.flow4, flows.flow3, flows.refined)
    loss = truth.new_zeros(())
    for weight, flow in zip(LEVEL_WEIGHTS, levels, strict=True):
        wanted = averaged_down(truth, flow) / FLOW_SCALE
        difference = flow.float() - wanted
        squared = difference.square().sum(dim=1)
        lengths = (squared + ROUNDING**2).sqrt()
        loss = loss + weight * lengths.sum() / truth.shape[0]
    return loss


def averaged_down(truth: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Average a flow to the coarser grid of another one, in px of the fine grid."""
    height, width = like.shape[2:]
    return nn.functional.adaptive_avg_pool2d(truth, (height, width))


def end_point_error(flow: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Length of the difference, ``(N, H, W)``, of two ``(N, 2, H, W)`` flows."""
    length: torch.Tensor = torch.linalg.vector_norm(flow - truth, dim=1)
    return length
