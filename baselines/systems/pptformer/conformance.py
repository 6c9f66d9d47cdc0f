"""Probe of PPTformer against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.pptformer.network import PPTformer
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("PPTformer's probe needs a module")
    picture, parser = inputs.values()
    return {"output": module(picture, parser=parser)}


PROBES = {"pptformer": Probe(run=_run, build=PPTformer, inputs=network_inputs)}
