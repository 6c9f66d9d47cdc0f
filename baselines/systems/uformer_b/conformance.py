"""Probes of Uformer-B against the official network, with either shift in the bottleneck."""

from functools import partial

from defocus.baselines.systems.uformer_b.network import Uformer
from defocus.conformance import Probe, network_inputs, single_output

__all__ = ["PROBES"]


PROBES = {
    "uformer_b": Probe(run=single_output, build=Uformer, inputs=network_inputs),
    "uformer_b_ps128": Probe(
        run=single_output, build=partial(Uformer, nominal_px=128), inputs=network_inputs
    ),
}
