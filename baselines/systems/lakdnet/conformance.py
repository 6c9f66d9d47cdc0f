"""Probes of LaKDNet against the official networks."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.lakdnet.network import LaKDNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shape and seed were used to make the inputs
) -> dict[str, torch.Tensor]:
    if not isinstance(module, LaKDNet):
        raise TypeError("LaKDNet's probe needs a LaKDNet")
    (views,) = inputs.values()
    # the fixtures' dual input is one tensor: left, right, picture
    blurry = views[:, -3:]
    dual_pixel = views[:, :-3] if views.shape[1] > 3 else None
    unclipped = module.unclipped(blurry, dual_pixel)
    return {"output": unclipped.clamp(0, 1), "preclip": unclipped}


def _probe(dim: int, *, dual: bool = False) -> Probe:
    return Probe(run=_run, build=partial(LaKDNet, dim=dim, dual=dual), inputs=network_inputs)


PROBES = {
    "lakdnet_s": _probe(32),
    "lakdnet_l": _probe(48),
    "lakdnet_s_dual": _probe(32, dual=True),
    "lakdnet_l_dual": _probe(48, dual=True),
}
