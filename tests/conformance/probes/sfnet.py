"""Probes of SFNet against the official network, with both kinds of pooling."""

from functools import partial

from defocus.baselines.systems.sfnet.network import SFNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

SCALES = {"output": "restored", "half": "half", "quarter": "quarter"}

PROBES = {
    "sfnet": network_probe(SFNet, outputs=SCALES),
    "sfnet_local80": network_probe(partial(SFNet, window_px=80), outputs=SCALES),
}
