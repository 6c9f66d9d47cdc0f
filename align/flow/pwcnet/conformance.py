"""Conformance probes of PWC-Net, its cost volume and its three inner warps."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import nn

from defocus.align.flow.pwcnet.key_map import NVLABS_UNUSED, nvlabs_modules
from defocus.align.flow.pwcnet.network import Flows, PWCNet, estimate_flow
from defocus.align.flow.pwcnet.operators import (
    JDRL,
    NVLABS,
    SNIKLAUS,
    InnerWarp,
    cost_volume,
    warp_features,
)
from defocus.conformance import Probe, network_inputs, operator_inputs

__all__ = ["PROBES"]

Inputs = dict[str, torch.Tensor]
Outputs = dict[str, torch.Tensor]
Meta = Mapping[str, Any]

EDGE_CHANNELS = 4
"""The ``warp_edge*`` arrays of ``pwcnet_ops`` keep the first four channels."""


class NVlabsNames(nn.Module):
    """The network with its parameters under NVlabs' names, the unused ``deconv2`` included."""

    def __init__(self) -> None:
        super().__init__()
        network = PWCNet(NVLABS)
        for theirs, ours in nvlabs_modules().items():
            name, *inside = theirs.split(".")
            layer = network.get_submodule(ours)
            if name == "dc_conv1":  # their order: before the context network
                self.add_module(NVLABS_UNUSED, nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1))
            self.add_module(name, nn.Sequential(layer) if inside else layer)
        self._unregistered = (network,)

    def flows(self, first: torch.Tensor, second: torch.Tensor) -> Flows:
        """As :meth:`PWCNet.flows`."""
        return self._unregistered[0].flows(first, second)


def _pair(inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = inputs.values()
    return first, second


def _run_levels(module: nn.Module | None, inputs: Inputs, _: Meta) -> Outputs:
    network = cast(PWCNet, module)
    flows = network.flows(*_pair(inputs))
    named = {name: value for name, value in flows._asdict().items() if name != "refined"}
    return {"output": network(*_pair(inputs)), **named}


def _run_unscaled(module: nn.Module | None, inputs: Inputs, _: Meta) -> Outputs:
    return {"output": cast(PWCNet, module).flows(*_pair(inputs)).refined}


def _run_estimate(module: nn.Module | None, inputs: Inputs, _: Meta) -> Outputs:
    return {"output": estimate_flow(cast(PWCNet, module), *_pair(inputs))}


def _run_operators(_module: nn.Module | None, inputs: Inputs, _: Meta) -> Outputs:
    features, flow, edge = inputs["b"], inputs["flow"], inputs["edge_flow"]
    return {
        "correlation": cost_volume(inputs["a"], features),
        "warp": warp_features(features, flow, SNIKLAUS),
        "warp_jdrl": warp_features(features, flow, JDRL),
        "warp_edge": warp_features(features, edge, SNIKLAUS)[:, :EDGE_CHANNELS],
        "warp_edge_jdrl": warp_features(features, edge, JDRL)[:, :EDGE_CHANNELS],
        "warp_edge_nvlabs": warp_features(features, edge, NVLABS)[:, :EDGE_CHANNELS],
    }


def _builder(rule: InnerWarp) -> Callable[[], nn.Module]:
    return lambda: PWCNet(rule)


PROBES: dict[str, Probe] = {
    "pwcnet": Probe(_run_levels, _builder(SNIKLAUS), network_inputs),
    "pwcnet_gain": Probe(_run_levels, _builder(SNIKLAUS), network_inputs),
    "pwcnet_estimate": Probe(_run_estimate, _builder(SNIKLAUS), network_inputs),
    "pwcnet_jdrl": Probe(_run_unscaled, _builder(JDRL), network_inputs),
    "pwcnet_jdrl_estimate": Probe(_run_estimate, _builder(JDRL), network_inputs),
    "pwcnet_nvlabs": Probe(_run_unscaled, NVlabsNames, network_inputs),
    "pwcnet_ops": Probe(_run_operators, None, operator_inputs),
}
"""Probes by the ``system`` of a fixture's ``meta.json``."""
