"""Probe of P2IKT against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.p2ikt.network import P2IKT
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if not isinstance(module, P2IKT):
        raise TypeError("P2IKT's probe needs a P2IKT")
    (picture,) = inputs.values()
    given = module.outputs(picture)
    return {
        "output": given["restored"],
        "half": given["half"],
        "quarter": given["quarter"],
        "aux_center64": _centre(given["auxiliary"]),
    }


def _centre(picture: torch.Tensor) -> torch.Tensor:
    """The 64 x 64 centre that the fixtures store."""
    top, left = (max(side // 2 - 32, 0) for side in picture.shape[-2:])
    return picture[..., top : top + 64, left : left + 64]


PROBES = {"p2ikt": Probe(run=_run, build=P2IKT, inputs=network_inputs)}
