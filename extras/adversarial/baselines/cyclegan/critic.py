"""CycleGAN's discriminator and its pool of earlier pictures.

Source: Zhu et al., CycleGAN (ICCV 2017), section 4; junyanz/pytorch-CycleGAN-and-pix2pix."""

from typing import Any

import torch
from torch import Tensor, nn

from defocus.extras.adversarial.baselines.cyclegan.network import draw_weights

SLOPE = 0.2


class Critic(nn.Module):
    """How real the patches of a picture look, 70 px wide each (PatchGAN)."""

    # ``width``: channels of the first layer.

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, width, 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
        ]
        for times, stride in ((2, 2), (4, 2), (8, 1)):
            layers += [
                nn.Conv2d(
                    times // 2 * width,
                    times * width,
                    4,
                    stride=stride,
                    padding=1,
                ),
                nn.InstanceNorm2d(times * width),
                nn.LeakyReLU(SLOPE),
            ]
        layers.append(nn.Conv2d(8 * width, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)
        draw_weights(self)

    def forward(self, picture: Tensor) -> Tensor:
        """One score per patch, 1 for a real one; ``(N, 1, about H / 8, about W / 8)``."""
        scores: Tensor = self.model(2 * picture - 1)
        return scores


class Pool(nn.Module):
    """Made pictures of earlier steps; a part of a checkpoint, so that resuming changes nothing."""

    # ``size``: how many are kept.

    pictures: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("pictures", torch.zeros(0))

    @torch.no_grad()
    def exchanged(self, generated: Tensor) -> Tensor:
        """In half of the cases an earlier picture, whose place a new one takes.

        Crops ``(N, 3, H, W)`` of another size than before empty the pool."""
        if self.pictures.shape[1:] != generated.shape[1:]:
            self.pictures = generated.new_zeros(0, *generated.shape[1:])
        given = []
        for picture in generated:
            if len(self.pictures) < self.size:
                self.pictures = torch.cat([self.pictures, picture[None]])
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                given.append(self.pictures[place].clone())
                self.pictures[place] = picture
                continue
            given.append(picture)
        return torch.stack(given)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        *arguments: Any,  # noqa: ANN401 - passed on as PyTorch gives them
    ) -> None:
        """The stored pool may hold any number of pictures; its shape is taken over."""
        stored = state_dict.get(f"{prefix}pictures")
        if isinstance(stored, Tensor):
            self.pictures = torch.zeros_like(stored, device=self.pictures.device)
        super()._load_from_state_dict(state_dict, prefix, *arguments)
