"""Probes of NAFNet against the official networks."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.nafnet.network import NAFNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("NAFNet's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module(picture)}


PROBES = {
    "nafnet_w32": Probe(run=_run, build=NAFNet, inputs=network_inputs),
    "nafnet_w64": Probe(run=_run, build=partial(NAFNet, width=64), inputs=network_inputs),
}
