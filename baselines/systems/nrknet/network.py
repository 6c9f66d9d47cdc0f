"""NRKNet with the official state-dict names.

Source: Quan et al., Neumann Network with Recursive Kernels (CVPR 2023); csZcWu/NRKNet at 90fad36.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import SeveralOutputs, named, unit
from defocus.baselines.layers.padding import pad
from defocus.baselines.layers.recurrent import Memory, MixingWeights
from defocus.baselines.layers.three_scales import (
    block_row,
    doubling,
    reflecting,
    reflecting_residual,
)

STEPS = 21
ATOMS = STEPS + 1
"""The picture itself, and each step's result."""


class RecursiveBlur(nn.Module):
    """Atoms of a picture: blurred by three symmetric taps per axis, 21 times in a row (GCM)."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.rand(STEPS * COLOURS, 1, 1, 2))

    def forward(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)`` to ``(N, 66, H, W)``, atom by atom, colours in order."""
        outer, middle = self.kernels.unbind(-1)
        taps = torch.stack([outer, middle, outer], dim=-1).softmax(dim=-1)
        atoms = [picture]
        for kernel in torch.split(taps, COLOURS):
            rows = functional.conv2d(
                pad(atoms[-1], (1, 1, 1, 1)),
                kernel,
                groups=COLOURS,
            )
            atoms.append(
                functional.conv2d(rows, kernel.transpose(-1, -2), groups=COLOURS)
            )
        return torch.cat(atoms, dim=1)


WIDTH = 64
"""Features per pixel of the released network."""


class Backbone(SeveralOutputs):
    """From a picture to features per pixel; additive skips."""

    def add_backbone(self, width: int) -> None:
        """Register the layers, in the official order, after what comes before them."""
        finest, middle, coarsest = widths = (width, 2 * width, 4 * width)
        self.Encoder = nn.ModuleList(map(_row, widths))
        self.Decoder = nn.ModuleList(map(_row, reversed(widths)))
        self.bottleneck = nn.Sequential(
            unit(reflecting(coarsest, coarsest), nn.ReLU()),
            _row(coarsest),
        )
        self.feat_extract = nn.ModuleList(
            [
                unit(reflecting(3, finest), nn.ReLU()),
                unit(reflecting(finest, middle, stride=2), nn.ReLU()),
                unit(reflecting(middle, coarsest, stride=2), nn.ReLU()),
                unit(doubling(coarsest, middle), nn.ReLU()),
                unit(doubling(middle, finest), nn.ReLU()),
            ]
        )

    def features(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)`` to ``(N, width, H, W)``; H and W multiples of 4, at least 8."""
        features = picture.contiguous(memory_format=torch.channels_last)
        skips = []
        for extract, encoder in zip(self.feat_extract[:3], self.Encoder, strict=True):
            features = encoder(extract(features))
            skips.append(features)
        features = self.Decoder[0](skips.pop() + self.bottleneck(features))
        for extract, decoder in zip(
            self.feat_extract[3:],
            self.Decoder[1:],
            strict=True,
        ):
            features = decoder(skips.pop() + extract(features))
        decoded: Tensor = features
        return decoded


def _row(channels: int) -> nn.Sequential:
    return block_row([reflecting_residual(channels)])


MULTIPLE = 16
SMALLEST_PX = 32
"""Smallest side of a picture, px. Below it reflection runs out of pixels at the coarsest level of
the coarsest scale."""
SCALES = 3
COLOURS = 3


class NRKNet(Backbone):
    """From a blurry to the restored picture; BGR inside, as the official pipeline reads."""

    # ``adds_input``: the mixed atoms are the change that the blur makes, as in narrow copies, so
    # that no blur restores nothing; not in the paper.

    def __init__(self, width: int = WIDTH, *, adds_input: bool = False) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.SummationLayer = named(conv=nn.Conv2d(COLOURS * ATOMS, COLOURS, 1))
        self.GCM = RecursiveBlur()
        layers = unit(reflecting(width, ATOMS), nn.BatchNorm2d(ATOMS), nn.ReLU())
        self.APU = MixingWeights(layers, width, ATOMS, bounded=False)
        self.add_backbone(width)

    def outputs(
        self,
        blurry: Tensor,
        sharp: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The restored picture, the result of each scale, and the blurs of a sharp picture."""
        # Padded by reflection, half on each side, to multiples of 16 and at least 32 px;
        # ``restored`` is cropped again and not clamped. Of the padded picture: ``full``, ``half``,
        # ``quarter``; with ``sharp`` also ``blurry_full``, ``reblurred_full`` and the same of
        # ``half`` and ``quarter``. Pictures are halved by leaving every second pixel out.
        top, bottom = _frame(blurry.shape[-2])
        left, right = _frame(blurry.shape[-1])
        frame = (left, right, top, bottom)
        padded = pad(blurry.flip(1), frame)
        scales = self._scales(
            padded,
            None if sharp is None else pad(sharp.flip(1), frame),
        )
        restored = padded
        for name, factor in (("full", 1), ("half", 2), ("quarter", 4)):
            restored = restored + _enlarged(scales.pop(f"last_{name}"), factor)
        height, width = blurry.shape[-2:]
        cropped = restored[..., top : top + height, left : left + width]
        return {
            name: each.flip(1) for name, each in {"restored": cropped, **scales}.items()
        }

    def _scales(
        self,
        padded: Tensor,
        sharp: Tensor | None,
    ) -> dict[str, Tensor]:
        """Results of the scales, coarsest first; ``last_…`` is the last term of its series."""
        given: dict[str, Tensor] = {}
        memory: Memory | None = None
        for steps, name in zip(
            range(SCALES, 0, -1),
            ("quarter", "half", "full"),
            strict=True,
        ):
            every = 2 ** (steps - 1)
            picture = padded[..., ::every, ::every]
            weights, memory = self.APU(self.features(picture), memory)
            weights = weights.repeat_interleave(COLOURS, dim=1)
            series, last = self._series(picture, weights, steps)
            given[name], given[f"last_{name}"] = series, last
            if sharp is not None:
                given[f"blurry_{name}"] = picture
                given[f"reblurred_{name}"] = self._blurred(
                    sharp[..., ::every, ::every],
                    weights,
                )
        return given

    def _series(
        self,
        picture: Tensor,
        weights: Tensor,
        steps: int,
    ) -> tuple[Tensor, Tensor]:
        """Picture + sum of (1 - blur)^k picture for k = 1 … steps, and the last summand."""
        total = term = picture
        for _ in range(steps):
            term = term - self._blurred(term, weights)
            total = total + term
        return total, term

    def _blurred(self, picture: Tensor, weights: Tensor) -> Tensor:
        blurred: Tensor = self.SummationLayer(self.GCM(picture) * weights)
        return picture + blurred if self.adds_input else blurred


def _frame(size: int) -> tuple[int, int]:
    """Pixels before and after a side."""
    missing = max(SMALLEST_PX - size, -size % MULTIPLE)
    return missing // 2, missing - missing // 2


def _enlarged(picture: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return picture
    return functional.interpolate(
        picture,
        scale_factor=factor,
        mode="bilinear",
        align_corners=False,
    )
