"""Probes of the guided U-Net and its reblurring module against the official ones."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.systems.rjdrl_unet.network import Guided, rjdrl_unet
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES", "run_guided"]


def run_guided(
    module: nn.Module | None, inputs: dict[str, torch.Tensor], meta: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """The restored picture, and the part of the estimate that the fixture stores."""
    if not isinstance(module, Guided):
        raise TypeError("the probe needs a guided network")
    (picture,) = inputs.values()
    outputs = module.outputs(picture)
    crop = meta.get("stored_crops", {}).get("core_center32")
    if crop is None:
        return {"output": outputs["restored"]}
    rows = slice(crop["top"], crop["top"] + crop["height"])
    columns = slice(crop["left"], crop["left"] + crop["width"])
    return {"output": outputs["restored"], "core_center32": outputs["core"][..., rows, columns]}


def _run_reblur(
    module: nn.Module | None, inputs: dict[str, torch.Tensor], meta: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    if not isinstance(module, ReblurNet):
        raise TypeError("the reblurring network's probe needs a module")
    sharp, blurry = inputs.values()
    reblurred = module.reblur(sharp, blurry)
    height, width = meta["arrays"]["core"][-2:]  # its corner at the top left is stored
    core = reblurred.seeds[..., :height, :width]
    return {"output": reblurred.picture, "core": core, "kernel_map": reblurred.weights}


PROBES = {
    "rjdrl_unet": Probe(run=run_guided, build=rjdrl_unet, inputs=network_inputs),
    "rjdrl_reblur": Probe(run=_run_reblur, build=ReblurNet, inputs=network_inputs),
}
