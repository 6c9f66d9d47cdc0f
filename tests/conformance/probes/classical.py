"""Conformance probe of classical deconvolution, in float64 with periodic borders."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.operators.chain import edgetaper, quantised
from defocus.baselines.operators.chain_cards import Prior
from defocus.baselines.operators.deconvolution import (
    richardson_lucy,
    tvl2_levels,
    wiener_levels,
)
from defocus.baselines.operators.domain import Periodic
from defocus.baselines.operators.edges import recursive_filter
from defocus.baselines.operators.krishnan_fergus import (
    krishnan_fergus,
    shrink,
    shrink_gradients,
)
from defocus.baselines.operators.varying import gaussian_psf
from tests.conformance.probe import Arrays, Given, operator_probe

BETAS = (1.0, 8.0, 64.0)
SIGMA_PX, RADIUS_PX = 1.5, 6


def _run(fixture: Given) -> Arrays:
    given = {name: tensor.numpy() for name, tensor in fixture.inputs.items()}
    guide, blurry = given["guide"], given["blurry"]
    sigma = np.maximum((15 * given["defocus_map"] - 1) / 2, 0)
    results = _deconvolved(blurry) | _shrunk(given["v"])
    results |= {
        "sigma_map": sigma,
        "sigma_levels": quantised(sigma),
        "rf_self": recursive_filter(guide, 7, 0.5, 5),
        "rf_joint": recursive_filter(blurry, 12, 0.4, 3, guide=guide),
    }
    return {name: torch.from_numpy(values) for name, values in results.items()}


def _shrunk(v: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    powers = {"2_3": 2 / 3, "1_2": 1 / 2, "0_8": 0.8, "1": 1.0}
    exact = {
        f"shrink_{name}": np.stack([shrink(v, alpha, beta) for beta in BETAS])
        for name, alpha in powers.items()
    }
    newton = []
    for beta in BETAS:
        newton.append(np.atleast_2d(v.copy()))
        shrink_gradients((newton[-1],), 1.5, beta)
    return exact | {
        "shrink_1.5_newton4": np.stack(newton).reshape(len(BETAS), *v.shape)
    }


def _deconvolved(blurry: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    psf = gaussian_psf(SIGMA_PX, RADIUS_PX)
    domain = Periodic((blurry.shape[0], blurry.shape[1]))
    transfers = [domain.transfer(psf)]
    wiener = next(wiener_levels(blurry, transfers, domain, noise_to_signal=0.01))
    priors = {
        "kf_2_3_lambda2000": Prior(2 / 3, 2000),
        "kf_1_2_lambda500": Prior(1 / 2, 500),
        "kf_1.5_lambda16.8_newton4": Prior(1.5, 16.8),
    }
    results: dict[str, NDArray[Any]] = {
        name: krishnan_fergus(blurry, psf, prior, domain)
        for name, prior in priors.items()
    }
    return results | {
        "psf_sigma1.5_13": psf,
        "edgetaper": edgetaper(blurry, psf),
        "wiener_nsr0.01": wiener / 1.01,
        "richardson_lucy_20": richardson_lucy(blurry, psf, 20, domain),
        "tvl2_mu500_beta10_it30": next(
            tvl2_levels(blurry, transfers, domain, weight=500, iterations=30)
        ),
    }


PROBES = {"deconv_ops": operator_probe(_run)}
