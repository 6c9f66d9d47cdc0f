"""Probes of DMPHN against the official scripts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from defocus.baselines.systems.dmphn.baseline import STACKS
from defocus.baselines.systems.dmphn.network import DMPHN, GREY, StackedDMPHN
from defocus.conformance import Probe, network_inputs

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - shapes and seeds were used to make the inputs
) -> dict[str, torch.Tensor]:
    if module is None:
        raise TypeError("DMPHN's probe needs a module")
    (picture,) = inputs.values()  # the network's own values, where 0 is grey
    return {"output": module(picture + GREY) - GREY}


PROBES = {
    "dmphn_1_2_4": Probe(run=_run, build=partial(DMPHN, 3), inputs=network_inputs),
    "dmphn_1_2_4_8": Probe(run=_run, build=partial(DMPHN, 4), inputs=network_inputs),
} | {
    f"dmphn_stack{stages}": Probe(
        run=_run, build=partial(StackedDMPHN, stages), inputs=network_inputs
    )
    for stages in STACKS
}
