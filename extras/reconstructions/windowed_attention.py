"""Attention among the pixels of windows, as the rebuilt networks have it."""

from torch import Tensor, nn

from defocus.baselines.layers.attention import (
    SHIFT,
    WINDOW,
    WindowAttention,
    merged,
    windows,
)
from defocus.baselines.layers.padding import pad_to_multiple


class WindowedAttention(nn.Module):
    """Attention among the pixels of windows of 8 x 8, which begin at 4 px if ``shifted``."""

    # Source: Swin Transformer (ICCV 2021), eq. 3 and 4.

    def __init__(self, channels: int, heads: int, *, shifted: bool) -> None:
        super().__init__()
        self.shift = SHIFT if shifted else 0
        self.windowed = WindowAttention(channels, heads, shifted=shifted, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)``, reflected to multiples of 8, to the same shape."""
        height, width = features.shape[-2:]
        shift = self.shift
        pixels = pad_to_multiple(features, WINDOW).permute(0, 2, 3, 1)
        shifted = pixels.roll((-shift, -shift), dims=(1, 2)).contiguous()
        attended = merged(self.windowed(windows(shifted)))
        attended = attended.roll((shift, shift), dims=(1, 2))
        inside = attended[:, :height, :width]
        return inside.permute(0, 3, 1, 2)
