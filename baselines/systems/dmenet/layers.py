"""TensorLayer's layers where PyTorch's differ."""

import torch
from torch import nn
from torch.nn import functional

__all__ = ["SymmetricConv", "UnscaledBatchNorm", "repeat_pixels"]


class SymmetricConv(nn.Conv2d):
    """A convolution after TensorFlow's SYMMETRIC padding, which repeats the border at one pixel."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2, padding_mode="replicate")


class UnscaledBatchNorm(nn.Module):
    """Batch normalisation with a shift and no scale: no ``weight``, no ``num_batches_tracked``."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalised by the batch in training, by the moving averages (decay 0.9) otherwise."""
        return functional.batch_norm(
            features,
            self.running_mean,
            self.running_var,
            bias=self.bias,
            training=self.training,
            momentum=0.1,
            eps=1e-5,
        )


def repeat_pixels(features: torch.Tensor) -> torch.Tensor:
    """Twice the size; TensorFlow's aligned nearest neighbour repeats pixels when it doubles."""
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")
