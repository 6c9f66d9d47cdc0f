"""Probe of ContextualDeblur against the official network."""

from defocus.baselines.systems.contextual_deblur.network import ContextualDeblur
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {"contextualdeblur": network_probe(ContextualDeblur, bgr=True)}
