"""KPAC, with layers and names of the released TensorFlow graphs.

Source: Son et al., Kernel-Sharing Parallel Atrous Convolutions, ICCV 2021."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.weights.entries import of_layer

SLOPE = 0.2
WIDTH = 48
DILATIONS = (1, 2, 3, 4, 5)
BLOCKS = 2
INITIAL_STD = 0.04

SCALE_ATTENTION = ("sca_dc1", "sca_dc2", "sca_dc3", "sca_dc4")
BLOCK = ("dc1", *SCALE_ATTENTION, "sca_c2", "sha_c1", "sha_c2", "cf")
ENCODER = ("c0", "c0_2", "c2", "c2_2", "c3", "c3_2", "c4", "c4_2")
DECODER = ("d0", "d0_2", "d1", "d1_2", "d2", "d2_2")


class KPAC(nn.Module):
    """From a blurry picture to the restored one; inside, colours are in [-1, 1]."""

    # ``levels``: halvings between the picture and the atrous blocks, 2 or 3. ``dual``: the encoder
    # sees left and right view instead of the picture. The coarser levels have twice as many
    # channels.

    def __init__(
        self,
        levels: int = 3,
        *,
        dual: bool = False,
        width: int = WIDTH,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.dual = dual
        encoder = _encoder(levels, 6 if dual else 3, width)
        decoder = _decoder(levels, width)
        self.deblur = nn.ModuleDict(encoder | decoder)
        blocks = [_block(width) for _ in range(BLOCKS)]
        for name in BLOCK:
            self.add_module(name, nn.ModuleList(block[name] for block in blocks))
        self.register_state_dict_post_hook(_in_graph_order)  # type: ignore[no-untyped-call]
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=INITIAL_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self,
        blurry: Tensor,
        dual_pixel: Tensor | None = None,
    ) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clipped; the views are left and right."""
        picture = self._centred(blurry)
        seen = picture if dual_pixel is None else self._centred(dual_pixel)
        restored = (picture + self._residual(seen) + 1) / 2
        return cropped(restored, blurry)

    def _centred(self, picture: Tensor) -> Tensor:
        """The padded picture with colours in [-1, 1]."""
        return 2 * pad_to_multiple(picture, 2**self.levels) - 1

    def _residual(self, seen: Tensor) -> Tensor:
        features = self._layer("c0_2", self._layer("c0", seen))
        skips = [features]
        for name in ENCODER[2 : 2 * self.levels + 2 : 2]:
            # TensorFlow's "same" for stride 2 on even sides: one row below, one column on the right
            padded = functional.pad(features, (0, 1, 0, 1))
            halved = self._layer(name, padded)
            features = self._layer(f"{name}_2", halved)
            skips.append(features)
        stack = [features]
        for block in range(BLOCKS):
            stack.append(self._atrous(block, stack[-1]))
        joined = torch.cat(stack, dim=1)
        features = self._layer("cm_2", self._layer("cm_1", joined))
        return self._decoded(features, skips[:-1])

    def _decoded(
        self,
        features: Tensor,
        skips: list[Tensor],
    ) -> Tensor:
        names = DECODER[6 - 2 * self.levels :: 2]
        for name, skip in zip(names, reversed(skips), strict=True):
            raised = self._layer(name, features)
            features = torch.cat([raised, skip], dim=1)
            if name != "d2":
                features = self._layer(f"{name}_2", features)
        residual: Tensor = self.deblur["d2_2"](features)
        return residual

    def _atrous(self, block: int, features: Tensor) -> Tensor:
        """One kernel at five dilations, weighted by place and dilation and by channel."""

        def layer(name: str) -> nn.Module:
            return self.get_submodule(f"{name}.{block}")

        shared = self.get_parameter(f"dc1.{block}.weight")
        branches = []
        for d in DILATIONS:
            branch = functional.conv2d(features, shared, padding=2 * d, dilation=d)
            branches.append(_leaky(branch))
        scale = features
        for name in SCALE_ATTENTION:
            scale = _leaky(layer(name)(scale))
        scale = torch.sigmoid(layer("sca_c2")(scale))
        means = features.mean(dim=(2, 3), keepdim=True)
        shape = _leaky(layer("sha_c1")(means))
        shape = torch.sigmoid(layer("sha_c2")(shape))
        stacked = torch.stack(branches, dim=1)
        weighted = stacked * scale[:, :, None] * shape[:, None]
        return _leaky(layer("cf")(weighted.flatten(1, 2)))

    def _layer(self, name: str, features: Tensor) -> Tensor:
        return _leaky(self.deblur[name](features))


