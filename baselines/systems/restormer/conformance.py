"""Probes of Restormer against the official networks."""

from functools import partial

from defocus.baselines.systems.restormer.network import Restormer
from defocus.conformance import Probe, network_inputs, single_output

__all__ = ["PROBES"]


PROBES = {
    "restormer_single": Probe(run=single_output, build=Restormer, inputs=network_inputs),
    "restormer_dual": Probe(
        run=single_output, build=partial(Restormer, dual=True), inputs=network_inputs
    ),
}
