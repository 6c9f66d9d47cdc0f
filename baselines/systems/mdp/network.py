"""MDP's network (``unet()``); entries are named by the roles of its 49 convolutions, as created.

Source: Abuolaim, Afifi, Brown, Improving Single-Image Defocus Deblurring, WACV 2022."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import SeveralOutputs
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.weights.entries import of_layer

MULTIPLE = 16  # four poolings by 2
VIEWS = ("left", "right", "sharp")
COLOURS = 3
_ENCODER = {
    "enc1a": (0, 1),
    "enc1b": (1, 1),
    "enc2a": (1, 2),
    "enc2b": (2, 2),
    "enc3a": (2, 4),
    "enc3b": (4, 4),
    "enc4": (4, 8),
}
"""Channels into and out of each convolution, in multiples of the width; 0 is the picture."""
_EARLY = {
    "bottleneck": (8, 16),
    "up4": (16, 8),
    "dec4": (16, 8),
    "up3": (8, 4),
    "dec3a": (8, 4),
    "dec3b": (4, 4),
    "up2": (4, 2),
}
_LATE = {
    "dec2a": (8, 2),
    "dec2b": (2, 2),
    "up1": (2, 1),
    "dec1a": (2, 1),
    "dec1b": (1, 1),
    "pre": (1, 0),
    "out": (0, 0),
}
"""Convolutions of the late part of each view. The early parts of all views are made first, then the
late parts."""


class MDP(SeveralOutputs):
    """From a blurry picture to both dual-pixel views and the restored picture."""

    # ``width`` is 64 in the released network; every other count is a multiple of it.

    def __init__(self, width: int = 64, *, adds_input: bool = False) -> None:
        super().__init__()
        self.adds_input = adds_input
        for name, (inputs, outputs) in _ENCODER.items():
            self._add(name, name, inputs * width, outputs * width)
        for roles in (_EARLY, _LATE):
            for view in VIEWS:
                for role, (inputs, outputs) in roles.items():
                    self._add(f"{view}_{role}", role, inputs * width, outputs * width)

    def _add(
        self,
        name: str,
        role: str,
        inputs: int,
        outputs: int,
    ) -> None:
        layer = _convolution(role, inputs or COLOURS, outputs or COLOURS)
        self.add_module(name, layer)

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """``restored``, ``left``, ``right``: ``(N, 3, H, W)`` in (0, 1), as the input is."""
        # BGR inside. Not clamped where the input is added. ``pre_left``, ``pre_right``,
        # ``pre_sharp`` are what the last 1 x 1 convolution gets, of the padded size, >= 0.
        skips, deepest = self._encode(pad_to_multiple(blurry, MULTIPLE).flip(1))
        of_views = [self._early(view, skips, deepest) for view in VIEWS]
        stitched = torch.cat([skips[1], *of_views], dim=1)
        given: dict[str, Tensor] = {}
        for view, name in zip(VIEWS, ("left", "right", "restored"), strict=True):
            features = self._late(view, skips[0], stitched)
            bgr = self.get_submodule(f"{view}_out")(features)
            last = cropped(bgr.flip(1), blurry)
            given[name] = blurry + last if self.adds_input else torch.sigmoid(last)
            given[f"pre_{view}"] = features
        return given

    def _relu(self, name: str, features: Tensor) -> Tensor:
        activated: Tensor = functional.relu(self.get_submodule(name)(features))
        return activated

    def _encode(self, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of the four levels, finest first, and the pooled last ones."""
        skips: list[Tensor] = []
        features = picture
        for level in (
            ("enc1a", "enc1b"),
            ("enc2a", "enc2b"),
            ("enc3a", "enc3b"),
            ("enc4",),
        ):
            for name in level:
                features = self._relu(name, features)
            skips.append(features)
            features = functional.max_pool2d(features, 2)
        return skips, features

    def _up(self, name: str, features: Tensor) -> Tensor:
        """Pixels repeated, then a 2 x 2 convolution with ReLU; Keras pads it below and right."""
        doubled = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        padded = functional.pad(doubled, (0, 1, 0, 1))
        return self._relu(name, padded)

    def _early(
        self,
        view: str,
        skips: list[Tensor],
        deepest: Tensor,
    ) -> Tensor:
        """One decoder down to half resolution, before the decoders see each other."""
        features = self._relu(f"{view}_bottleneck", deepest)
        raised = self._up(f"{view}_up4", features)
        features = torch.cat([skips[3], raised], dim=1)
        features = self._relu(f"{view}_dec4", features)
        raised = self._up(f"{view}_up3", features)
        features = torch.cat([skips[2], raised], dim=1)
        for role in ("dec3a", "dec3b"):
            features = self._relu(f"{view}_{role}", features)
        return self._up(f"{view}_up2", features)

    def _late(
        self,
        view: str,
        skip: Tensor,
        stitched: Tensor,
    ) -> Tensor:
        """The rest of one decoder, from what all three gave, up to the 3-channel ReLU."""
        features = stitched
        for role in ("dec2a", "dec2b"):
            features = self._relu(f"{view}_{role}", features)
        raised = self._up(f"{view}_up1", features)
        features = torch.cat([skip, raised], dim=1)
        for role in ("dec1a", "dec1b", "pre"):
            features = self._relu(f"{view}_{role}", features)
        return features


def _convolution(role: str, inputs: int, outputs: int) -> nn.Conv2d:
    """Keras' he_normal, except for the last one, which has its default; biases are zero."""
    if role == "out":
        layer = nn.Conv2d(inputs, outputs, 1)
        nn.init.xavier_uniform_(layer.weight)
    else:
        up = role.startswith("up")
        layer = nn.Conv2d(inputs, outputs, 2 if up else 3, padding=0 if up else 1)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


_LAYER = re.compile(r"(?:^|/)conv2d(?:_(\d+))?/(kernel|bias)(?::0)?$")
"""Pattern of the names of Keras's layers, which are numbered in the order of their creation; the
first layer has no number."""


def convert(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of MDP from data sets by path (``conv2d_7/conv2d_7/kernel:0``)."""
    # The numbers need not begin at 0: they go on where a process built another model first.
    layers = _layers(tensors)
    with torch.device("meta"):
        roles = [name for name, _ in MDP().named_children()]
    if len(layers) != len(roles):
        raise ValueError(
            f"{len(layers)} convolutions named conv2d_…, {len(roles)} are needed"
        )
    state: dict[str, Tensor] = {}
    for role, number in zip(roles, sorted(layers), strict=True):
        state |= {
            f"{role}.weight": layers[number]["kernel"],
            f"{role}.bias": layers[number]["bias"],
        }
    return state


def _layers(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Kernel and bias of each convolution by its number."""
    layers: dict[int, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        match = _LAYER.search(path)
        if match is not None and not path.startswith("optimizer_weights"):
            layers.setdefault(int(match[1] or 0), {})[match[2]] = of_layer(tensor)
    return layers
