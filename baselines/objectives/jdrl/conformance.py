"""Probes of JDRL's reblurring network and operators against the official ones."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.align.flow.colour_wheel import flow_grey, official_mask
from defocus.align.sampling.warp import warp
from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.operators.reblurring.operator import blur_levels
from defocus.conformance import Probe, network_inputs, operator_inputs

__all__ = ["PROBES"]


def _run_network(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shapes and seeds were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("the reblurring network's probe needs a module")
    restored, blurry = inputs.values()
    return {"output": module(restored, blurry)}


def _run_operators(
    module: nn.Module | None,  # noqa: ARG001 - operators have no weights
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shapes and seeds were used to make the inputs
) -> dict[str, torch.Tensor]:
    image, flow = inputs["image"], inputs["flow"]
    warped = warp(image, flow, grid="official")
    return {
        "kernel_apply": blur_levels(image, inputs["core"])[..., ::2, ::2],
        "warp": warped,
        "flow_gray": flow_grey(inputs["mask_flow"]),
        "mask": official_mask(inputs["mask_flow"]),
        "charbonnier": charbonnier(image, warped),
        "flow_gray_wide": flow_grey(flow),
        "mask_wide": official_mask(flow),
    }


PROBES = {
    "jdrl_reblur": Probe(run=_run_network, build=ReblurNet, inputs=network_inputs),
    "jdrl_ops": Probe(run=_run_operators, build=None, inputs=operator_inputs),
}
