"""Probe of MPRNet against the official network."""

from defocus.baselines.systems.mprnet.network import MPRNet
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: MPRNet, given: Given) -> Arrays:
    found = network.outputs(*given.inputs.values())
    return {
        "output": found["restored"],
        "stage2_sub": found["stage2"][..., ::4, ::4],
        "stage1_sub": found["stage1"][..., ::4, ::4],
    }


PROBES = {"mprnet": network_probe(MPRNet, _run)}
