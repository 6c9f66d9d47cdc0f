"""Probes of DPDNet against the official network, for one picture and for two views."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.dpdnet.network import DPDNet, reversed_colours
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("DPDNet's probe needs a module")
    (pictures,) = inputs.values()  # blue, green, red: the network's own order
    return {"output": module(reversed_colours(pictures)).flip(1)}


PROBES = {
    "dpdnet_single": Probe(run=_run, build=DPDNet, inputs=network_inputs),
    "dpdnet_dual": Probe(run=_run, build=partial(DPDNet, views=2), inputs=network_inputs),
}
