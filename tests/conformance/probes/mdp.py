"""Probe of MDP against the official network."""

import torch

from defocus.baselines.systems.mdp.network import MDP, VIEWS
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: MDP, given: Given) -> Arrays:
    """The official function takes BGR as it comes, so the picture is turned round beforehand."""
    (picture,) = given.inputs.values()
    found = network.outputs(picture.flip(1))
    views = [found[name].flip(1) for name in ("left", "right", "restored")]
    return {
        "output": torch.cat(views, dim=1),
        "pre_head": torch.cat([found[f"pre_{view}"] for view in VIEWS], dim=1),
    }


PROBES = {"mdp": network_probe(MDP, _run)}
