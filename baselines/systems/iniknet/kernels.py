"""A dictionary of kernels, each size of which is drawn by the same networks of coordinates."""

import torch
from torch import nn

from defocus.baselines.weights.aliases import separate_aliases

__all__ = ["SIZES_PX", "KernelDictionary", "coordinates"]

SIZES_PX = (3, 5, 7, 9, 11, 13, 15)
LOWEST_FREQUENCY, HIGHEST_FREQUENCY = 2.0, 12.0
HIDDEN = 64
AREA_PX = 9
"""Of the smallest kernel: values of larger ones are scaled down by area."""


class _Sine(nn.Module):
    """sin(frequency · features)."""

    def __init__(self, frequency: nn.Parameter) -> None:
        super().__init__()
        self.w0 = frequency

    def forward(self, features: torch.Tensor) -> torch.Tensor:
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

    def forward(self, places: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.layers(places)
        return values[:, 0]


class KernelDictionary(nn.Module):
    """Kernels of 3 to 15 px, not normalised; their frequencies start evenly from 2 to 12."""

    places: torch.Tensor

    def __init__(self, kernels: int) -> None:
        super().__init__()
        frequencies = torch.linspace(
            LOWEST_FREQUENCY, HIGHEST_FREQUENCY, kernels, dtype=torch.float64, device="cpu"
        )
        self.kernelINR_list = nn.ModuleList(map(_Drawing, frequencies.tolist()))
        places = torch.cat([coordinates(size) for size in SIZES_PX])
        self.register_buffer("places", places, persistent=False)

    def forward(self) -> list[torch.Tensor]:
        """All kernels by size, smallest first: ``(kernels, size, size)`` each."""
        values = torch.stack([drawing(self.places) for drawing in self.kernelINR_list])
        sized = torch.split(values, [size * size for size in SIZES_PX], dim=1)
        return [
            part.reshape(-1, size, size) * (AREA_PX / size**2)
            for part, size in zip(sized, SIZES_PX, strict=True)
        ]


def coordinates(size: int) -> torch.Tensor:
    """Polar coordinates ``(size * size, 3)`` of a kernel's pixels in [0, 1], row by row."""
    # Distance from the centre, and cosine and sine of the angle to the downward axis. The centre is
    # at exactly 0 and has angle 0: an angle of rounding errors would be any.
    half = size // 2
    steps = torch.arange(-half, half + 1, dtype=torch.float64) / half
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    distance = torch.hypot(down, right) / 2**0.5
    angle = torch.atan2(right, down)
    parts = (distance, (angle.cos() + 1) / 2, (angle.sin() + 1) / 2)
    return torch.stack(parts, dim=-1).reshape(-1, 3).float()
