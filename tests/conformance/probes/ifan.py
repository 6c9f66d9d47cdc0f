"""Probes of IFAN, its reblurring branch and its operators against the official ones."""

from functools import partial
from typing import Any

import torch

from defocus.baselines.objectives.ifan import shifted
from defocus.baselines.systems.ifan.network import (
    CHANNELS,
    IFAN,
    ReblurNet,
    adaptive_convolution,
    filter_channels,
)
from tests.conformance.probe import (
    Arrays,
    Given,
    Probe,
    network_probe,
    operator_inputs,
    operator_probe,
)

STORED_FILTERS = slice(None, None, 97)
CORRECTED = "output_corrected_iac"


def _run_network(module: IFAN, fixture: Given) -> Arrays:
    inputs = fixture.inputs
    if module.dual:
        views = torch.cat([inputs["left"], inputs["right"]], dim=1)
        given: tuple[torch.Tensor, ...] = (inputs["combined"], views)
    else:
        given = tuple(inputs.values())
    outputs = module.outputs(*given)
    arrays = {
        "output": outputs["restored"],
        "disparity": outputs["disparity"],
        "filter_sub": outputs["filters"][:, STORED_FILTERS],
    }
    if CORRECTED in fixture.meta["tolerance"]:
        arrays[CORRECTED] = _corrected(module)(*given)
    return arrays


def _corrected(module: IFAN) -> IFAN:
    """The same weights with both filters of each pair in use."""
    corrected = IFAN(module.steps, dual=module.dual, filters="corrected").eval()
    corrected.load_state_dict(module.state_dict())
    return corrected


def _run_reblur(module: ReblurNet, given: Given) -> Arrays:
    return {"output": module(given.inputs["sharp"], given.inputs["filter"])}


def _run_operators(given: Given) -> Arrays:
    inputs = given.inputs
    convolve = partial(
        adaptive_convolution,
        inputs["feature"],
        inputs["filters"],
        steps=given.meta["arguments"]["N"],
    )
    return {
        "iac": convolve(),
        "iac_no_last_act": convolve(last_activation=False),
        "iac_corrected": convolve(corrected=True),
        "dpd_warp": shifted(inputs["image"], inputs["disparity"]),
    }


def _network(**settings: Any) -> Probe:
    return network_probe(partial(IFAN, **settings), _run_network)


PROBES = {
    "ifan": _network(),
    "ifan_8": _network(steps=8),
    "ifan_26": _network(steps=26),
    "ifan_35": _network(steps=35),
    "ifan_44": _network(steps=44),
    "ifan_centered": _network(),
    "ifan_8_centered": _network(steps=8),
    "ifan_dual": _network(dual=True),
    "ifan_rbn": network_probe(
        partial(ReblurNet, filter_channels(17, CHANNELS[-1])), _run_reblur
    ),
    "ifan_ops": operator_probe(_run_operators, operator_inputs),
}
