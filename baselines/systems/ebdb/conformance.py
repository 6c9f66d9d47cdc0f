"""Probe of EBDB's steps, from given edges, against a rebuild of the released code."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from defocus.baselines.systems.ebdb.defocus_map import (
    FINEST,
    along_edges,
    chosen_scale,
    edge_luma,
    sparse_sigma_px,
    spread,
)
from defocus.conformance import Probe

__all__ = ["PROBES"]


def _run(
    module: nn.Module | None,  # noqa: ARG001 - a probe's signature
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    image, edges = inputs["image"].numpy(), inputs["edges"].numpy()
    grey, scale = edge_luma(image), chosen_scale(edges)
    edge = np.asarray(edges[:FINEST].all(axis=0))
    found = sparse_sigma_px(grey, edge, scale)
    filtered = along_edges(found, edge, edges.sum(axis=0))
    results = {
        "luma": grey,
        "edge": edge,
        "scale": scale,
        "sparse": found,
        "cef": filtered,
        "dense": spread(image, edge, filtered),
    }
    return {name: torch.from_numpy(values) for name, values in results.items()}


PROBES = {"ebdb_ops": Probe(run=_run, build=None, inputs=None)}
