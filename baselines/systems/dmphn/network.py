"""DMPHN of 1-2-4(-8) patches, and stacked stages of it; wired as in the official training scripts.

Source: Zhang et al., Deep Stacked Hierarchical Multi-patch Network, CVPR 2019."""

import math

import torch
from torch import Tensor, nn

from defocus.baselines.layers.named import Residual, SeveralOutputs, named
from defocus.baselines.layers.padding import cropped, join, pad, split

WIDTH = 32
"""Channels at full size in the released networks."""


def encoder(width: int = WIDTH) -> nn.Sequential:
    """A patch ``(N, 3, h, w)`` to features ``(N, 4 width, h / 4, w / 4)``."""
    two = 2 * width
    four = 4 * width
    return named(
        layer1=nn.Conv2d(3, width, 3, padding=1),
        layer2=_residual(width),
        layer3=_residual(width),
        layer5=nn.Conv2d(width, two, 3, stride=2, padding=1),
        layer6=_residual(two),
        layer7=_residual(two),
        layer9=nn.Conv2d(two, four, 3, stride=2, padding=1),
        layer10=_residual(four),
        layer11=_residual(four),
    )


def decoder(width: int = WIDTH) -> nn.Sequential:
    """Features ``(N, 4 width, h / 4, w / 4)`` to a picture ``(N, 3, h, w)``, or what is added."""
    two = 2 * width
    four = 4 * width
    return named(
        layer13=_residual(four),
        layer14=_residual(four),
        layer16=nn.ConvTranspose2d(four, two, 4, stride=2, padding=1),
        layer17=_residual(two),
        layer18=_residual(two),
        layer20=nn.ConvTranspose2d(two, width, 4, stride=2, padding=1),
        layer21=_residual(width),
        layer22=_residual(width),
        layer24=nn.Conv2d(width, 3, 3, padding=1),
    )


def initialise(module: nn.Module) -> None:
    """The official start: normal weights, half as wide as He's by fan-out; biases 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        height, width = module.kernel_size
        fan_out = height * width * module.out_channels
        nn.init.normal_(module.weight, std=0.5 * math.sqrt(2 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _residual(channels: int) -> Residual:
    first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
    return Residual(first, nn.ReLU(inplace=True), second)


GREY = 0.5
"""Value that is subtracted from the input's colours and added to the output's."""

GRIDS = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2))
"""Rows and columns of patches by level, 1 the coarsest; level 0 is what level 1 decodes to."""

STACK_LEVELS = 3


class DMPHN(nn.Module):
    """From a blurry picture to the restored one by a hierarchy of patches."""

    # The finest patches come first; what they give is added to the picture of the next
    # coarser ones. Three ``levels`` are 1-2-4 patches, four 1-2-4-8.

    def __init__(
        self,
        levels: int = 4,
        width: int = WIDTH,
        *,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.levels = levels
        for level in range(1, levels + 1):
            self.add_module(f"encoder_lv{level}", encoder(width))
            self.add_module(f"decoder_lv{level}", decoder(width))
        self.apply(initialise)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], H, W >= 16; not clipped."""
        # Padded by reflection to multiples of 8 (with four levels H to multiples of 16), and
        # cropped.
        picture = _padded(blurry, self.levels) - GREY
        added = torch.zeros_like(picture)
        joined: Tensor | float = 0.0
        for level in range(self.levels, 0, -1):
            encode = self.get_submodule(f"encoder_lv{level}")
            decode = self.get_submodule(f"decoder_lv{level}")
            joined = by_patches(encode, picture + added, GRIDS[level]) + joined
            added = by_patches(decode, joined, GRIDS[level - 1])
        restored = added + picture if self.adds_input else added
        return cropped(restored, blurry) + GREY


class StackedDMPHN(SeveralOutputs):
    """Stages of 1-2-4 patches (4 in the paper), with weights of their own, one after another."""

    def __init__(self, stages: int = 4, width: int = WIDTH) -> None:
        super().__init__()
        self.stages = stages
        for stage in range(1, stages + 1):
            for level in range(1, STACK_LEVELS + 1):
                self.add_module(f"encoder_s{stage}_lv{level}", encoder(width))
                self.add_module(f"decoder_s{stage}_lv{level}", decoder(width))
        self.apply(initialise)

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """Results of the stages: ``stage1`` … and ``restored``, the last, shaped as ``blurry``."""
        picture = _padded(blurry, STACK_LEVELS) - GREY
        first: Tensor | None = None
        features: dict[int, Tensor] = {}
        pictures: dict[str, Tensor] = {}
        for stage in range(1, self.stages + 1):
            picture, features = self._stage(stage, picture, features, first)
            first = picture if first is None else first
            pictures[f"stage{stage}"] = cropped(picture, blurry) + GREY
        return pictures | {"restored": pictures[f"stage{self.stages}"]}

    def _stage(
        self,
        stage: int,
        picture: Tensor,
        before: dict[int, Tensor],
        first: Tensor | None,
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """One stage (from 1): its picture, and its features by level."""
        # ``before`` has the features of the stage before by level, at first none; ``first`` is what
        # the first stage gave, None in it.
        added = torch.zeros_like(picture)
        joined: Tensor | float = 0.0
        features: dict[int, Tensor] = {}
        for level in range(STACK_LEVELS, 0, -1):
            if level == 1 and first is not None:
                # the first stage's in all later ones, not the one before
                added = added + first
            encode = self.get_submodule(f"encoder_s{stage}_lv{level}")
            decode = self.get_submodule(f"decoder_s{stage}_lv{level}")
            joined = by_patches(encode, picture + added, GRIDS[level]) + joined
            joined = joined + before.get(level, 0.0)
            features[level] = joined
            added = by_patches(decode, joined, GRIDS[level - 1])
        return added, features


def by_patches(
    part: nn.Module,
    whole: Tensor,
    grid: tuple[int, int],
) -> Tensor:
    """Run a part on each patch by itself and put the results together; the grid divides H and W."""
    patches = split(whole, *grid)
    return join(part(patches), *grid)


def _padded(blurry: Tensor, levels: int) -> Tensor:
    height, width = blurry.shape[-2:]
    rows, columns = GRIDS[levels]
    right = -width % (4 * columns)
    below = -height % (4 * rows)
    return pad(blurry, (0, right, 0, below))
