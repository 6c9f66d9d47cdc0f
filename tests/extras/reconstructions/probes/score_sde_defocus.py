"""Probes of the score network and of the sampler against the official ones."""

from functools import partial

import torch

from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.sampler import (
    predictor_corrector,
    reverse_diffusion,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.schedule import (
    Exploding,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.score_network.ncsnpp import (
    NCSNpp,
)
from tests.conformance.probe import Arrays, Given, network_probe, operator_probe

PRIOR_VARIANCE = 0.05


def _sampled(given: Given) -> Arrays:
    """The fixture's score is that of a Gaussian of variance 0.05 about its ``mean``."""
    sde = given.meta["sde"]
    schedule = Exploding(sde["sigma_min"], sde["sigma_max"], sde["N"])
    mean, noise = given.inputs["mean"], iter(given.inputs["noise"].unbind(0))

    def score(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        slope: torch.Tensor = (mean - noisy) / (PRIOR_VARIANCE + sigma**2)
        return slope

    def draw() -> torch.Tensor:
        return next(noise)

    first = schedule.largest * draw()
    steps = schedule.steps(sde["N"])
    sampled = predictor_corrector(
        score, first, steps, draw, given.meta["snr"], reverse_diffusion
    )
    levels = torch.tensor(schedule.levels(), dtype=torch.float64)
    return {"output": sampled, "discrete_sigmas": levels}


PROBES = {
    "ncsnpp_small": network_probe(
        partial(NCSNpp, 32, (1, 2, 2), 1, (2,), Exploding(count=100))
    ),
    "vesde_pc": operator_probe(_sampled),
}
