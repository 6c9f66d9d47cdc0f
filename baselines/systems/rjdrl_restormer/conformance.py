"""Probe of the guided Restormer against the official network."""

from defocus.baselines.systems.rjdrl_restormer.network import rjdrl_restormer
from defocus.baselines.systems.rjdrl_unet.conformance import run_guided
from defocus.conformance import network_probe

__all__ = ["PROBES"]

PROBES = {"rjdrl_restormer": network_probe(rjdrl_restormer, run_guided)}
