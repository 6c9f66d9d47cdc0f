"""Probes of DRBNet and its filtering against the official ones."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from defocus.baselines.systems.drbnet.network import DRBNet, filtered
from tests.conformance.probe import Arrays, Given, drawn, network_probe, operator_probe


def _run_network(network: DRBNet, given: Given) -> Arrays:
    pictures = given.inputs
    if network.dual:
        views = torch.cat([pictures["left"], pictures["right"]], dim=1)
        outputs = network.outputs(pictures["combined"], views)
    else:
        outputs = network.outputs(*pictures.values())
    arrays = {"output": outputs["restored"]}
    for level in (3, 2, 1, 0):
        arrays[f"upconv{level}_kernel_sub"] = outputs[f"kernel{level}"][
            :, ::16, ::8, ::8
        ]
        arrays[f"upconv{level}_res_sub"] = outputs[f"residual{level}"][..., ::4, ::4]
    return arrays


def _kernel_inputs(meta: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Inputs written as ``PCG64(SEED).random((N, C, H, W))``."""
    inputs: dict[str, torch.Tensor] = {}
    for name, rule in meta["inputs"].items():
        seed, rest = rule.removeprefix("PCG64(").split(").", 1)
        kind, shape = rest.rstrip(")").split("((")
        inputs[name] = drawn(kind, int(seed), [int(side) for side in shape.split(",")])
    return inputs


def _run_operators(given: Given) -> Arrays:
    return {"fac": filtered(given.inputs["image"], given.inputs["kernel"])}


PROBES = {
    "drbnet_single": network_probe(DRBNet, _run_network, signed=True),
    "drbnet_dual": network_probe(partial(DRBNet, dual=True), _run_network, signed=True),
    "drbnet_ops": operator_probe(_run_operators, _kernel_inputs),
}
