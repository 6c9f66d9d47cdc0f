"""Probes of NAFNet against the official networks."""

from functools import partial

from defocus.baselines.systems.nafnet.network import NAFNet
from defocus.conformance import Probe, network_inputs, single_output

__all__ = ["PROBES"]


PROBES = {
    "nafnet_w32": Probe(run=single_output, build=NAFNet, inputs=network_inputs),
    "nafnet_w64": Probe(run=single_output, build=partial(NAFNet, width=64), inputs=network_inputs),
}
