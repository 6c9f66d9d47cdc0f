"""Probes of NAFNet against the official networks."""

from functools import partial

from defocus.baselines.systems.nafnet.network import NAFNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {
    "nafnet_w32": network_probe(NAFNet),
    "nafnet_w64": network_probe(partial(NAFNet, width=64)),
}
