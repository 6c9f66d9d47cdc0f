"""Probes of KPAC against the official graphs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.kpac.network import KPAC
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shapes and seeds were used to make the inputs
) -> dict[str, torch.Tensor]:
    if not isinstance(module, KPAC):
        raise TypeError("KPAC's probe needs its module")
    # the fixtures' values are the network's own, where -1 is black
    pictures = {name: (values + 1) / 2 for name, values in inputs.items()}
    if module.dual:
        views = torch.cat([pictures["left"], pictures["right"]], dim=1)
        restored = module(pictures["combined"], views)
    else:
        restored = module(*pictures.values())
    return {"output": 2 * restored - 1}


def _network(levels: int, *, dual: bool = False) -> Probe:
    return Probe(run=_run, build=partial(KPAC, levels, dual=dual), inputs=network_inputs)


PROBES = {
    "kpac_2level": _network(2),
    "kpac_3level": _network(3),
    "kpac_dual": _network(3, dual=True),
}
