"""Probes of Uformer-B against the official network, with either shift in the bottleneck."""

from functools import partial

from defocus.baselines.systems.uformer_b.network import Uformer
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {
    "uformer_b": network_probe(Uformer),
    "uformer_b_ps128": network_probe(partial(Uformer, nominal_px=128)),
}
