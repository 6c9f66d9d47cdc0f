"""Probe of EBDB's steps, from given edges, against a rebuild of the released code."""

import numpy as np
import torch

from defocus.baselines.systems.ebdb.network import (
    FINEST,
    along_edges,
    chosen_scale,
    edge_luma,
    sparse_sigma_px,
    spread,
)
from tests.conformance.probe import Arrays, Given, operator_probe


def _run(given: Given) -> Arrays:
    image, edges = given.inputs["image"].numpy(), given.inputs["edges"].numpy()
    grey, scale = edge_luma(image), chosen_scale(edges)
    edge = np.asarray(edges[:FINEST].all(axis=0))
    sigma_px = sparse_sigma_px(grey, edge, scale)
    filtered = along_edges(sigma_px, edge, edges.sum(axis=0))
    results = {
        "luma": grey,
        "edge": edge,
        "scale": scale,
        "sparse": sigma_px,
        "cef": filtered,
        "dense": spread(image, edge, filtered),
    }
    return {name: torch.from_numpy(values) for name, values in results.items()}


PROBES = {"ebdb_ops": operator_probe(_run)}
