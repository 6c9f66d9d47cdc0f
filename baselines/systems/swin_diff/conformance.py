"""Probes of HI-Diff's three networks, of which Swin-Diff is made, against the official ones."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.swin_diff.diffusion import Denoiser
from defocus.baselines.systems.swin_diff.encoder import PRIOR, LatentEncoder
from defocus.baselines.systems.swin_diff.transformer import Transformer
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]

TIME = 3


def _transformed(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    picture, prior = inputs.values()
    return {"output": _there(module)(picture, prior)}


def _encoded(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """The fixture has both pictures in one array, the blurry one first."""
    (pictures,) = inputs.values()
    blurry, sharp = pictures.chunk(2, dim=1)
    return {"output": _there(module)(sharp, blurry)}


def _denoised(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """The fixture has noisy prior and condition in one array, at time 3."""
    (tokens,) = inputs.values()
    noisy, condition = torch.split(tokens, PRIOR, dim=-1)
    return {"output": _there(module)(noisy, TIME, condition)}


def _there(module: nn.Module | None) -> nn.Module:
    if module is None:
        raise TypeError("a probe of HI-Diff needs a module")
    return module


PROBES = {
    "hidiff_transformer": Probe(run=_transformed, build=Transformer, inputs=network_inputs),
    "hidiff_latent_encoder": Probe(
        run=_encoded, build=partial(LatentEncoder, pictures=2), inputs=network_inputs
    ),
    "hidiff_denoiser": Probe(run=_denoised, build=Denoiser, inputs=network_inputs),
}
