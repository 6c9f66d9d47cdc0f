"""Probes of FSNet against the official networks, with both kinds of pooling."""

from functools import partial

from defocus.baselines.systems.fsnet.network import FSNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

SCALES = {"output": "restored", "half": "half", "quarter": "quarter"}

PROBES = {
    "fsnet": network_probe(FSNet, outputs=SCALES),
    "fsnet_local80": network_probe(partial(FSNet, window_px=80), outputs=SCALES),
}
