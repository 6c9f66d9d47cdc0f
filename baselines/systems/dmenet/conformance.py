"""Probe of DMENet against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.dmenet.network import DMENet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if not isinstance(module, DMENet):
        raise TypeError("DMENet's probe needs a DMENet")
    (picture,) = inputs.values()
    given = module.outputs(picture)
    return given | {"output": given["map"]}


PROBES = {"dmenet": Probe(run=_run, build=DMENet, inputs=network_inputs)}