def entry_names(levels: int) -> list[str]:
    """The state dict's names in the order of the official graph and its weight files."""
    encoder = ENCODER[: 2 * levels + 2]
    decoder = ("cm_1", "cm_2", *DECODER[6 - 2 * levels :])
    layers = [f"deblur.{name}" for name in encoder]
    for block in range(BLOCKS):
        layers += [f"{name}.{block}" for name in BLOCK]
    layers += [f"deblur.{name}" for name in decoder]
    names = []
    for layer in layers:
        names.append(f"{layer}.weight")
        if not layer.startswith("dc1."):
            names.append(f"{layer}.bias")
    return names


def _encoder(levels: int, inputs: int, width: int) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {
        "c0": nn.Conv2d(inputs, width, 5, padding=2),
        "c0_2": nn.Conv2d(width, width, 3, padding=1),
    }
    names = ENCODER[2 : 2 * levels + 2 : 2]
    widths = (width, width, 2 * width, 2 * width)
    for name, (before, after) in zip(names, pairwise(widths), strict=False):
        layers[name] = nn.Conv2d(before, after, 3, stride=2)
        layers[f"{name}_2"] = nn.Conv2d(after, after, 3, padding=1)
    return layers


def _decoder(levels: int, width: int) -> dict[str, nn.Module]:
    deep = 2 * width
    layers: dict[str, nn.Module] = {
        "cm_1": nn.Conv2d(deep * (BLOCKS + 1), deep, 3, padding=1),
        "cm_2": nn.Conv2d(deep, deep, 3, padding=1),
        "d0": nn.ConvTranspose2d(deep, deep, 4, stride=2, padding=1),
        "d0_2": nn.Conv2d(2 * deep, deep, 3, padding=1),
        "d1": nn.ConvTranspose2d(deep, width, 4, stride=2, padding=1),
        "d1_2": nn.Conv2d(2 * width, width, 3, padding=1),
        "d2": nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
        "d2_2": nn.Conv2d(2 * width, 3, 5, padding=2),
    }
    if levels == 2:  # the coarsest level is left out, once all have drawn their weights
        del layers["d0"], layers["d0_2"]
    return layers


def _block(width: int) -> dict[str, nn.Module]:
    deep = 2 * width

    def wide(inputs: int, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, 5, padding=4, dilation=2)

    return {
        "dc1": nn.Conv2d(deep, width, 5, bias=False),
        "sca_dc1": wide(deep, 32),
        "sca_dc2": wide(32, 32),
        "sca_dc3": wide(32, 16),
        "sca_dc4": wide(16, 16),
        "sca_c2": nn.Conv2d(16, len(DILATIONS), 5, padding=2),
        "sha_c1": nn.Conv2d(deep, 12, 1),
        "sha_c2": nn.Conv2d(12, width, 1),
        "cf": nn.Conv2d(width * len(DILATIONS), deep, 3, padding=1),
    }


def _in_graph_order(
    module: nn.Module,
    state: dict[str, Tensor],
    prefix: str,
    local_metadata: Mapping[str, Any],  # noqa: ARG001 - PyTorch's signature of such a hook
) -> None:
    """Put the entries into the official order, which no nesting of modules gives."""
    if isinstance(module, KPAC):
        for name in entry_names(module.levels):
            state[prefix + name] = state.pop(prefix + name)


def _leaky(features: Tensor) -> Tensor:
    return functional.leaky_relu(features, SLOPE)


LEVELS = (2, 3)


def convert(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The state dict of a TensorLayer ``.npz``; other files are left as they are."""
    # The file holds one list without names, in the order in which the graph was made; how long it
    # is says how many levels there are. Kernels are (rows, columns, inputs, outputs), those of
    # transposed convolutions (rows, columns, outputs, inputs).
    numbers = {name: name.rpartition(".")[2] for name in tensors}
    if not all(number.isdecimal() for number in numbers.values()):
        return tensors
    count = len(tensors)
    by_count = {len(names): names for names in map(entry_names, LEVELS)}
    if count not in by_count:
        known = " or ".join(map(str, by_count))
        raise ValueError(f"{count} arrays, where KPAC has {known}")
    entries = by_count[count]
    ordered = sorted(tensors, key=lambda name: int(numbers[name]))
    state = {}
    for entry, name in zip(entries, ordered, strict=True):
        state[entry] = of_layer(tensors[name])
    return state
