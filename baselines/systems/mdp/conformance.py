"""Probe of MDP against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.mdp.network import MDP, VIEWS
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """The official function takes BGR as it comes, so the picture is turned round beforehand."""
    if not isinstance(module, MDP):
        raise TypeError("MDP's probe needs an MDP")
    (picture,) = inputs.values()
    given = module.outputs(picture.flip(1))
    views = [given[name].flip(1) for name in ("left", "right", "restored")]
    return {
        "output": torch.cat(views, dim=1),
        "pre_head": torch.cat([given[f"pre_{view}"] for view in VIEWS], dim=1),
    }


PROBES = {"mdp": Probe(run=_run, build=MDP, inputs=network_inputs)}
