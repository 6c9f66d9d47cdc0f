"""The released ``.npz`` files of DMENet, by TensorLayer, as a state dict."""

from collections.abc import Mapping

import torch

from defocus.baselines.weights.entries import by_name, in_order

__all__ = ["convert"]


def convert(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of DMENet from variables by TensorFlow names, or a list in the graph's order."""
    # The names are ``main_net/defocus_net/…:0``; other networks' variables are dropped, and a list
    # that does not fit is a ValueError.
    named = by_name(tensors, ["defocus_net"])
    if named:
        return {f"main_net.{name}": tensor for name, tensor in named.items()}
    from defocus.baselines.systems.dmenet.network import DMENet

    with torch.device("meta"):
        state = DMENet().state_dict()
    return in_order(tensors, [(name, tuple(entry.shape)) for name, entry in state.items()])
