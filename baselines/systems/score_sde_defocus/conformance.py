"""Probes of the score network and of the sampler against the official ones."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.score_sde_defocus.ncsnpp import NCSNpp
from defocus.baselines.systems.score_sde_defocus.sampler import (
    predictor_corrector,
    reverse_diffusion,
)
from defocus.baselines.systems.score_sde_defocus.schedule import Exploding
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]

PRIOR_VARIANCE = 0.05


def _scored(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("the score network's probe needs a module")
    picture, sigma = inputs.values()
    return {"output": module(picture, sigma)}


def _sampled(
    module: nn.Module | None,  # noqa: ARG001 - a probe's signature
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],
) -> dict[str, torch.Tensor]:
    """The fixture's score is that of a Gaussian of variance 0.05 about its ``mean``."""
    sde = meta["sde"]
    schedule = Exploding(sde["sigma_min"], sde["sigma_max"], sde["N"])
    mean, noise = inputs["mean"], iter(inputs["noise"].unbind(0))

    def score(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        slope: torch.Tensor = (mean - noisy) / (PRIOR_VARIANCE + sigma**2)
        return slope

    def draw() -> torch.Tensor:
        return next(noise)

    first = schedule.largest * draw()
    steps = schedule.steps(sde["N"])
    sampled = predictor_corrector(score, first, steps, draw, meta["snr"], reverse_diffusion)
    levels = torch.tensor(schedule.levels(), dtype=torch.float64)
    return {"output": sampled, "discrete_sigmas": levels}


PROBES = {
    "ncsnpp_small": Probe(
        run=_scored,
        build=partial(NCSNpp, 32, (1, 2, 2), 1, (2,), Exploding(count=100)),
        inputs=network_inputs,
    ),
    "vesde_pc": Probe(run=_sampled, build=None, inputs=None),
}
