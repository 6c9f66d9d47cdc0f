"""The released ``.npz`` file of AIFNet, by TensorLayer, as a state dict."""

from collections.abc import Mapping

import torch

from defocus.baselines.weights.entries import by_name, in_order

__all__ = ["convert"]


def convert(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of AIFNet from variables by TensorFlow names, or a list in the graph's order."""
    # The names are ``defocus_net/…:0`` and ``deblur_net/…:0``; a list that does not fit is a
    # ValueError.
    named = by_name(tensors, ["defocus_net", "deblur_net"])
    if named:
        return named
    from defocus.baselines.systems.aifnet.network import AIFNet

    with torch.device("meta"):
        state = AIFNet().state_dict()
    return in_order(tensors, [(name, tuple(entry.shape)) for name, entry in state.items()])
