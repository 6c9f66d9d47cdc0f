"""Initial weights of a training."""

import torch
from torch import nn

from defocus.align.flow.pwcnet.network import SLOPE, PWCNet
from research.flow_training.plan import TrainingPlan

FLOW_GAIN = 0.1
"""Factor on the initial weights of layers that end in a flow: first flows are pixels instead of
tens of pixels."""


def initial_network(
    plan: TrainingPlan,
    start: dict[str, torch.Tensor] | None,
) -> PWCNet:
    """PWC-Net with given weights (under our names), or with random ones from the plan's seed."""
    network = PWCNet(normalise=plan.settings.normalise)
    if start is not None:
        network.load_state_dict(start)
        return network
    generator = torch.Generator().manual_seed(plan.seed)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE, generator=generator)
            assert layer.bias is not None  # noqa: S101 - every layer of this network has one
            nn.init.zeros_(layer.bias)
            if layer.out_channels == 2:
                layer.weight.data *= FLOW_GAIN
    return network
