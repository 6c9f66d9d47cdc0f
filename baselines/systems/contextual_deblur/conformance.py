"""Probe of ContextualDeblur against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.contextual_deblur.network import ContextualDeblur
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """The official network takes BGR as it comes."""
    if module is None:
        raise TypeError("ContextualDeblur's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module(picture.flip(1)).flip(1)}


PROBES = {"contextualdeblur": Probe(run=_run, build=ContextualDeblur, inputs=network_inputs)}
