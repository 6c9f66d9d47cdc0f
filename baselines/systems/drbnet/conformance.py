"""Probes of DRBNet and its filtering against the official ones."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from defocus.baselines.systems.drbnet.kernels import filtered
from defocus.baselines.systems.drbnet.network import DRBNet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run_network(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shapes and seeds were used to make the inputs
) -> dict[str, torch.Tensor]:
    if not isinstance(module, DRBNet):
        raise TypeError("DRBNet's probe needs its module")
    # the fixtures' values are the network's own, where -1 is black
    pictures = {name: (values + 1) / 2 for name, values in inputs.items()}
    if module.dual:
        views = torch.cat([pictures["left"], pictures["right"]], dim=1)
        found = module.outputs(pictures["combined"], views)
    else:
        found = module.outputs(*pictures.values())
    arrays = {"output": 2 * found["restored"] - 1}
    for level in (3, 2, 1, 0):
        arrays[f"upconv{level}_kernel_sub"] = found[f"kernel{level}"][:, ::16, ::8, ::8]
        arrays[f"upconv{level}_res_sub"] = found[f"residual{level}"][..., ::4, ::4]
    return arrays


def _kernel_inputs(meta: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Inputs written as ``PCG64(SEED).random((N, C, H, W))``."""
    inputs: dict[str, torch.Tensor] = {}
    for name, rule in meta["inputs"].items():
        seed, rest = rule.removeprefix("PCG64(").split(").", 1)
        kind, shape = rest.rstrip(")").split("((")
        generator = np.random.Generator(np.random.PCG64(int(seed)))
        draw = generator.random if kind == "random" else generator.standard_normal
        values = draw(tuple(int(side) for side in shape.split(",")))
        inputs[name] = torch.from_numpy(values.astype(np.float32))
    return inputs


def _run_operators(
    module: nn.Module | None,  # noqa: ARG001 - operators have no weights
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shapes and seeds were used to make the inputs
) -> dict[str, torch.Tensor]:
    return {"fac": filtered(inputs["image"], inputs["kernel"])}


PROBES = {
    "drbnet_single": Probe(run=_run_network, build=DRBNet, inputs=network_inputs),
    "drbnet_dual": Probe(run=_run_network, build=partial(DRBNet, dual=True), inputs=network_inputs),
    "drbnet_ops": Probe(run=_run_operators, build=None, inputs=_kernel_inputs),
}
