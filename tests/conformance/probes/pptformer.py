"""Probe of PPTformer against the official network."""

from defocus.baselines.systems.pptformer.network import PPTformer
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: PPTformer, given: Given) -> Arrays:
    picture, parser = given.inputs.values()
    return {"output": network(picture, parser=parser)}


PROBES = {"pptformer": network_probe(PPTformer, _run)}
