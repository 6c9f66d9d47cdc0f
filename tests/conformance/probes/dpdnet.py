"""Probes of DPDNet against the official network, for one picture and for two views."""

from functools import partial

from defocus.baselines.systems.dpdnet.network import DPDNet, reversed_colours
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: DPDNet, given: Given) -> Arrays:
    (pictures,) = given.inputs.values()  # blue, green, red: the network's own order
    return {"output": network(reversed_colours(pictures)).flip(1)}


PROBES = {
    "dpdnet_single": network_probe(DPDNet, _run),
    "dpdnet_dual": network_probe(partial(DPDNet, views=2), _run),
}
