"""Probe of the U-Net against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.unet.network import UNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("the U-Net's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module(picture)}


PROBES = {"jdrl_unet": Probe(run=_run, build=UNet, inputs=network_inputs)}
