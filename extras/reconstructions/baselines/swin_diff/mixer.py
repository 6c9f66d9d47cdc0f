"""Alternating mixing of tokens and of channels.

Source: Chen et al., HI-Diff (NeurIPS 2023), figure 2; zhengchen1999/HI-Diff at b3bfd16."""

from torch import Tensor, nn

TOKENS = 16


class Mixer(nn.Module):
    """Two residual multilayer perceptrons: over tokens, then over channels."""

    # ``channels``: number of channels of a token. ``expansion``: hidden channels per channel.

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.patch_mixer = _perceptron(TOKENS, TOKENS // 2)
        self.channel_mixer = _perceptron(channels, expansion * channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """From ``(N, 16, channels)`` to the same shape."""
        tokens = tokens + self.patch_mixer(
            self.norm1(tokens).transpose(1, 2)
        ).transpose(1, 2)
        mixed: Tensor = tokens + self.channel_mixer(self.norm2(tokens))
        return mixed


def _perceptron(size: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, size))
