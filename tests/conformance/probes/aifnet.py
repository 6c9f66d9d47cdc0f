"""Probe of AIFNet against the official network."""

from defocus.baselines.systems.aifnet.network import AIFNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

OUTPUTS = {"output": "restored", "logits": "logits", "defocus_map": "blur_map"}

PROBES = {"aifnet": network_probe(AIFNet, outputs=OUTPUTS)}
