"""Probes of KPAC against the official graphs."""

from functools import partial

import torch

from defocus.baselines.systems.kpac.network import KPAC
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _dual(network: KPAC, given: Given) -> Arrays:
    views = torch.cat([given.inputs["left"], given.inputs["right"]], dim=1)
    return {"output": network(given.inputs["combined"], views)}


PROBES = {
    "kpac_2level": network_probe(partial(KPAC, 2), signed=True),
    "kpac_3level": network_probe(partial(KPAC, 3), signed=True),
    "kpac_dual": network_probe(partial(KPAC, 3, dual=True), _dual, signed=True),
}
