"""Probes of DnCNN against the official networks."""

from functools import partial

from defocus.baselines.systems.dncnn.network import DnCNN
from defocus.conformance import Probe, network_inputs, single_output

__all__ = ["PROBES"]


PROBES = {
    "dncnn": Probe(run=single_output, build=DnCNN, inputs=network_inputs),
    "dncnn_color_blind": Probe(
        run=single_output, build=partial(DnCNN, depth=20, normalised=False), inputs=network_inputs
    ),
}
