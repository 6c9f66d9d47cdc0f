"""Distance of VGG19 features."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.loss import LossFunction
from defocus.baselines.weights.backbone_files import VGG19
from defocus.baselines.weights.backbones import features_of, frozen, left_out

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class Perceptual:
    """Mean squared or absolute difference of features, summed over layers."""

    # ``normalise`` is by ImageNet's mean and deviation; the backbone was trained on RGB.
    # ``earlier`` are indices of layers that are compared besides the last.

    def __init__(
        self,
        backbone: nn.Sequential,
        colour_order: Literal["rgb", "bgr"] = "rgb",
        *,
        normalise: bool = True,
        distance: Literal["l1", "l2"] = "l2",
        earlier: Sequence[int] = (),
    ) -> None:
        self.backbone = backbone
        self.earlier = frozenset(earlier)
        self.colour_order = colour_order
        self.normalise = normalise
        self.compare = functional.l1_loss if distance == "l1" else functional.mse_loss

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The distance; no gradient goes to the target."""
        self.backbone.to(output.device)
        with torch.no_grad():
            wanted = self._features(target)
        features = self._features(output)
        return torch.stack(list(map(self.compare, features, wanted))).sum()

    def _features(self, picture: Tensor) -> list[Tensor]:
        features = self._fed(picture)
        kept = []
        for number, layer in enumerate(self.backbone):
            features = layer(features)
            if number in self.earlier:
                kept.append(features.clone())  # the next layer may work in place
        return [*kept, features]

    def _fed(self, picture: Tensor) -> Tensor:
        if self.normalise:
            mean = picture.new_tensor(MEAN).reshape(3, 1, 1)
            deviation = picture.new_tensor(DEVIATION).reshape(3, 1, 1)
            picture = (picture - mean) / deviation
        return picture.flip(1) if self.colour_order == "bgr" else picture


_VGG19 = (64, 64, 0, 128, 128, 0, *[256] * 4, 0, *[512] * 4, 0, *[512] * 4, 0)
"""Channels of each convolution; 0 is a maximum over 2x2 pixels."""


def vgg19(last: int) -> nn.Sequential:
    """The layers 0 to ``last`` of torchvision's ``vgg19().features``, with random weights."""
    layers: list[nn.Module] = []
    before = 3
    for channels in _VGG19:
        if channels:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(inplace=True)]
            before = channels
        else:
            layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers[: last + 1])


def make(
    last: int = 14,
    colour_order: Literal["rgb", "bgr"] = "rgb",
    normalise: bool = True,
    distance: Literal["l1", "l2"] = "l2",
    earlier: Sequence[int] = (),
) -> LossFunction:
    """Make the loss; without VGG19's file it is zero, with a warning."""
    # ``last`` is the compared layer in torchvision's ``features``, ``earlier`` are others below it.
    stored = features_of(VGG19)
    if stored is None:
        return left_out("perceptual", VGG19)
    backbone = vgg19(last)
    backbone.load_state_dict({name: stored[name] for name in backbone.state_dict()})
    return Perceptual(
        frozen(backbone),
        colour_order,
        normalise=normalise,
        distance=distance,
        earlier=earlier,
    )
