"""Probe of the guided Restormer against the official network."""

from defocus.baselines.systems.rjdrl_restormer.network import rjdrl_restormer
from defocus.baselines.systems.rjdrl_unet.conformance import run_guided
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]

PROBES = {"rjdrl_restormer": Probe(run=run_guided, build=rjdrl_restormer, inputs=network_inputs)}
