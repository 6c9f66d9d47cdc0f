"""Layers of each pixel: 1 × 1 convolutions on the fast path of the CPU, and norms over channels."""

from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import named

EPSILON = 1e-5


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel (Restormer's ``WithBias``)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.LayerNorm(channels, eps=EPSILON)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        normed: Tensor = self.body(features.permute(0, 2, 3, 1)).permute(
            0,
            3,
            1,
            2,
        )
        return normed


class FlatChannelNorm(nn.LayerNorm):
    """A normalisation over channels with entries without ``body``, as in NAFNet."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__(channels, eps=eps)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


FAST_BATCH = 16
"""Batch size from which the convolution library computes 1 × 1 convolutions faster, on one thread
too."""


class Pointwise(nn.Conv2d):
    """A 1 × 1 convolution, computed on the CPU row by row as a batch of rows."""

    # In ``channels_last`` order rows are a batch of pictures without a copy.

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        """From ``(N, inputs, H, W)`` to ``(N, outputs, H, W)``."""
        # PyTorch's matrix product for 1 × 1 convolutions is, on some CPUs, half as fast as the
        # library of its other convolutions; for a GPU rows are too small.
        if input.device.type != "cpu":
            return super().forward(input)
        pixels = input.permute(0, 2, 3, 1)
        pictures = pixels.flatten(0, 1).unsqueeze(1)
        rows = pictures.permute(0, 3, 1, 2)
        given = super().forward(rows).permute(0, 2, 3, 1)
        by_pixel = given.reshape(*pixels.shape[:3], self.out_channels)
        return by_pixel.permute(0, 3, 1, 2)


def doubled(channels: int) -> nn.Sequential:
    """Twice the size, half the channels (NAFNet)."""
    return nn.Sequential(
        Pointwise(channels, 2 * channels, bias=False),
        nn.PixelShuffle(2),
    )


class PointwiseLinear(nn.Linear):
    """A linear layer, computed on the CPU as a 1 × 1 convolution over a batch of pixels."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Linear's own name
        """From ``(..., inputs)`` to ``(..., outputs)``."""
        tokens = input.numel() // self.in_features
        if input.device.type != "cpu" or tokens % FAST_BATCH:
            return super().forward(input)
        batch = input.reshape(FAST_BATCH, 1, -1, self.in_features)
        batch = batch.permute(0, 3, 1, 2)
        kernels = self.weight[:, :, None, None]
        given = functional.conv2d(batch, kernels, self.bias)
        last = given.permute(0, 2, 3, 1)
        return last.reshape(*input.shape[:-1], self.out_features)


def mlp(width: int) -> nn.Sequential:
    """Two layers of each token, four times as wide between them."""
    first = PointwiseLinear(width, 4 * width)
    second = PointwiseLinear(4 * width, width)
    return named(fc1=first, gelu=nn.GELU(), fc2=second)
