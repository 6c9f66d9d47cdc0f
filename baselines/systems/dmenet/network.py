"""DMENet's defocus-map network, with the variables' names of the released checkpoint.

Source: Lee et al., Deep Defocus Map Estimation Using Domain Adaptation, CVPR 2019."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.operators.chain import as_pictures, as_tensor, restore_by_map
from defocus.baselines.operators.chain_cards import STRENGTHS
from defocus.baselines.operators.varying import sigma_of
from defocus.baselines.weights.entries import by_name, in_order


class SymmetricConv(nn.Conv2d):
    """A convolution after TensorFlow's SYMMETRIC padding, which repeats the border at one pixel."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(
            inputs,
            outputs,
            size,
            padding=size // 2,
            padding_mode="replicate",
        )


class UnscaledBatchNorm(nn.Module):
    """Batch normalisation with a shift and no scale: no ``weight``, no ``num_batches_tracked``."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalised by the batch in training, by the moving averages (decay 0.9) otherwise."""
        return functional.batch_norm(
            features,
            self.running_mean,
            self.running_var,
            bias=self.bias,
            training=self.training,
            momentum=0.1,
            eps=1e-5,
        )


def repeat_pixels(features: Tensor) -> Tensor:
    """Twice the size; TensorFlow's aligned nearest neighbour repeats pixels when it doubles."""
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


MULTIPLE = 16  # four poolings by 2
SLOPE = 0.2
RESIDUAL_BLOCKS = 7
VGG_MEANS_BGR = (103.939, 116.779, 123.68)
VGG_BLOCKS = (2, 2, 4, 4, 4)
VGG_CHANNELS = (64, 128, 256, 512, 512)
MAXIMUM_COC_PX = 15.0
"""Diameter of the circle of confusion that 1 in the map means."""


def defocus_map_px(share: Tensor) -> Tensor:
    """Diameters of the circle of confusion in pixels, >= 0, from DMENet's output in [0, 1]."""
    return share * MAXIMUM_COC_PX


def blur_sigma_px(share: Tensor) -> Tensor:
    """Sigma in px of a Gaussian blur, as in the released test script: max((15 m - 1) / 2, 0)."""
    # The output m is in [0, 1]: a circle of one pixel is sharp.
    return ((defocus_map_px(share) - 1.0) / 2.0).clamp_min(0.0)


class DMENet(nn.Module):
    """The defocus map of a picture; ``divide_channels_by`` is 1 for the released network."""

    def __init__(self, divide_channels_by: int = 1) -> None:
        super().__init__()
        self.main_net = nn.Module()
        self.main_net.defocus_net = DefocusNet(divide_channels_by)

    def forward(self, blurry: Tensor) -> Tensor:
        """The map as a share of the largest circle of confusion: ``outputs(blurry)["map"]``."""
        return self.outputs(blurry)["map"]

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """The map and what leads to it; see :meth:`DefocusNet.outputs`."""
        network = self.main_net.defocus_net
        if not isinstance(network, DefocusNet):
            raise TypeError("defocus_net was replaced")
        return network.outputs(blurry)


