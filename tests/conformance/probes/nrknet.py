"""Probe of NRKNet against the official network."""

from defocus.baselines.systems.nrknet.network import NRKNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {"nrknet": network_probe(NRKNet, bgr=True)}
