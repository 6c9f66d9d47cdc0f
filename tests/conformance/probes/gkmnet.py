"""Probes of GKMNet against the official networks of both repositories."""

from functools import partial

from defocus.baselines.systems.gkmnet.network import GKMNet
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: GKMNet, given: Given) -> Arrays:
    """The fixtures' pyramid is of 2 × 2 means; ours, as the official loader's, is antialiased."""
    restored = network.restored_scales(list(given.inputs.values()))
    return dict(zip(("output", "half", "quarter"), restored, strict=True))


PROBES = {
    "gkmnet": network_probe(GKMNet, _run),
    "gkmnet_updating": network_probe(partial(GKMNet, "updated"), _run),
}
