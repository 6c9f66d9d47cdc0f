"""Parts of DMENet's domain adaptation: two heads and two folders of pictures.

Real pictures have no defocus maps. Some have a mask of what is in focus: a head of 1 x 1
convolutions must tell it from the map alone. A critic tells rendered from real pictures by the
network's features, and the network learns to give it nothing to tell them by.

Source: Lee, Lee, Cho, Lee, CVPR 2019; layers and weights of the released training script.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.systems.dmenet.network import UnscaledBatchNorm
from defocus.errors import InputError, SettingsError
from defocus.images import IMAGE_SUFFIXES, as_float, read_image

SLOPE = 0.2
CRITIC_CHANNELS = (64, 128, 256, 512)
HEAD_CHANNELS = (64, 64, 64, 32, 32, 32, 16, 16, 16)


class DomainCritic(nn.Module):
    """Whether features are of rendered pictures, one logit per patch; 64 channels in the paper."""

    def __init__(self, features: int = 64, divide_channels_by: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for count in CRITIC_CHANNELS:
            outputs = count // divide_channels_by
            layers += [_Strided(features, outputs), UnscaledBatchNorm(outputs)]
            layers.append(nn.LeakyReLU(SLOPE))
            features = outputs
        self.layers = nn.Sequential(*layers, _Strided(features, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 1, h, w)`` of ``(N, features, H, W)``; high for rendered pictures."""
        logits: torch.Tensor = self.layers(features)
        return logits


class _Strided(nn.Conv2d):
    """4 x 4 in steps of 2 with TensorFlow's SAME padding: odd sides get a pixel more at the end."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        height, width = features.shape[-2:]
        (top, bottom), (left, right) = _same(height), _same(width)
        return super().forward(functional.pad(features, (left, right, top, bottom)))


def _same(side: int) -> tuple[int, int]:
    """Pixels before and after a side, of which the second is never the smaller."""
    total = max(0, (-(-side // 2) - 1) * 2 + 4 - side)
    return total // 2, total - total // 2


class FocusHead(nn.Module):
    """Predicts in-focus regions from the defocus map by 1 x 1 convolutions."""

    # Activations are not stated for it; they are those of the other parts.

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in HEAD_CHANNELS:
            layers += [nn.Conv2d(inputs, outputs, 1), UnscaledBatchNorm(outputs)]
            layers.append(nn.LeakyReLU(SLOPE))
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 1))

    def forward(self, share: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 1, H, W)`` of the map ``(N, 1, H, W)`` in [0, 1]."""
        logits: torch.Tensor = self.layers(share)
        return logits


class RealPictures:
    """Crops of the pictures in a folder, drawn by PyTorch's generator, which training seeds."""

    def __init__(self, folder: Path) -> None:
        self.paths = _pictures(folder)

    def draw(self, like: torch.Tensor) -> torch.Tensor:
        """As many crops of the same size as the batch ``(N, 3, h, w)`` has."""
        crops = []
        for _ in range(len(like)):
            path = self.paths[_below(len(self.paths))]
            picture = _read(path)
            top, left = _place(picture, like, path)
            crops.append(picture[:, top : top + like.shape[2], left : left + like.shape[3]])
        return torch.stack(crops).to(like.device)


class LabelledPictures:
    """The same with masks: ``image/`` and ``gt/`` of one folder, matched by name without suffix."""

    def __init__(self, folder: Path) -> None:
        masks = {path.stem: path for path in _pictures(folder / "gt")}
        pictures = _pictures(folder / "image")
        for path in pictures:
            if path.stem not in masks:
                raise SettingsError(f"{path} has no mask in {folder / 'gt'}; add it")
        self.pairs = [(path, masks[path.stem]) for path in pictures]

    def draw(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops ``(N, 3, h, w)`` and their masks ``(N, 1, h, w)``, 0 or 1."""
        crops, masks = [], []
        for _ in range(len(like)):
            path, mask_path = self.pairs[_below(len(self.pairs))]
            picture, mask = _read(path), _read(mask_path)
            if picture.shape != mask.shape:
                raise InputError(f"{mask_path} differs in size from {path}; correct the folder")
            top, left = _place(picture, like, path)
            rows, columns = slice(top, top + like.shape[2]), slice(left, left + like.shape[3])
            crops.append(picture[:, rows, columns])
            masks.append((mask[:1, rows, columns] > 0.5).float())
        return torch.stack(crops).to(like.device), torch.stack(masks).to(like.device)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder of pictures; check the objective's settings")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise SettingsError(f"{folder}: no picture in it; check the objective's settings")
    return found


def _read(path: Path) -> torch.Tensor:
    return torch.from_numpy(as_float(read_image(path))).permute(2, 0, 1)


def _below(count: int) -> int:
    return int(torch.randint(count, ()))


def _place(picture: torch.Tensor, like: torch.Tensor, path: Path) -> tuple[int, int]:
    spare = [have - want for have, want in zip(picture.shape[1:], like.shape[2:], strict=True)]
    if min(spare) < 0:
        raise InputError(
            f"{path} is {picture.shape[2]}x{picture.shape[1]}, smaller than the crops of "
            f"{like.shape[3]}x{like.shape[2]}; leave it out or train on smaller crops"
        )
    return _below(spare[0] + 1), _below(spare[1] + 1)
