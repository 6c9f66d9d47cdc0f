"""MPRNet, with the state-dict names of the released ``MPRNet`` for deblurring.

Source: Zamir et al., "Multi-Stage Progressive Image Restoration", CVPR 2021; layers as in the
released code.
"""

import torch
from torch import nn

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.layers.patch_grid import join, split
from defocus.baselines.systems.mprnet.blocks import AttentionBlock, SupervisedAttention, conv
from defocus.baselines.systems.mprnet.stages import Decoder, Encoder, FullResolution
from defocus.baselines.weights.aliases import separate_aliases

__all__ = ["MPRNet"]

MULTIPLE = 8


class MPRNet(nn.Module):
    """From a blurry picture to the restored one: quadrants, halves, then the whole."""

    # Channel attention takes means over each patch and over the whole picture, so that a tile of a
    # picture is not restored as the picture is. ``full_width`` is that of the last stage, with
    # ``full_blocks`` attention blocks in each of its three groups.

    def __init__(
        self, width: int = 96, growth: int = 48, full_width: int = 128, full_blocks: int = 8
    ) -> None:
        super().__init__()
        shared = nn.PReLU()
        channels = (width, width + growth, width + 2 * growth)
        for stage in (1, 2, 3):
            shallow = nn.Sequential(conv(3, width, 3), AttentionBlock(width, shared))
            self.add_module(f"shallow_feat{stage}", shallow)
        self.stage1_encoder = Encoder(channels, shared)
        self.stage1_decoder = Decoder(channels, shared)
        self.stage2_encoder = Encoder(channels, shared, fused=True)
        self.stage2_decoder = Decoder(channels, shared)
        self.stage3_orsnet = FullResolution(channels, full_width, full_blocks, shared)
        self.sam12, self.sam23 = SupervisedAttention(width), SupervisedAttention(width)
        self.concat12 = conv(2 * width, width, 3)
        self.concat23 = conv(2 * width, full_width, 3)
        self.tail = conv(full_width, 3, 3)
        separate_aliases(self)  # the activation is one for all

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture; see :meth:`outputs`."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """``stage1`` (quadrants), ``stage2`` (halves), ``restored`` (the whole), not clipped."""
        # ``(N, 3, H, W)`` RGB in [0, 1], H, W >= 16, is padded by reflection to multiples of 8, and
        # cropped.
        height, width = blurry.shape[-2:]
        picture = pad_to_multiple(blurry, MULTIPLE).contiguous(memory_format=torch.channels_last)
        halves = split(picture, 2, 1)
        encoded = self.stage1_encoder(self._shallow(1, split(halves, 1, 2)))
        encoded = [join(level, 1, 2) for level in encoded]
        decoded = self.stage1_decoder(encoded)
        attended, first = self.sam12(decoded[0], halves)

        joined = self.concat12(torch.cat([self._shallow(2, halves), attended], dim=1))
        encoded = self.stage2_encoder(joined, (encoded, decoded))
        encoded = [join(level, 2, 1) for level in encoded]
        decoded = self.stage2_decoder(encoded)
        attended, second = self.sam23(decoded[0], picture)

        joined = self.concat23(torch.cat([self._shallow(3, picture), attended], dim=1))
        third = self.tail(self.stage3_orsnet(joined, encoded, decoded)) + picture
        stages = {"stage1": join(first, 2, 1), "stage2": second, "restored": third}
        return {name: result[..., :height, :width] for name, result in stages.items()}

    def _shallow(self, stage: int, picture: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.get_submodule(f"shallow_feat{stage}")(picture)
        return features
