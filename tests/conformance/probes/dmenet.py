"""Probe of DMENet against the official network."""

from defocus.baselines.systems.dmenet.network import DMENet
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: DMENet, given: Given) -> Arrays:
    found = network.outputs(*given.inputs.values())
    return found | {"output": found["map"]}


PROBES = {"dmenet": network_probe(DMENet, _run)}
