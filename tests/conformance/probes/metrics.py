"""Conformance probe of FSIM against an independent implementation; not a metric."""

import numpy as np
import torch

from defocus.benchmark.metrics.fsim import feature_similarity
from tests.conformance.probe import Arrays, Given, operator_probe

REFERENCE = "ref"


def _run(given: Given) -> Arrays:
    """Score 8-bit pictures ``blur0``, ``noise0``, … against the ``ref`` with the same number."""
    pictures = {name: picture.numpy() / 255 for name, picture in given.inputs.items()}
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


PROBES = {"fsim": operator_probe(_run)}
