"""Probes of CycleGAN's two networks against rebuilds of the official ones."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.cyclegan.critic import Critic
from defocus.baselines.systems.cyclegan.network import Generator
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _generated(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """The official networks take and give [-1, 1]."""
    if module is None:
        raise TypeError("the generator's probe needs a module")
    (picture,) = inputs.values()
    return {"output": 2 * module((picture + 1) / 2) - 1}


def _judged(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("the discriminator's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module((picture + 1) / 2)}


PROBES = {
    "cyclegan_generator": Probe(run=_generated, build=Generator, inputs=network_inputs),
    "cyclegan_discriminator": Probe(run=_judged, build=Critic, inputs=network_inputs),
}
