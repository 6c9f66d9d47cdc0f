"""Probes of DefocusGAN's generator against the official one, with and without its masks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.defocusgan.network import Generator
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """With a second input, the official network is as freshly built: at its first iteration.

    The official network takes BGR as it comes and radii instead of diameters.
    """
    if not isinstance(module, Generator):
        raise TypeError("DefocusGAN's probe needs a Generator")
    picture, *radius = inputs.values()
    diameter = 2 * radius[0] if radius else None
    given = module.outputs(picture.flip(1), defocus_map=diameter, iteration=1)
    logits = given["logits"]
    top, left = (max(side // 2 - 32, 0) for side in logits.shape[-2:])
    return {
        "output": given["restored"].flip(1),
        "logits_center64": logits[..., top : top + 64, left : left + 64],
    }


_PROBE = Probe(run=_run, build=Generator, inputs=network_inputs)

PROBES = {"defocusgan": _PROBE, "defocusgan_masked": _PROBE}
