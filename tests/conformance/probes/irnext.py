"""Probes of IRNeXt against the official network, with 16 and with 4 blocks."""

from functools import partial

from defocus.baselines.systems.irnext.network import IRNeXt
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

SCALES = {"output": "restored", "half": "half", "quarter": "quarter"}

PROBES = {
    "irnext": network_probe(IRNeXt, outputs=SCALES),
    "irnext_4": network_probe(partial(IRNeXt, blocks=4), outputs=SCALES),
}
