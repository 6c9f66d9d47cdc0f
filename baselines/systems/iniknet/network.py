"""INIKNet with the official state-dict names (xinyao240/INIKNet at 10c2a326).

Source: Quan et al., Implicit Neural Inverse Kernels (ICCV 2023)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import SeveralOutputs, unit
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import EPSILON, FlatChannelNorm
from defocus.baselines.layers.recurrent import Memory, next_memory
from defocus.baselines.layers.three_scales import (
    block_row,
    doubling,
    reflecting,
    reflecting_residual,
)
from defocus.baselines.weights.entries import separate_aliases


class UNet(nn.Module):
    """From a picture to features per pixel; skips are concatenated."""

    def __init__(self, width: int) -> None:
        super().__init__()
        finest = width
        middle = 2 * width
        coarsest = 4 * width
        self.Encoder = nn.ModuleList(map(_row, (finest, middle, coarsest)))
        self.Decoder = nn.ModuleList(map(_row, (middle, finest)))
        self.feat_extract = nn.ModuleList(
            [
                unit(reflecting(3, finest), nn.ReLU()),
                unit(reflecting(finest, middle, stride=2), nn.ReLU()),
                unit(reflecting(middle, coarsest, stride=2), nn.ReLU()),
                unit(reflecting(2 * middle, middle), nn.ReLU()),
                unit(reflecting(2 * finest, finest), nn.ReLU()),
            ]
        )
        self.up1 = unit(doubling(coarsest, middle), nn.ReLU())
        self.up2 = unit(doubling(middle, finest), nn.ReLU())

    def forward(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)`` to ``(N, width, H, W)``; H and W multiples of 4, at least 8."""
        picture = picture.contiguous(memory_format=torch.channels_last)
        first = self.Encoder[0](self.feat_extract[0](picture))
        second = self.Encoder[1](self.feat_extract[1](first))
        third = self.Encoder[2](self.feat_extract[2](second))
        joined = torch.cat([self.up1(third), second], dim=1)
        raised = self.Decoder[0](self.feat_extract[3](joined))
        joined = torch.cat([self.up2(raised), first], dim=1)
        features: Tensor = self.Decoder[1](self.feat_extract[4](joined))
        return features


def _row(channels: int) -> nn.Sequential:
    return block_row(reflecting_residual(channels) for _ in range(BLOCKS))


SIZES_PX = (3, 5, 7, 9, 11, 13, 15)
LOWEST_FREQUENCY, HIGHEST_FREQUENCY = 2.0, 12.0
HIDDEN = 64
AREA_PX = 9
"""Area of the smallest kernel, px. Values of larger kernels are scaled down by area."""


class _Sine(nn.Module):
    """sin(frequency · features)."""

    def __init__(self, frequency: nn.Parameter) -> None:
        super().__init__()
        self.w0 = frequency

    def forward(self, features: Tensor) -> Tensor:
        return torch.sin(self.w0 * features)


class _Drawing(nn.Module):
    """From coordinates to the value of a kernel there; both sines have one frequency."""

    def __init__(self, frequency: float) -> None:
        super().__init__()
        shared = nn.Parameter(torch.tensor(frequency))
        self.layers = nn.Sequential(
            nn.Linear(3, HIDDEN),
            _Sine(shared),
            nn.Linear(HIDDEN, HIDDEN),
            _Sine(shared),
            nn.Linear(HIDDEN, 1, bias=False),
        )
        separate_aliases(self)

    def forward(self, places: Tensor) -> Tensor:
        values: Tensor = self.layers(places)
        return values[:, 0]


class KernelDictionary(nn.Module):
    """Kernels of 3 to 15 px, not normalised; their frequencies start evenly from 2 to 12."""

    places: Tensor

    def __init__(self, kernels: int) -> None:
        super().__init__()
        frequencies = torch.linspace(
            LOWEST_FREQUENCY,
            HIGHEST_FREQUENCY,
            kernels,
            dtype=torch.float64,
            device="cpu",
        )
        self.kernelINR_list = nn.ModuleList(map(_Drawing, frequencies.tolist()))
        places = torch.cat([coordinates(size) for size in SIZES_PX])
        self.register_buffer("places", places, persistent=False)

    def forward(self) -> list[Tensor]:
        """All kernels by size, smallest first: ``(kernels, size, size)`` each."""
        values = torch.stack([drawing(self.places) for drawing in self.kernelINR_list])
        sized = torch.split(values, [size * size for size in SIZES_PX], dim=1)
        kernels = []
        for part, size in zip(sized, SIZES_PX, strict=True):
            scale = AREA_PX / size**2
            kernels.append(part.reshape(-1, size, size) * scale)
        return kernels


def coordinates(size: int) -> Tensor:
    """Polar coordinates ``(size * size, 3)`` of a kernel's pixels in [0, 1], row by row."""
    # Distance from the centre, and cosine and sine of the angle to the downward axis. The centre is
    # at exactly 0 and has angle 0: an angle of rounding errors would be any.
    half = size // 2
    steps = torch.arange(-half, half + 1, dtype=torch.float64) / half
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    distance = torch.hypot(down, right) / 2**0.5
    angle = torch.atan2(right, down)
    cosine = (angle.cos() + 1) / 2
    sine = (angle.sin() + 1) / 2
    polar = torch.stack([distance, cosine, sine], dim=-1)
    return polar.reshape(-1, 3).float()