class DefocusNet(nn.Module):
    """VGG19's convolutions, a decoder with skips, residual blocks at full resolution."""

    def __init__(self, divide_channels_by: int = 1) -> None:
        super().__init__()
        channels = tuple(count // divide_channels_by for count in VGG_CHANNELS)
        self.encoder = _Encoder(channels)
        self.decoder = _Decoder(channels)

    def forward(self, blurry: Tensor) -> Tensor:
        """The map: ``outputs(blurry)["map"]``."""
        return self.outputs(blurry)["map"]

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """The ``map`` ``(N, 1, H, W)`` in (0, 1), its ``logits``, and the other heads' logits."""
        # ``aux_logits_u4``, … ``aux_logits_u0`` are what the heads at 1/16, … 1/1 of the padded
        # size give.
        features = self.encoder(pad_to_multiple(blurry, MULTIPLE))
        given = self.decoder.outputs(features)
        logits = cropped(given["logits"], blurry)
        return given | {"logits": logits, "map": torch.sigmoid(logits)}


class _Encoder(nn.Module):
    """The sixteen convolutions of VGG19."""

    means: Tensor

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        inputs = 3
        for block, (count, outputs) in enumerate(
            zip(VGG_BLOCKS, channels, strict=True),
            start=1,
        ):
            for number in range(1, count + 1):
                self.add_module(
                    f"conv{block}_{number}",
                    SymmetricConv(inputs, outputs, 3),
                )
                inputs = outputs
        self.register_buffer(
            "means",
            torch.tensor(VGG_MEANS_BGR).reshape(1, 3, 1, 1),
            persistent=False,
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Features after the ReLU of each block's last convolution, finest first."""
        features = picture.flip(1) * 255.0 - self.means
        levels: list[Tensor] = []
        for block, count in enumerate(VGG_BLOCKS, start=1):
            features = functional.max_pool2d(features, 2) if levels else features
            for number in range(1, count + 1):
                convolution = self.get_submodule(f"conv{block}_{number}")
                features = functional.relu(convolution(features))
            levels.append(features)
        return levels


class _Decoder(nn.Module):
    """From 1/16 to full resolution, with a head at every scale."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        d0, d1, d2, d3, d4 = channels
        half = d2 // 2
        quarter = d2 // 4
        self.u4_aux = _auxiliary(d4)
        self.u3 = _stage(d4 + d3, d2)
        self.u3_aux = _auxiliary(d2)
        self.u2 = _stage(d2 + d2, half)
        self.u2_aux = _auxiliary(half)
        self.u1 = _stage(half + d1, quarter)
        self.u1_aux = _auxiliary(quarter)
        self.u0 = _full_resolution(quarter + d0, quarter)
        self.u0_aux = _auxiliary(quarter)
        self.uf = _head(quarter)
        self.register_state_dict_post_hook(  # type: ignore[no-untyped-call]
            _order_as_released
        )

    def outputs(self, levels: list[Tensor]) -> dict[str, Tensor]:
        """``logits`` and the heads' ``aux_logits_u4`` … ``aux_logits_u0``."""
        features = levels[4]
        given = {"aux_logits_u4": _head_logits(self.u4_aux, features)}
        for name, skip in (("u3", levels[3]), ("u2", levels[2]), ("u1", levels[1])):
            features = torch.cat([repeat_pixels(features), skip], dim=1)
            for number in (1, 2, 3):
                features = _cbl(self.get_submodule(name), str(number), features)
            head = self.get_submodule(f"{name}_aux")
            given[f"aux_logits_{name}"] = _head_logits(head, features)
        features = torch.cat([repeat_pixels(features), levels[0]], dim=1)
        features = _cbl(self.u0, "_init", features)
        given["aux_logits_u0"] = _head_logits(self.u0_aux, features)
        given["features_u0"] = features
        given["logits"] = self._logits(features)
        return given

    def _logits(self, features: Tensor) -> Tensor:
        """The map of blur, from the features at the size of the picture."""
        for block in range(RESIDUAL_BLOCKS):
            features = _residual(self.u0, block, features)
        for number in (1, 2):
            features = _cbl(self.uf, str(number), features)
        logits: Tensor = self.uf.get_submodule("c3")(features)
        return logits


def _pair(
    ending: str,
    inputs: int,
    outputs: int,
    size: int = 3,
) -> dict[str, nn.Module]:
    """A convolution and its normalisation, which are called by these names."""
    convolution = SymmetricConv(inputs, outputs, size)
    return {f"c{ending}": convolution, f"b{ending}": UnscaledBatchNorm(outputs)}


def _auxiliary(inputs: int) -> nn.Sequential:
    return named(**_pair("1", inputs, inputs // 2), **_pair("2", inputs // 2, 1))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    first = _pair("1", inputs, outputs)
    return named(
        **first,
        **_pair("2", outputs, outputs),
        **_pair("3", outputs, outputs),
    )


def _full_resolution(inputs: int, outputs: int) -> nn.Sequential:
    layers = _pair("_init", inputs, outputs)
    for block in range(RESIDUAL_BLOCKS):
        layers |= _pair(f"_res{block}", outputs, outputs, size=1)
        for number in (1, 2):
            layers |= _pair(f"{block}_{number}", outputs, outputs)
    return named(**layers)


def _head(inputs: int) -> nn.Sequential:
    layers = _pair("1", inputs, inputs) | _pair("2", inputs, inputs // 2)
    return named(**layers, c3=SymmetricConv(inputs // 2, 1, 3))


def _cbl(module: nn.Module, ending: str, features: Tensor) -> Tensor:
    """Convolution, batch norm, leaky ReLU, by the ending of their names."""
    filtered = module.get_submodule(f"c{ending}")(features)
    normed = module.get_submodule(f"b{ending}")(filtered)
    return functional.leaky_relu(normed, SLOPE)


def _head_logits(module: nn.Module, features: Tensor) -> Tensor:
    hidden = _cbl(module, "1", features)
    filtered = module.get_submodule("c2")(hidden)
    logits: Tensor = module.get_submodule("b2")(filtered)
    return logits


def _residual(module: nn.Module, block: int, features: Tensor) -> Tensor:
    """The sum of two paths; each normalisation is followed by a leaky ReLU, the sum is not."""
    shortcut = _cbl(module, f"_res{block}", features)
    for number in (1, 2):
        features = _cbl(module, f"{block}_{number}", features)
    return features + shortcut


def _order_as_released(
    module: nn.Module,  # noqa: ARG001 - a hook's signature
    state: dict[str, Tensor],
    prefix: str,
    metadata: Mapping[str, Any],  # noqa: ARG001 - a hook's signature
) -> None:
    """Move what follows ``b_init`` in ``u0`` behind ``u0_aux``: the official graph's order."""
    finest = [name for name in state if name.startswith(f"{prefix}u0.")]
    late = [name for name in finest if "_init." not in name]
    late += [name for name in state if name.startswith(f"{prefix}uf.")]
    for name in late:
        state[name] = state.pop(name)


SHARP_LOGIT = -4.0
"""Logit at which a map calls everything sharp."""


class DMENetDeblurring(DMENet):
    """The network with its own names of weights, then Krishnan and Fergus's deconvolution."""

    # ``strength`` is a preset of the deconvolution. ``starts_sharp``: the first map calls
    # everything sharp, as that of narrow copies does; not in the paper.

    def __init__(
        self,
        strength: str = "",
        divide_channels_by: int = 1,
        *,
        starts_sharp: bool = False,
    ) -> None:
        super().__init__(divide_channels_by)
        self._restore = restore_by_map(STRENGTHS[strength])
        if starts_sharp:
            last = self.get_submodule("main_net.defocus_net.decoder.uf.c3")
            nn.init.zeros_(last.get_parameter("weight"))
            nn.init.constant_(last.get_parameter("bias"), SHARP_LOGIT)

    def forward(self, blurry: Tensor) -> Tensor:
        """The restored picture: ``outputs(blurry)["restored"]``."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """DMENet's outputs, and without gradient what follows from its map for ``(N, 3, H, W)``."""
        # ``defocus_map`` has diameters in px of the circles whose blur is that of the released test
        # script's Gaussians.
        pictures = as_pictures(blurry)
        given = super().outputs(blurry)
        diameter = blur_sigma_px(given["map"].detach().float()) / sigma_of(1.0)
        maps = [one[:, :, 0] for one in as_pictures(diameter)]
        restored = [self._restore(*pair) for pair in zip(pictures, maps, strict=True)]
        return given | {
            "restored": as_tensor(restored, blurry),
            "defocus_map": diameter,
        }


def convert(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of DMENet from variables by TensorFlow names, or a list in the graph's order."""
    # The names are ``main_net/defocus_net/…:0``; other networks' variables are dropped, and a list
    # that does not fit is a ValueError.
    named = by_name(tensors, ["defocus_net"])
    if named:
        return {f"main_net.{name}": tensor for name, tensor in named.items()}
    with torch.device("meta"):
        state = DMENet().state_dict()
    shapes = [(name, tuple(entry.shape)) for name, entry in state.items()]
    return in_order(tensors, shapes)
