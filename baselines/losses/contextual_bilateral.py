"""Contextual bilateral loss: compares each output feature with the nearest target feature."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.loss import LossFunction
from defocus.baselines.losses.perceptual import DEVIATION, MEAN, vgg19
from defocus.baselines.weights.backbone_files import VGG19
from defocus.baselines.weights.backbones import features_of, frozen, left_out

PATCH_PX = 10
"""Side of the patches, px: the paper's best for its smaller zoom."""
SPATIAL_WEIGHT = 0.1
POSITIONS = 48
"""Largest number of features per side. All pairs of a 256 px crop's pixels would be four
billion."""
LAYERS = (3, 8, 13)
"""Indices, in torchvision's features, of conv1_2, conv2_2 and conv3_2 of VGG19 behind their
ReLU."""


def contextual_bilateral(
    output: Tensor,
    target: Tensor,
    spatial_weight: float = SPATIAL_WEIGHT,
) -> Tensor:
    """Mean over the output's features of min over the target's of (cosine + w_s place distance)."""
    # Places are in units of the longer side. Features are centred on the target's mean, or pictures
    # of one colour would be alike. Source: Zhang et al., Zoom to Learn (CVPR 2019), eq. 2, without
    # w_s.
    height, width = output.shape[-2:]
    mean = target.mean(dim=(0, 2, 3), keepdim=True)
    features = (output - mean).flatten(2).transpose(1, 2)
    wanted = (target - mean).flatten(2).transpose(1, 2)
    cosine = (
        functional.normalize(features, dim=2) @ functional.normalize(wanted, dim=2).mT
    )
    rows, columns = torch.meshgrid(
        torch.arange(height, device=output.device),
        torch.arange(width, device=output.device),
        indexing="ij",
    )
    places = torch.stack([rows, columns], dim=-1)
    places = places.reshape(-1, 2).to(output.dtype)
    apart = torch.cdist(places, places) / max(height, width)
    return (1.0 - cosine + spatial_weight * apart).amin(dim=2).mean()


class ContextualBilateral:
    """The loss on patches of the picture and, with VGG19's frozen layers, on its features."""

    def __init__(
        self,
        backbone: nn.Sequential | None,
        patch_px: int = PATCH_PX,
        spatial_weight: float = SPATIAL_WEIGHT,
        features_weight: float = 1.0,
    ) -> None:
        self.backbone = backbone
        self.patch_px = patch_px
        self.spatial_weight = spatial_weight
        self.features_weight = features_weight

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss; no gradient goes to the target."""
        target = target.detach()
        loss = self._compared(self._patches(output), self._patches(target))
        if self.backbone is None:
            return loss
        self.backbone.to(output.device)
        pairs = zip(self._features(output), self._features(target), strict=True)
        layers = []
        for own, wanted in pairs:
            of_layer = self._compared(_thinned(own), _thinned(wanted))
            layers.append(of_layer)
        return loss + self.features_weight * torch.stack(layers).sum()

    def _compared(self, output: Tensor, target: Tensor) -> Tensor:
        return contextual_bilateral(output, target, self.spatial_weight)

    def _patches(self, picture: Tensor) -> Tensor:
        """``(N, C n², h, w)`` patches, with a spacing determined by :data:`POSITIONS`."""
        count, _, height, width = picture.shape
        side = min(self.patch_px, height, width)
        largest = max(height, width) - side + 1
        stride = max(1, math.ceil(largest / POSITIONS))
        patches = functional.unfold(picture, side, stride=stride)
        rows = (height - side) // stride + 1
        return patches.view(count, patches.shape[1], rows, -1)

    def _features(self, picture: Tensor) -> Sequence[Tensor]:
        mean = picture.new_tensor(MEAN).reshape(3, 1, 1)
        deviation = picture.new_tensor(DEVIATION).reshape(3, 1, 1)
        features = (picture - mean) / deviation
        outputs = []
        for index, layer in enumerate(self.backbone or ()):
            features = layer(features)
            if index in LAYERS:
                outputs.append(features)
        return outputs


def _thinned(features: Tensor) -> Tensor:
    step = math.ceil(max(features.shape[-2:]) / POSITIONS)
    return features[..., ::step, ::step]


def make(
    patch_px: int = PATCH_PX,
    spatial_weight: float = SPATIAL_WEIGHT,
    features_weight: float = 1.0,
) -> LossFunction:
    """Make the loss; without VGG19's file it uses patches only and reports it."""
    backbone = None
    stored = features_of(VGG19)
    if stored is None:
        left_out("feature part of the contextual bilateral", VGG19)
    else:
        backbone = vgg19(max(LAYERS))
        backbone.load_state_dict({name: stored[name] for name in backbone.state_dict()})
        frozen(backbone)
    return ContextualBilateral(backbone, patch_px, spatial_weight, features_weight)
