"""Probes of FFDNet against the official networks, colour and grey."""

from functools import partial

from defocus.baselines.systems.ffdnet.network import FFDNet
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: FFDNet, given: Given) -> Arrays:
    return {"output": network.denoised(*given.inputs.values())}


PROBES = {
    "ffdnet_color": network_probe(FFDNet, _run),
    "ffdnet_gray": network_probe(partial(FFDNet, colours=1, width=64, depth=15), _run),
}
