"""The released ``.hdf5`` files of MDP, by Keras, as a state dict."""

import re
from collections.abc import Mapping

import torch

from defocus.baselines.weights.entries import of_layer

__all__ = ["convert"]

_LAYER = re.compile(r"(?:^|/)conv2d(?:_(\d+))?/(kernel|bias)(?::0)?$")
"""Keras numbers layers in the order of their creation; the first one has no number."""


def convert(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of MDP from data sets by path (``conv2d_7/conv2d_7/kernel:0``)."""
    # The numbers need not begin at 0: they go on where a process built another model first.
    from defocus.baselines.systems.mdp.network import MDP

    layers: dict[int, dict[str, torch.Tensor]] = {}
    for path, tensor in tensors.items():
        found = _LAYER.search(path)
        if found is not None and not path.startswith("optimizer_weights"):
            layers.setdefault(int(found[1] or 0), {})[found[2]] = of_layer(tensor)
    with torch.device("meta"):
        roles = [name for name, _ in MDP().named_children()]
    if len(layers) != len(roles):
        raise ValueError(f"{len(layers)} convolutions named conv2d_…, {len(roles)} are needed")
    state: dict[str, torch.Tensor] = {}
    for role, number in zip(roles, sorted(layers), strict=True):
        state |= {
            f"{role}.weight": layers[number]["kernel"],
            f"{role}.bias": layers[number]["bias"],
        }
    return state
