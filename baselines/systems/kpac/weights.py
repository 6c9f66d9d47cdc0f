"""From the released TensorLayer files to our names."""

from collections.abc import Mapping

import torch

from defocus.baselines.systems.kpac.network import entry_names
from defocus.baselines.weights.entries import of_layer

__all__ = ["convert"]

LEVELS = (2, 3)


def convert(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """The state dict of a TensorLayer ``.npz``; other files are left as they are."""
    # The file holds one list without names, in the order in which the graph was made; how long it
    # is says how many levels there are. Kernels are (rows, columns, inputs, outputs), those of
    # transposed convolutions (rows, columns, outputs, inputs).
    numbers = {name: name.rpartition(".")[2] for name in tensors}
    if not all(number.isdecimal() for number in numbers.values()):
        return tensors
    known = {len(entry_names(levels)): levels for levels in LEVELS}
    if len(tensors) not in known:
        raise ValueError(f"{len(tensors)} arrays, where KPAC has {' or '.join(map(str, known))}")
    ordered = sorted(tensors, key=lambda name: int(numbers[name]))
    return {
        ours: of_layer(tensors[name])
        for ours, name in zip(entry_names(known[len(tensors)]), ordered, strict=True)
    }
