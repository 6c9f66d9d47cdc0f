"""Conformance probe of the metric MANIQA, whose network is functions of its weights."""

from pathlib import Path

import numpy as np
import torch

from defocus.benchmark.metrics.maniqa import pooled, stage, tokens
from tests.conformance.probe import (
    Arrays,
    Given,
    filled_entries,
    network_inputs,
    operator_probe,
    override_entries,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "maniqa"


def weights_of(meta: Given) -> Arrays:
    """The weights by the rule, and in each block with windows what is constant there."""
    weights = filled_entries(meta.meta["entries"], meta.meta["seed"])
    override_entries(weights, meta.meta["overrides"])
    with np.load(FOLDER / "buffers.npz") as buffers:
        constant = {name: torch.from_numpy(buffers[name]) for name in buffers.files}
    for name in list(weights):
        if name.endswith("attn.relative_position_bias_table"):
            block = name.removesuffix(".attn.relative_position_bias_table")
            index = constant["relative_position_index"].long()
            weights[f"{block}.attn.relative_position_index"] = index
            weights[f"{block}.attn_mask"] = constant["attn_mask"].float()
    return weights


def _run(given: Given) -> Arrays:
    weights = weights_of(given)
    features = tokens(weights, given.inputs["pictures"])
    first = stage(weights, 1, features)
    second = stage(weights, 2, first)
    return {
        "output": pooled(weights, second),
        "tokens": features[:, ::96, ::16],
        "stage1": first[:, ::24, ::16],
        "stage2": second[:, ::12, ::16],
    }


PROBES = {"maniqa": operator_probe(_run, network_inputs)}
