"""Probes of Restormer against the official networks."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.restormer.network import Restormer
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("Restormer's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module(picture)}


PROBES = {
    "restormer_single": Probe(run=_run, build=Restormer, inputs=network_inputs),
    "restormer_dual": Probe(run=_run, build=partial(Restormer, dual=True), inputs=network_inputs),
}
