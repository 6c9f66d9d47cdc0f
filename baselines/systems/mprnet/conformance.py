"""Probe of MPRNet against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.mprnet.network import MPRNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if not isinstance(module, MPRNet):
        raise TypeError("MPRNet's probe needs its module")
    found = module.outputs(*inputs.values())
    return {
        "output": found["restored"],
        "stage2_sub": found["stage2"][..., ::4, ::4],
        "stage1_sub": found["stage1"][..., ::4, ::4],
    }


PROBES = {"mprnet": Probe(run=_run, build=MPRNet, inputs=network_inputs)}
