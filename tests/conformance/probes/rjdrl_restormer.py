"""Probe of the guided Restormer against the official network."""

from defocus.baselines.systems.rjdrl_restormer.network import rjdrl_restormer
from tests.conformance.probe import network_probe
from tests.conformance.probes.rjdrl_unet import run_guided

__all__ = ["PROBES"]

PROBES = {"rjdrl_restormer": network_probe(rjdrl_restormer, run_guided)}
