"""PWC-Net as an estimator of optical flow."""

from pathlib import Path

import torch

from defocus.align.flow.estimator import check_frames
from defocus.align.flow.pwcnet.network import PWCNet, estimate_flow
from defocus.align.flow.pwcnet.weights import (
    OWN_ORIGIN,
    Weights,
    load_shipped_weights,
    load_weights,
)


class PWCNetFlow:
    """PWC-Net with loaded weights, frozen; they determine its form and its name in results."""

    def __init__(self, weights: Weights) -> None:
        self.name = OWN_ORIGIN if weights.own else "pwcnet-official"
        self.weights_sha256 = weights.sha256
        network = PWCNet(weights.inner_warp, normalise=weights.normalise)
        network.load_state_dict(weights.state)
        self._network = (
            network.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
        )

    @torch.no_grad()
    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from ``first`` to ``second``; see ``FlowEstimator``."""
        check_frames(first, second)
        return self.unchecked(first, second, half=False)

    @torch.no_grad()
    def unchecked(self, first: torch.Tensor, second: torch.Tensor, *, half: bool) -> torch.Tensor:
        """The same without a look at the frames, for which a program waits for its GPU."""
        network = self._network.to(first.device)
        # the network was trained on blue, green, red
        return estimate_flow(network, first.float().flip(1), second.float().flip(1), half=half)


def load_estimator(path: Path | None) -> PWCNetFlow:
    """Make the estimator with the weights of a file; None uses those that come with the package."""
    return PWCNetFlow(load_shipped_weights() if path is None else load_weights(path))
