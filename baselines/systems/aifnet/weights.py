"""The released ``.npz`` file of AIFNet, by TensorLayer, as a state dict."""

from collections.abc import Mapping

import torch

from defocus.baselines.weights.tensorflow import by_name, in_order

__all__ = ["convert"]


def convert(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of :class:`~defocus.baselines.systems.aifnet.network.AIFNet`.

    Args:
        tensors: Variables by their TensorFlow names (``defocus_net/…:0``, ``deblur_net/…:0``), of
            one file or of one for each network, or a list in the graph's order.

    Raises:
        ValueError: A list that does not fit.
    """
    named = by_name(tensors, ["defocus_net", "deblur_net"])
    if named:
        return named
    from defocus.baselines.systems.aifnet.network import AIFNet

    with torch.device("meta"):
        state = AIFNet().state_dict()
    return in_order(tensors, [(name, tuple(entry.shape)) for name, entry in state.items()])
