"""Probes of FocalNet against the official network, with 16 and with 4 blocks."""

from functools import partial

from defocus.baselines.systems.focalnet.network import FocalNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

SCALES = {"output": "restored", "half": "half", "quarter": "quarter"}

PROBES = {
    "focalnet": network_probe(FocalNet, outputs=SCALES),
    "focalnet_4": network_probe(partial(FocalNet, blocks=4), outputs=SCALES),
}
