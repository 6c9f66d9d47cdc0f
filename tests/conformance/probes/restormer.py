"""Probes of Restormer against the official networks."""

from functools import partial

from defocus.baselines.systems.restormer.network import Restormer
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {
    "restormer_single": network_probe(Restormer),
    "restormer_dual": network_probe(partial(Restormer, dual=True)),
}
