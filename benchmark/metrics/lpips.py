"""Learned perceptual image patch similarity, through the ``lpips`` package."""

import contextlib
import functools
import sys
import warnings
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:  # torch and lpips take seconds to import
    import torch

_METRICS = {"alex": "lpips", "vgg": "lpips_vgg", "squeeze": "lpips_squeeze"}

_SMALLEST_PX = 31  # below, a second pooling has nothing left to pool


def _lpips(backbone: str, restored: Picture, reference: Picture, mask: Mask) -> float:
    """LPIPS 0.1 of pictures in [0, 1]; lower is better."""
    # Where the mask is false the restored picture shows the reference, and each layer is averaged
    # by the mask's share. Source: Zhang et al. 2018; version 0.1 of the authors' package.
    if min(mask.shape) < _SMALLEST_PX:
        raise MetricUnavailableError(
            f"LPIPS needs {_SMALLEST_PX} px at least on each side"
        )
    import torch

    model = _model(backbone)
    shown = np.where(mask[:, :, None], restored, reference)
    weight = torch.from_numpy(mask.astype(np.float32))[None, None]
    with torch.no_grad():
        return sum(
            _masked_mean(distance, weight)
            for distance in _layer_distances(model, _tensor(shown), _tensor(reference))
        )


def _layer_distances(
    model: Any,  # noqa: ANN401 - the lpips package has no types
    first: "torch.Tensor",
    second: "torch.Tensor",
) -> "list[torch.Tensor]":
    """Distances ``(1, 1, h, w)`` of each layer at its own resolution."""
    import lpips

    features = [
        model.net(model.scaling_layer(2 * picture - 1)) for picture in (first, second)
    ]
    distances = []
    for layer, one, other in zip(model.lins, *features, strict=True):
        difference = lpips.normalize_tensor(one) - lpips.normalize_tensor(other)
        distances.append(layer(difference**2))
    return distances


def _masked_mean(distance: "torch.Tensor", mask: "torch.Tensor") -> float:
    from torch.nn.functional import adaptive_avg_pool2d

    weight = adaptive_avg_pool2d(mask, (distance.shape[2], distance.shape[3]))
    return float((distance * weight).sum() / weight.sum())


def _tensor(picture: Picture) -> "torch.Tensor":
    import torch

    return torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))


def _model(backbone: str) -> Any:  # noqa: ANN401 - the lpips package has no types
    reason = missing_backbone(backbone, _METRICS[backbone])
    if reason:
        raise MetricUnavailableError(reason)
    return _load(backbone)


@functools.cache
def _load(backbone: str) -> Any:  # noqa: ANN401 - the lpips package has no types
    """Load LPIPS with its backbone; prints go to stderr, warnings are dropped."""
    path = backbone_files.BACKBONES[backbone].path
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lpips
        import torch

        model = lpips.LPIPS(
            net=backbone,
            version="0.1",
            pnet_rand=True,
            verbose=False,
        ).eval()
        stored = torch.load(path, map_location="cpu", weights_only=True)
    state = {}
    for name in model.net.state_dict():
        _, stored_name = name.split(".", 1)
        state[name] = stored[f"features.{stored_name}"]
    model.net.load_state_dict(state, strict=True)
    return model.requires_grad_(False)


def _lpips_metric(backbone: str) -> Metric:
    """LPIPS 0.1: ``alex`` as papers report it; ``vgg`` (25 times as long) and others on request."""

    def compute(
        restored: Picture,
        reference: Picture,
        mask: Mask,
        profile: Profile,  # noqa: ARG001 - every metric takes the profile
    ) -> float:
        return _lpips(backbone, restored, reference, mask)

    name = _METRICS[backbone]
    return Metric(
        name=name,
        display_name="LPIPS" if backbone == "alex" else f"LPIPS ({backbone})",
        better="lower",
        unit="",
        decimals=3,
        compute=compute,
        span=(0.0, None),
        on_request=backbone != "alex",
        remedy=REMEDY.format(metric=name),
        ready=lambda: backbone_files.is_intact(backbone_files.BACKBONES[backbone]),
    )


METRIC = _lpips_metric("alex")
FURTHER = _lpips_metric("vgg"), _lpips_metric("squeeze")
