"""Probe of NRKNet against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.nrknet.network import NRKNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    """The fixture's channels are the official BGR."""
    if module is None:
        raise TypeError("NRKNet's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module(picture.flip(1)).flip(1)}


PROBES = {"nrknet": Probe(run=_run, build=NRKNet, inputs=network_inputs)}
