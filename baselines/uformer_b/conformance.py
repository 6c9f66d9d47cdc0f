"""Probes of Uformer-B against the official network, with either shift in the bottleneck."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.uformer_b.network import Uformer
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("Uformer's probe needs a module")
    (picture,) = inputs.values()
    return {"output": module(picture)}


PROBES = {
    "uformer_b": Probe(run=_run, build=Uformer, inputs=network_inputs),
    "uformer_b_ps128": Probe(
        run=_run, build=partial(Uformer, nominal_px=128), inputs=network_inputs
    ),
}
