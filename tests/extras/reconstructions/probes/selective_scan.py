"""Probes of the scan and of both blocks against the official ones."""

from functools import partial

import torch
from torch.nn import functional

from defocus.extras.reconstructions.selective_scan.mamba import Mamba
from defocus.extras.reconstructions.selective_scan.scan import selective_scan
from defocus.extras.reconstructions.selective_scan.ss2d import (
    SS2D,
    cross_merge,
    cross_scan,
)
from tests.conformance.probe import Arrays, Given, network_probe, operator_probe


def _scans(given: Given) -> Arrays:
    inputs = given.inputs
    values, delta, decay, skip = (inputs[name] for name in ("u", "delta", "A", "D"))
    biased = functional.softplus(delta + inputs["delta_bias"][:, None])
    full, full_state = selective_scan(
        values, biased, decay, inputs["B"], inputs["C"], skip
    )
    plain, plain_state = selective_scan(
        values, delta.abs(), decay, inputs["B"], inputs["C"]
    )
    grouped, _ = selective_scan(values, biased, decay, inputs["B2"], inputs["C2"], skip)
    return {
        "full": full * functional.silu(inputs["z"]),
        "full_last_state": full_state,
        "plain": plain,
        "plain_last_state": plain_state,
        "grouped": grouped,
        **_crossed(inputs),
    }


def _crossed(inputs: Arrays) -> Arrays:
    picture = inputs["image"]
    size = (picture.shape[-2], picture.shape[-1])
    sequences = cross_scan(picture)
    core = [inputs[f"ss2d_{name}"] for name in ("A", "B", "C", "D")]
    widths = functional.softplus(inputs["ss2d_delta"])
    written, _ = selective_scan(sequences.flatten(1, 2), widths, *core)
    factors = torch.arange(1, 5, dtype=picture.dtype)[:, None, None]
    return {
        "cross_scan": sequences,
        "cross_merge": cross_merge(sequences * factors, *size),
        "ss2d_core": cross_merge(written.view_as(sequences), *size),
    }


PROBES = {
    "selective_scan": operator_probe(_scans),
    "mamba_block": network_probe(partial(Mamba, 32)),
    "ss2d": network_probe(partial(SS2D, 24, states=8)),
}
