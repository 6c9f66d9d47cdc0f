"""Probes of OKNet against the official network, with 16 and with 4 blocks."""

from functools import partial

from defocus.baselines.systems.oknet.network import OKNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

SCALES = {"output": "restored", "half": "half", "quarter": "quarter"}

PROBES = {
    "oknet": network_probe(OKNet, outputs=SCALES),
    "oknet_4": network_probe(partial(OKNet, blocks=4), outputs=SCALES),
}
