"""Displacement of a restored picture, which a target that follows the output would hide."""

import functools

import numpy as np

from defocus.benchmark.metrics.metric import Mask, Metric, Picture
from defocus.benchmark.scoring.profiles import Profile


def _warp_px(restored: Picture, blurry: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    """Mean length of the flow from the blurry input to the output, px, under the mask."""
    # A picture that only became sharper gives less than 0.1 px where it has structure.
    import torch

    pictures = []
    for picture in (blurry, np.clip(restored, 0.0, 1.0)):
        channels = picture.transpose(2, 0, 1)[None].astype(np.float32)
        pictures.append(torch.from_numpy(channels))
    flow = _estimator()(*pictures)[0].double().numpy()
    return float(np.hypot(flow[0], flow[1])[mask].mean())


@functools.cache
def _estimator():  # type: ignore[no-untyped-def]  # noqa: ANN202 - its type would import torch
    from defocus.align.flow.by_name import flow_estimator

    return flow_estimator("dis")


METRIC = Metric(
    name="warp_px",
    display_name="Moved",
    better="lower",
    unit="px",
    decimals=2,
    compute=_warp_px,
    span=(0.0, None),
    against="input",
    profiles=("defocus-v1",),
)
