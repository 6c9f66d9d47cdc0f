"""DISTS, deep structure and texture similarity, on the VGG-16 backbone that LPIPS shares."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from defocus.baselines.weights import backbone_files
from defocus.baselines.weights.backbone_files import REMEDY, missing_backbone
from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile

if TYPE_CHECKING:  # torch takes seconds to import
    import torch

_TRUST = Path(__file__).with_name("dists.safetensors")
_STAGES = (range(4), range(4, 9), range(9, 16), range(16, 23), range(23, 30))
"""Layers of VGG-16 up to each activation that is compared."""

_POOLED = (4, 9, 16, 23)
_SMALLEST_PX = 16  # below, the last stage is empty
_STABLE = 1e-6
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _dists(
    restored: Picture,
    reference: Picture,
    mask: Mask,
    profile: Profile,  # noqa: ARG001 - every metric takes the profile
) -> float:
    """DISTS of pictures in [0, 1], not resized; lower is better."""
    # Where the mask is false the restored picture shows the reference; stages weigh pixels by the
    # mask's share. Source: Ding, Ma, Wang and Simoncelli 2020, with the authors' weights.
    if min(mask.shape) < _SMALLEST_PX:
        raise MetricUnavailableError(
            f"DISTS needs {_SMALLEST_PX} px at least on each side"
        )
    if reason := missing_backbone("vgg", "dists"):
        raise MetricUnavailableError(reason)
    import torch

    shown = np.where(mask[:, :, None], np.clip(restored, 0.0, 1.0), reference)
    weight = torch.from_numpy(mask.astype(np.float32))[None, None]
    alpha, beta = _trust()
    alike = 0.0
    first_channel = 0
    with torch.no_grad():
        for one, other in zip(_stages(shown), _stages(reference), strict=True):
            channels = slice(first_channel, first_channel + one.shape[1])
            first_channel = channels.stop
            texture, structure = _similarities(one, other, weight)
            alike += float(alpha[channels] @ texture + beta[channels] @ structure)
    return 1.0 - alike / float(alpha.sum() + beta.sum())


def _similarities(
    one: "torch.Tensor",
    other: "torch.Tensor",
    mask: "torch.Tensor",
) -> "tuple[torch.Tensor, torch.Tensor]":
    """For each channel: how alike the means are, and how alike the variations."""
    from torch.nn.functional import adaptive_avg_pool2d

    weight = adaptive_avg_pool2d(mask, (one.shape[2], one.shape[3]))

    def mean(values: "torch.Tensor") -> "torch.Tensor":
        return (values * weight).sum(dim=(0, 2, 3)) / weight.sum()

    def variance(values: "torch.Tensor", means: "torch.Tensor") -> "torch.Tensor":
        return mean((values - means[None, :, None, None]) ** 2)

    mean_one = mean(one)
    mean_other = mean(other)
    product = mean_one * mean_other
    squares = mean_one**2 + mean_other**2
    covariance = mean(one * other) - product
    variances = variance(one, mean_one) + variance(other, mean_other)
    texture = (2 * mean_one * mean_other + _STABLE) / (squares + _STABLE)
    structure = (2 * covariance + _STABLE) / (variances + _STABLE)
    return texture, structure


def _stages(picture: Picture) -> "list[torch.Tensor]":
    """The picture and the five activations, ``(1, C, h, w)``."""
    import torch

    values = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
    mean, deviation = (
        torch.tensor(v)[None, :, None, None] for v in (_MEAN, _DEVIATION)
    )
    stages, current = [values], (values - mean) / deviation
    layers = _backbone()
    for stage in _STAGES:
        for number in stage:
            current = (
                _pooled(current)
                if number in _POOLED
                else _layer(layers, number, current)
            )
        stages.append(current)
    return stages


def _layer(
    layers: "dict[str, torch.Tensor]",
    number: int,
    values: "torch.Tensor",
) -> "torch.Tensor":
    """One layer of VGG-16: a convolution where it has weights, else the rectifier."""
    from torch.nn.functional import conv2d, relu

    weight = layers.get(f"features.{number}.weight")
    return (
        relu(values)
        if weight is None
        else conv2d(values, weight, layers[f"features.{number}.bias"], padding=1)
    )


def _pooled(values: "torch.Tensor") -> "torch.Tensor":
    """Half the size by a Hann window over the squares, which aliases less than a maximum."""
    import torch
    from torch.nn.functional import conv2d

    channels = values.shape[1]
    taps = torch.tensor([0.25, 0.5, 0.25])
    hann = taps[:, None] * taps[None, :]
    window = hann.expand(channels, 1, 3, 3)
    means = conv2d(values**2, window, stride=2, padding=1, groups=channels)
    return (means + 1e-12).sqrt()


@functools.cache
def _backbone() -> "dict[str, torch.Tensor]":
    import torch

    path = backbone_files.BACKBONES["vgg"].path
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return {
        name: value for name, value in stored.items() if name.startswith("features.")
    }


@functools.cache
def _trust() -> "tuple[torch.Tensor, torch.Tensor]":
    """The authors' weights of texture and of structure, one of each channel of each stage."""
    from defocus.storage.tensor_files import load_tensors

    stored = load_tensors(_TRUST)
    return stored["alpha"], stored["beta"]


METRIC = Metric(
    name="dists",
    display_name="DISTS",
    better="lower",
    unit="",
    decimals=3,
    compute=_dists,
    span=(0.0, None),
    on_request=True,
    remedy=REMEDY.format(metric="dists"),
    ready=lambda: backbone_files.is_intact(backbone_files.BACKBONES["vgg"]),
)
