"""Probes of DnCNN against the official networks."""

from functools import partial

from defocus.baselines.systems.dncnn.network import DnCNN
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {
    "dncnn": network_probe(DnCNN),
    "dncnn_color_blind": network_probe(partial(DnCNN, depth=20, normalised=False)),
}
