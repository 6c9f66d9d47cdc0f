"""From the released Keras files to our names."""

import re
from collections.abc import Mapping

import torch

from defocus.baselines.systems.dpdnet.network import WIDTHS
from defocus.baselines.weights.entries import of_layer

__all__ = ["convert", "layer_names"]

_ENTRY = re.compile(r"(?:.*/)?conv2d(?:_(?P<number>\d+))?/(?P<part>kernel|bias)(?::0)?")
_PARTS = {"kernel": "weight", "bias": "bias"}


def layer_names() -> list[str]:
    """The convolutions in the order in which the official graph makes them."""
    depth = len(WIDTHS)
    names = [f"conv{level}_{part}" for level in range(1, depth + 1) for part in (1, 2)]
    for level in range(depth + 1, 2 * depth):
        names += [f"up{level}", f"conv{level}_1", f"conv{level}_2"]
    return [*names, f"conv{2 * depth - 1}_3", f"conv{2 * depth}"]


def convert(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """The state dict of a Keras file, by data set; other files are left as they are."""
    # Keras numbers the layers ``conv2d_1`` … as they are made, and stores kernels as (rows,
    # columns, inputs, outputs). A file of the whole model has the optimiser's state beside them.
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        match = None if name.startswith("optimizer_weights") else _ENTRY.fullmatch(name)
        if match:
            layer = found.setdefault(int(match["number"] or 0), {})
            layer[_PARTS[match["part"]]] = tensor
    if not found:
        return tensors
    names = layer_names()
    if len(found) != len(names):
        raise ValueError(f"{len(found)} convolutions, where DPDNet has {len(names)}")
    return {
        f"{ours}.{part}": of_layer(tensor)
        for ours, number in zip(names, sorted(found), strict=True)
        for part, tensor in found[number].items()
    }
