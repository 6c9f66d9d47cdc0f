"""Probes of FFDNet against the official networks, colour and grey."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.ffdnet.network import FFDNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if not isinstance(module, FFDNet):
        raise TypeError("FFDNet's probe needs a FFDNet")
    picture, level = inputs.values()
    return {"output": module.denoised(picture, level)}


PROBES = {
    "ffdnet_color": Probe(run=_run, build=FFDNet, inputs=network_inputs),
    "ffdnet_gray": Probe(
        run=_run, build=partial(FFDNet, colours=1, width=64, depth=15), inputs=network_inputs
    ),
}
