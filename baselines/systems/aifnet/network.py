"""AIFNet: DMENet's defocus map, then restoration of 29 planes of equal blur.

Source: Ruan et al., AIFNet, IEEE TCI 2021; the released ``model.py`` (TensorFlow 1)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import SeveralOutputs
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.systems.dmenet.network import DefocusNet
from defocus.baselines.weights.entries import by_name, in_order

MULTIPLE = 16  # the map network's; the restoring one needs 8
LEVELS = 29
SLOPE = 0.2
PREFIX = "MDP_ds_0_"


class AIFNet(SeveralOutputs):
    """DMENet's defocus map, 29 planes of equal blur, and the picture restored from them."""

    # ``divide_channels_by`` is 1 for the released network.

    def __init__(
        self,
        divide_channels_by: int = 1,
        *,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.defocus_net = DefocusNet(divide_channels_by)
        # DMENet's heads at lower scales: stored, and in no forward pass
        for scale in range(5):
            head = self.defocus_net.decoder.get_submodule(f"u{scale}_aux")
            head.requires_grad_(False)
        self.deblur_net = _DeblurNet(64 // divide_channels_by)

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """``restored`` ``(N, 3, H, W)`` in (0, 1), its ``logits``, and the map, ``blur_map``."""
        # ``logits`` is what ``restored`` is the sigmoid of, or what is added to the picture, which
        # is not clamped then.
        padded = pad_to_multiple(blurry, MULTIPLE)
        blur_map = self.defocus_net(padded)
        planes = blur_planes(padded, blur_map)
        logits = cropped(self.deblur_net(planes), blurry)
        return {
            "restored": blurry + logits if self.adds_input else torch.sigmoid(logits),
            "logits": logits,
            "blur_map": cropped(blur_map, blurry),
        }


def blur_planes(picture: Tensor, blur_map: Tensor) -> Tensor:
    """The picture weighted by how near its blur is to each of 29 levels: ``(N, 87, H, W)``."""
    # Plane k is picture * (1 - |map - k / 28|), level by level, colour fastest: soft, not masks.
    levels = torch.linspace(
        0.0,
        1.0,
        LEVELS,
        device=picture.device,
        dtype=picture.dtype,
    )
    distance = blur_map - levels.reshape(1, LEVELS, 1, 1)
    weights = 1.0 - distance.abs()
    planes = weights[:, :, None] * picture[:, None]
    return planes.flatten(1, 2)


def double_legacy_bilinear(features: Tensor) -> Tensor:
    """Twice the size as TensorFlow 1 resizes bilinearly: sample i lies at i / 2, no half pixel."""
    # Every second sample is an old one, those between are means of their neighbours, the last
    # repeats the last.
    for axis in (2, 3):
        before_last = features.shape[axis] - 1
        last = features.narrow(axis, before_last, 1)
        later = features.narrow(axis, 1, before_last)
        following = torch.cat([later, last], axis)
        between = (features + following) / 2
        pairs = torch.stack([features, between], dim=axis + 1)
        features = pairs.flatten(axis, axis + 1)
    return features


class _SameConv(nn.Conv2d):
    """A 3 x 3 convolution, padded as TensorFlow's SAME for even sizes: stride 2 only at the end."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        padding = 0 if stride == 2 else dilation
        super().__init__(inputs, outputs, 3, stride, padding, dilation)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        if self.stride == (2, 2):
            input = functional.pad(input, (0, 1, 0, 1))  # noqa: A001 - as above
        return super().forward(input)


class _DeblurNet(nn.Module):
    """Three strided levels, dilated convolutions at 1/8, three skips taken after the strides."""

    def __init__(self, width: int) -> None:
        super().__init__()
        one = width
        two = width * 2
        four = width * 4
        eight = width * 8
        layers = {
            "n0_1": _SameConv(3 * LEVELS, one),
            "n0_2": _SameConv(one, two, stride=2),
            "n1_1": _SameConv(two, two),
            "n1_2": _SameConv(two, two),
            "n1_3": _SameConv(two, four, stride=2),
            "n2_1": _SameConv(four, four),
            "n2_2": _SameConv(four, four),
            "n2_3": _SameConv(four, eight, stride=2),
            "n3_1": _SameConv(eight, eight, dilation=2),
            "n3_2": _SameConv(eight, eight, dilation=2),
            "n3_3": _SameConv(eight, eight, dilation=2),
            "n4_1": _SameConv(2 * eight, four),
            "n4_2": _SameConv(four, four),
            "n4_3": _SameConv(four, four),
            "n5_1": _SameConv(2 * four, two),
            "n5_2": _SameConv(two, two),
            "n6_1": _SameConv(2 * two, one),
            "n6_2": _SameConv(one, one),
            "n_out": _SameConv(one, 3),
        }
        for name, layer in layers.items():
            self.add_module(PREFIX + name, layer)

    def forward(self, planes: Tensor) -> Tensor:
        """Logits ``(N, 3, H, W)`` from ``(N, 87, H, W)``, H and W multiples of 8."""
        half = self._chain(planes, "n0_1", "n0_2")
        quarter = self._chain(half, "n1_1", "n1_2", "n1_3")
        eighth = self._chain(quarter, "n2_1", "n2_2", "n2_3")
        features = self._chain(eighth, "n3_1", "n3_2", "n3_3")
        features = self._up(features, eighth, "n4_1")
        features = self._chain(features, "n4_2", "n4_3")
        features = self._chain(self._up(features, quarter, "n5_1"), "n5_2")
        features = self._chain(self._up(features, half, "n6_1"), "n6_2")
        logits: Tensor = self.get_submodule(PREFIX + "n_out")(features)
        return logits

    def _chain(self, features: Tensor, *names: str) -> Tensor:
        for name in names:
            filtered = self.get_submodule(PREFIX + name)(features)
            features = functional.leaky_relu(filtered, SLOPE)
        return features

    def _up(
        self,
        features: Tensor,
        skip: Tensor,
        name: str,
    ) -> Tensor:
        joined = torch.cat([features, skip], dim=1)
        return double_legacy_bilinear(self._chain(joined, name))


def convert(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of AIFNet from variables by TensorFlow names, or a list in the graph's order."""
    # The names are ``defocus_net/…:0`` and ``deblur_net/…:0``; a list that does not fit is a
    # ValueError.
    named = by_name(tensors, ["defocus_net", "deblur_net"])
    if named:
        return named
    with torch.device("meta"):
        state = AIFNet().state_dict()
    return in_order(
        tensors,
        [(name, tuple(entry.shape)) for name, entry in state.items()],
    )
