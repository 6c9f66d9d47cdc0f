"""Conformance probes of PWC-Net, its cost volume and its three inner warps."""

from functools import partial

import torch
from torch import nn

from defocus.align.flow.pwcnet.estimator import NVLABS_UNUSED, nvlabs_modules
from defocus.align.flow.pwcnet.network import (
    JDRL,
    NVLABS,
    SNIKLAUS,
    Flows,
    PWCNet,
    cost_volume,
    estimate_flow,
    warp_features,
)
from tests.conformance.probe import (
    Arrays,
    Given,
    Probe,
    network_probe,
    operator_inputs,
    operator_probe,
)

EDGE_CHANNELS = 4
"""The ``warp_edge*`` arrays of ``pwcnet_ops`` keep the first four channels."""


class NVlabsNames(nn.Module):
    """The network with parameters under NVlabs' names, including the unused ``deconv2``."""

    def __init__(self) -> None:
        super().__init__()
        network = PWCNet(NVLABS)
        for theirs, module in nvlabs_modules().items():
            name, *inside = theirs.split(".")
            layer = network.get_submodule(module)
            if name == "dc_conv1":  # their order: before the context network
                self.add_module(
                    NVLABS_UNUSED, nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
                )
            self.add_module(name, nn.Sequential(layer) if inside else layer)
        self._unregistered = (network,)

    def flows(self, first: torch.Tensor, second: torch.Tensor) -> Flows:
        """See :meth:`PWCNet.flows`."""
        return self._unregistered[0].flows(first, second)


def _run_levels(network: PWCNet, given: Given) -> Arrays:
    flows = network.flows(*given.inputs.values())
    named = {
        name: value for name, value in flows._asdict().items() if name != "refined"
    }
    return {"output": network(*given.inputs.values()), **named}


def _run_unscaled(network: PWCNet | NVlabsNames, given: Given) -> Arrays:
    return {"output": network.flows(*given.inputs.values()).refined}


def _run_estimate(network: PWCNet, given: Given) -> Arrays:
    return {"output": estimate_flow(network, *given.inputs.values())}


def _run_operators(given: Given) -> Arrays:
    inputs = given.inputs
    features, flow, edge = inputs["b"], inputs["flow"], inputs["edge_flow"]
    return {
        "correlation": cost_volume(inputs["a"], features),
        "warp": warp_features(features, flow, SNIKLAUS),
        "warp_jdrl": warp_features(features, flow, JDRL),
        "warp_edge": warp_features(features, edge, SNIKLAUS)[:, :EDGE_CHANNELS],
        "warp_edge_jdrl": warp_features(features, edge, JDRL)[:, :EDGE_CHANNELS],
        "warp_edge_nvlabs": warp_features(features, edge, NVLABS)[:, :EDGE_CHANNELS],
    }


PROBES: dict[str, Probe] = {
    "pwcnet": network_probe(partial(PWCNet, SNIKLAUS), _run_levels),
    "pwcnet_gain": network_probe(partial(PWCNet, SNIKLAUS), _run_levels),
    "pwcnet_estimate": network_probe(partial(PWCNet, SNIKLAUS), _run_estimate),
    "pwcnet_jdrl": network_probe(partial(PWCNet, JDRL), _run_unscaled),
    "pwcnet_jdrl_estimate": network_probe(partial(PWCNet, JDRL), _run_estimate),
    "pwcnet_nvlabs": network_probe(NVlabsNames, _run_unscaled),
    "pwcnet_ops": operator_probe(_run_operators, operator_inputs),
}
"""Probes by the ``system`` of a fixture's ``meta.json``."""
