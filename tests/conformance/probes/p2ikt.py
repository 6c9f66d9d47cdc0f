"""Probe of P2IKT against the official network."""

from defocus.baselines.systems.p2ikt.network import P2IKT
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: P2IKT, given: Given) -> Arrays:
    """The fixtures store the 64 x 64 centre of the auxiliary picture."""
    found = network.outputs(*given.inputs.values())
    auxiliary = found["auxiliary"]
    top, left = (max(side // 2 - 32, 0) for side in auxiliary.shape[-2:])
    return {
        "output": found["restored"],
        "half": found["half"],
        "quarter": found["quarter"],
        "aux_center64": auxiliary[..., top : top + 64, left : left + 64],
    }


PROBES = {"p2ikt": network_probe(P2IKT, _run)}
