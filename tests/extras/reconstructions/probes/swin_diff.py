"""Probes of HI-Diff's three networks, of which Swin-Diff is made, against the official ones."""

from functools import partial

import torch

from defocus.extras.reconstructions.baselines.swin_diff.diffusion import Denoiser
from defocus.extras.reconstructions.baselines.swin_diff.encoder import (
    PRIOR,
    LatentEncoder,
)
from defocus.extras.reconstructions.baselines.swin_diff.transformer.network import (
    Transformer,
)
from tests.conformance.probe import Arrays, Given, network_probe

TIME = 3


def _encoded(network: LatentEncoder, given: Given) -> Arrays:
    """The fixture has both pictures in one array, the blurry one first."""
    (pictures,) = given.inputs.values()
    blurry, sharp = pictures.chunk(2, dim=1)
    return {"output": network(sharp, blurry)}


def _denoised(network: Denoiser, given: Given) -> Arrays:
    """The fixture has noisy prior and condition in one array, at time 3."""
    (tokens,) = given.inputs.values()
    noisy, condition = torch.split(tokens, PRIOR, dim=-1)
    return {"output": network(noisy, TIME, condition)}


PROBES = {
    "hidiff_transformer": network_probe(Transformer),
    "hidiff_latent_encoder": network_probe(
        partial(LatentEncoder, pictures=2), _encoded
    ),
    "hidiff_denoiser": network_probe(Denoiser, _denoised),
}
