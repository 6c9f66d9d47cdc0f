"""Probes of GKMNet against the official networks of both repositories."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.gkmnet.network import GKMNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    """The fixtures' pyramid is of 2 × 2 means; ours, as the official loader's, is antialiased."""
    if not isinstance(module, GKMNet):
        raise TypeError("GKMNet's probe needs a GKMNet")
    restored = module.restored_scales(list(inputs.values()))
    return dict(zip(("output", "half", "quarter"), restored, strict=True))


PROBES = {
    "gkmnet": Probe(run=_run, build=GKMNet, inputs=network_inputs),
    "gkmnet_updating": Probe(run=_run, build=partial(GKMNet, "updated"), inputs=network_inputs),
}
