"""Rendered patches that are kept in memory, and used more than once."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.objective import Batch
from defocus.datasets.stream.patches import Renderer
from defocus.progress import track

LEVELS = 65535


class PatchBank:
    """Batches of crops of rendered patches, turned and mirrored, determined by the step."""

    # The patches are rendered with the first batch, or by ``hold`` before it. The oldest one gives
    # way to the stream's next one every so many steps: a long training learns by heart what stays.

    def __init__(
        self,
        renderer: Renderer,
        count: int,
        side: int,
        renewed_every: int | None = None,
    ) -> None:
        self.renderer = renderer
        self.count = count
        self.side = side
        self.renewed_every = renewed_every
        shape = (count, side, side, 3)
        self.blurry = np.empty(shape, np.uint16)
        self.sharp = np.empty(shape, np.uint16)
        self.diameters = np.empty(shape[:3], np.float16)
        self.held = range(0)

    def batch(
        self,
        step: int,
        size: int,
        crop_px: int,
        *,
        dual: bool = False,
    ) -> Batch:
        """One batch of float32 in [0, 1], 3 or 6 channels; the supervision has the defocus map."""
        self.hold(step)
        random = np.random.default_rng([step])
        drawn = [self._crop(random, crop_px) for _ in range(size)]
        blurry, sharp, diameters = map(_as_tensor, zip(*drawn, strict=True))
        seen = torch.cat([blurry, blurry], dim=1) if dual else blurry
        return Batch(seen, sharp, supervision={"defocus_map": diameters})

    def hold(self, step: int) -> None:
        """Render the missing patches of a step."""
        first = step // self.renewed_every if self.renewed_every else 0
        wanted = range(first, first + self.count)
        missing = [number for number in wanted if number not in self.held]
        for number in (
            missing if len(missing) < 2 else track(missing, "rendering patches")
        ):
            pair = self.renderer.pair(number, self.side)
            place = number % self.count
            self.blurry[place] = np.rint(pair.blurry * LEVELS)
            self.sharp[place] = np.rint(pair.sharp * LEVELS)
            self.diameters[place] = np.abs(pair.diameters)
        self.held = wanted

    def _crop(
        self,
        random: np.random.Generator,
        crop_px: int,
    ) -> list[NDArray[np.float32]]:
        number = int(random.integers(len(self.blurry)))
        top, left = map(int, random.integers(0, self.side - crop_px + 1, 2))
        turns = int(random.integers(4))
        mirrored = bool(random.integers(2))
        window = np.s_[number, top : top + crop_px, left : left + crop_px]
        members = (
            self.blurry[window] / np.float32(LEVELS),
            self.sharp[window] / np.float32(LEVELS),
            self.diameters[window][..., None],
        )
        crops = []
        for member in members:
            turned = np.rot90(member, turns)
            if mirrored:
                turned = turned[:, ::-1]
            crops.append(turned.astype(np.float32))
        return crops


def _as_tensor(crops: Sequence[NDArray[np.float32]]) -> torch.Tensor:
    """``(N, C, H, W)`` of ``(H, W, C)`` crops."""
    batch = np.stack(crops).transpose(0, 3, 1, 2)
    return torch.from_numpy(batch.copy())
