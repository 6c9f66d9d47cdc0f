"""Conformance probe of FSIM against an independent implementation; not a metric."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from defocus.benchmark.metrics.fsim import feature_similarity
from defocus.conformance import Probe

__all__ = ["PROBES"]

REFERENCE = "ref"


def _run(
    module: nn.Module | None,  # noqa: ARG001 - a metric has no weights
    inputs: dict[str, torch.Tensor],
    meta: Mapping[str, Any],  # noqa: ARG001 - a probe's signature
) -> dict[str, torch.Tensor]:
    """Pictures of 8 bits: ``blur0``, ``noise0``, … each against the ``ref`` of its number."""
    pictures = {name: picture.numpy() / 255 for name, picture in inputs.items()}
    scores: dict[str, torch.Tensor] = {}
    for name, restored in pictures.items():
        kind = name.rstrip("0123456789")
        if kind == REFERENCE:
            continue
        reference = pictures[REFERENCE + name.removeprefix(kind)]
        everywhere = np.ones(restored.shape[:2], dtype=bool)
        for metric, chroma in (("fsimc", True), ("fsim", False)):
            score = feature_similarity(restored, reference, everywhere, chroma=chroma)
            scores[f"{metric}_{name}"] = torch.tensor(score, dtype=torch.float64)
    return scores


PROBES = {"fsim": Probe(run=_run, build=None, inputs=None)}