BLOCKS = 2


class _Cell(nn.Module):
    """An LSTM cell whose gates come from residual blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        both = 2 * channels
        self.layers = _row(both)
        self.conv = nn.Conv2d(both, 4 * channels, 1)

    def forward(self, features: Tensor, memory: Memory) -> Memory:
        state, cell = memory
        joined = torch.cat([features, state], dim=1)
        gates = self.conv(self.layers(joined))
        return next_memory(gates, cell)


class _Pass(nn.Module):
    """One cell over all scales; between them its memory is resized."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cell = _Cell(channels)

    def forward(self, scales: Iterable[Tensor]) -> list[Tensor]:
        memory: Memory | None = None
        states = []
        for features in scales:
            if memory is None:
                nothing = torch.zeros_like(features)
                memory = (nothing, nothing)
            size = (features.shape[-2], features.shape[-1])
            state, cell = (_resized(part, size) for part in memory)
            memory = self.cell(features, (state, cell))
            states.append(memory[0])
        return states


class AcrossScales(nn.Module):
    """Adds to the features of each scale information from the other scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # left is coarse; the official order, not that of use
        self.left2right = _Pass(channels)
        self.right2left = _Pass(channels)
        self.norm = nn.ModuleDict({"norm": FlatChannelNorm(channels, EPSILON)})

    def forward(self, scales: list[Tensor]) -> list[Tensor]:
        """From ``(N, C, H, W)`` per scale, coarsest first, each twice the last one, to the same."""
        # The normalised features only feed the passes; the sum is with the features as they came.
        normed = [self.norm["norm"](features) for features in scales]
        to_coarse = self.right2left(reversed(normed))
        to_fine = self.left2right(reversed(to_coarse))
        return [
            features + state for features, state in zip(scales, to_fine, strict=True)
        ]


def _resized(memory: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(memory.shape[-2:]) == size:
        return memory
    return functional.interpolate(memory, size, mode="bilinear", align_corners=False)


MULTIPLE = 16
SMALLEST_PX = 32
"""Smallest side of a picture, px. Below it reflection runs out of pixels at the coarsest level of
the coarsest scale."""
COLOURS = 3
SHARES = {"quarter": 0.25, "half": 0.5, "restored": 1.0}
"""Share of the full size that each scale has, coarsest first."""


class INIKNet(SeveralOutputs):
    """From a blurry to the restored picture; BGR inside, as the official pipeline reads."""

    def __init__(self, width: int = 32, kernels: int = 10) -> None:
        super().__init__()
        # the first one gives nothing: it only takes weight away
        sizes = 1 + len(SIZES_PX)
        self.unet = UNet(width)
        self.lstms_basis_select = AcrossScales(width)
        self.lstms_scale_select = AcrossScales(width)
        self.scale_select = nn.Conv2d(width, sizes, 1)
        self.basis_select = nn.Conv2d(width, kernels, 1)
        self.inr_conv = KernelDictionary(kernels)
        self.sum = nn.Conv2d(sizes * COLOURS * kernels, COLOURS, 1)

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """The picture restored at three scales: ``restored``, ``half``, ``quarter``, unclamped."""
        # Padded by reflection on the right and below to multiples of 16 and at least 32 px, and
        # cropped again; the smaller ones are rounded up to whole pixels.
        padded = pad_to_multiple(blurry.flip(1), MULTIPLE, least=SMALLEST_PX)
        pictures = {name: _shrunk(padded, share) for name, share in SHARES.items()}
        features = [self.unet(picture) for picture in pictures.values()]
        bases = self.lstms_basis_select(features)
        sizes = self.lstms_scale_select(features)
        kernels = self.inr_conv()
        restored = {}
        for (name, picture), of_basis, of_size in zip(
            pictures.items(),
            bases,
            sizes,
            strict=True,
        ):
            mixed = self._mixed(
                picture,
                kernels,
                self.basis_select(of_basis),
                self.scale_select(of_size),
            )
            whole = cropped(picture + mixed, blurry, round(1 / SHARES[name]))
            restored[name] = whole.flip(1)
        return restored

    def _mixed(
        self,
        picture: Tensor,
        kernels: list[Tensor],
        of_basis: Tensor,
        of_size: Tensor,
    ) -> Tensor:
        """The filtered pictures, mixed per pixel; one size at a time, which saves memory."""
        # ``of_size`` has the weights of the sizes before their softmax, ``(N, sizes, H, W)``.
        shares = of_size.softmax(dim=1)
        per_colour = of_basis.repeat(1, COLOURS, 1, 1)
        weights = self.sum.weight.chunk(shares.shape[1], dim=1)[1:]
        mixed: Tensor = self.get_parameter("sum.bias").reshape(-1, 1, 1)
        for number, (size, weight) in enumerate(
            zip(kernels, weights, strict=True),
            start=1,
        ):
            filters = size.repeat(COLOURS, 1, 1).unsqueeze(1)
            maps = functional.conv2d(
                picture,
                filters,
                padding=size.shape[-1] // 2,
                groups=COLOURS,
            )
            summed = functional.conv2d(maps * per_colour, weight)
            mixed = mixed + summed * shares[:, number : number + 1]
        return mixed


def _shrunk(picture: Tensor, share: float) -> Tensor:
    if share == 1:
        return picture
    return functional.interpolate(
        picture,
        scale_factor=share,
        mode="bilinear",
        align_corners=False,
    )
