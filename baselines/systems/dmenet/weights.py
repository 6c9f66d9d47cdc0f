"""The released ``.npz`` files of DMENet, by TensorLayer, as a state dict."""

from collections.abc import Mapping

import torch

from defocus.baselines.weights.tensorflow import by_name, in_order

__all__ = ["convert"]


def convert(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of :class:`~defocus.baselines.systems.dmenet.network.DMENet`.

    Args:
        tensors: Variables by their TensorFlow names (``main_net/defocus_net/…:0``; variables of
            other networks in the file are dropped), or a list in the graph's order.

    Raises:
        ValueError: A list that does not fit.
    """
    named = by_name(tensors, ["defocus_net"])
    if named:
        return {f"main_net.{name}": tensor for name, tensor in named.items()}
    from defocus.baselines.systems.dmenet.network import DMENet

    with torch.device("meta"):
        state = DMENet().state_dict()
    return in_order(tensors, [(name, tuple(entry.shape)) for name, entry in state.items()])
