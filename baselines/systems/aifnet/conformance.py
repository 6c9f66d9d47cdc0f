"""Probe of AIFNet against the official network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.aifnet.network import AIFNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if not isinstance(module, AIFNet):
        raise TypeError("AIFNet's probe needs a AIFNet")
    (picture,) = inputs.values()
    given = module.outputs(picture)
    return {
        "output": given["restored"],
        "logits": given["logits"],
        "defocus_map": given["blur_map"],
    }


PROBES = {"aifnet": Probe(run=_run, build=AIFNet, inputs=network_inputs)}
