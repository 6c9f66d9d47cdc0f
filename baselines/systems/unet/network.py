"""JDRL's plain U-Net (AAAI 2023, Table 6), with the state-dict names of ``VGG_Deblur``.

Where paper and released code differ the code is followed, since its weights need it."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import cropped, pad_to_multiple

WIDTH, LEVELS = 64, 5
DROPOUT = 0.4


class UNet(nn.Module):
    """From a blurry to the restored picture; no residual from the input, a sigmoid at the end."""

    # Each coarser level has twice as many channels. The names count on, so a U-Net of other
    # levels has its own.

    def __init__(
        self,
        *,
        width: int = WIDTH,
        levels: int = LEVELS,
        inputs: int = 3,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.levels = levels
        channels = [width << level for level in range(levels)]
        self.encoder = nn.Sequential()
        for number, outputs in enumerate(channels, 1):
            self.encoder.add_module(f"block{number}", _double(inputs, outputs))
            inputs = outputs
        self.dropout = nn.Dropout(DROPOUT)
        for number, width_up in self._ups(channels):
            # no activation, unlike DPDNet
            doubled = nn.Upsample(scale_factor=2, mode="nearest")
            up = nn.Sequential(doubled, _Conv2x2(2 * width_up, width_up))
            self.add_module(f"up{number}", up)
            self.add_module(f"block{number}", _double(2 * width_up, width_up))
        last = nn.Identity() if adds_input else nn.Sigmoid()
        self.out = nn.Sequential(nn.Conv2d(width, 3, 3, padding="same"), last)
        self.apply(_initialise)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1]; not clamped where the input is added."""
        return self._restored(blurry, blurry)

    def _restored(self, blurry: Tensor, shown: Tensor) -> Tensor:
        """The restored picture of a network that gets ``shown``.

        That is the blurry picture, or more."""
        padded = pad_to_multiple(shown, 2 ** (self.levels - 1))
        decoded = self._decode(self._encode(padded))
        given = cropped(decoded, blurry)
        return blurry + given if self.adds_input else given

    def _ups(self, channels: list[int]) -> Iterator[tuple[int, int]]:
        """Numbers and channels of the decoder's levels, coarsest first."""
        return zip(
            range(self.levels + 1, 2 * self.levels),
            reversed(channels[:-1]),
            strict=True,
        )

    def _encode(self, picture: Tensor) -> list[Tensor]:
        """Features of the levels, finest first."""
        levels: list[Tensor] = []
        features = picture
        for number, block in enumerate(self.encoder.children(), start=1):
            if levels:
                features = functional.max_pool2d(features, 2)
            features = block(features)
            # before the skip is taken, as the released code has it
            if number >= self.levels - 1:
                features = self.dropout(features)
            levels.append(features)
        return levels

    def _decode(self, levels: list[Tensor]) -> Tensor:
        features = levels[-1]
        for number, skip in enumerate(reversed(levels[:-1]), start=self.levels + 1):
            up = self.get_submodule(f"up{number}")
            block = self.get_submodule(f"block{number}")
            joined = torch.cat([up(features), skip], dim=1)
            features = block(joined)
        restored: Tensor = self.out(features)
        return restored


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding="same"),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding="same"),
        nn.ReLU(inplace=True),
    )


class _Conv2x2(nn.Conv2d):
    """A 2 × 2 convolution that keeps the size: one row of zeros below, one column on the right."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 2)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        return super().forward(functional.pad(input, (0, 1, 0, 1)))


def _initialise(module: nn.Module) -> None:
    """He's initialisation by fan-out for the weights; biases keep PyTorch's uniform default."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


OFFICIAL = "G_state_dict."
"""Prefix under which the released checkpoints keep the network. Our names have no prefix."""
FIRST, LAST = "encoder.block1.0.weight", ("out.0.weight", "out.0.bias")


def convert(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The same network for RGB: the released one is fed what OpenCV reads, BGR."""
    # The first convolution's inputs and the last one's outputs change their order, which is exact.
    # Other files are left as they are.
    state = dict(tensors)
    for name in state:
        if name.startswith(OFFICIAL):
            state[name] = _swapped(name, state[name])
    return state


def _swapped(name: str, tensor: Tensor) -> Tensor:
    if name.endswith(FIRST):
        return tensor.flip(1)
    return tensor.flip(0) if name.endswith(LAST) else tensor
