"""DPDNet as the released ``unet()``, with the layer names of its Keras graph's construction order.

Source: Abuolaim and Brown, Defocus Deblurring Using Dual-Pixel Data, ECCV 2020."""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.weights.entries import of_layer

MULTIPLE = 16  # four poolings by 2
DROPOUT = 0.4
WIDTHS = (64, 128, 256, 512, 1024)

TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a standard normal cut at two: Keras divides its initial values by it."""


class DPDNet(nn.Module):
    """From one picture, or left and right view, to the restored one by a sigmoid; BGR inside."""

    # ``widths`` are finest first. ``adds_input``: the network gives the change to the picture, of
    # two views to their mean, as narrow copies do; not in the paper.

    def __init__(
        self,
        views: int = 1,
        widths: tuple[int, ...] = WIDTHS,
        *,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.levels = len(widths)
        inputs = 3 * views
        for level, width in enumerate(widths, start=1):
            self._add_double(level, inputs, width)
            inputs = width
        for level, width in enumerate(widths[-2::-1], start=self.levels + 1):
            self.add_module(f"up{level}", nn.Conv2d(2 * width, width, 2))
            self._add_double(level, 2 * width, width)
        self._add_head(widths[0])
        self.dropout = nn.Dropout(DROPOUT)
        self._initialise()

    def _add_head(self, width: int) -> None:
        last = 2 * self.levels - 1
        self.head = f"conv{last}_3"
        self.add_module(self.head, nn.Conv2d(width, 3, 3, padding=1))
        self.final = f"conv{last + 1}"
        self.add_module(self.final, nn.Conv2d(3, 3, 1))

    def _add_double(self, level: int, inputs: int, width: int) -> None:
        first = nn.Conv2d(inputs, width, 3, padding=1)
        second = nn.Conv2d(width, width, 3, padding=1)
        self.add_module(f"conv{level}_1", first)
        self.add_module(f"conv{level}_2", second)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3 * views, H, W)`` RGB in [0, 1], left view first, in (0, 1)."""
        # Where the input is added the result is not clamped.
        padded = pad_to_multiple(reversed_colours(blurry), MULTIPLE)
        restored = self._restore(padded)
        return cropped(reversed_colours(restored), blurry)

    def _restore(self, picture: Tensor) -> Tensor:
        skips = self._encoded(picture)
        features = skips.pop()
        for level, skip in enumerate(reversed(skips), start=self.levels + 1):
            larger = functional.interpolate(features, scale_factor=2)
            # TensorFlow's "same" for an even kernel: one row below, one column on the right
            larger = functional.pad(larger, (0, 1, 0, 1))
            raised = self._relu(f"up{level}", larger)
            joined = torch.cat([skip, raised], dim=1)
            features = self._double(level, joined)
        colours = self._relu(self.head, features)
        given: Tensor = self.get_submodule(self.final)(colours)
        if self.adds_input:
            views = torch.unflatten(picture, 1, (-1, 3))
            return views.mean(dim=1) + given
        return torch.sigmoid(given)

    def _encoded(self, features: Tensor) -> list[Tensor]:
        """The features of each level, finest first."""
        encoded: list[Tensor] = []
        for level in range(1, self.levels + 1):
            if encoded:
                features = functional.max_pool2d(features, 2)
            features = self._double(level, features)
            if level >= self.levels - 1:
                features = self.dropout(features)
            encoded.append(features)
        return encoded

    def _double(self, level: int, features: Tensor) -> Tensor:
        first = self._relu(f"conv{level}_1", features)
        return self._relu(f"conv{level}_2", first)

    def _relu(self, name: str, features: Tensor) -> Tensor:
        return functional.relu(self.get_submodule(name)(features), inplace=True)

    def _initialise(self) -> None:
        """He's cut normal as Keras draws it, Glorot's uniform for the last; biases 0."""
        for name, module in self.named_modules():
            if not isinstance(module, nn.Conv2d):
                continue
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if name == self.final:
                nn.init.xavier_uniform_(module.weight)
            else:
                fan_in = module.weight[0].numel()
                std = math.sqrt(2 / fan_in) / TRUNCATED_STD
                nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)


def reversed_colours(pictures: Tensor) -> Tensor:
    """RGB to BGR and back, view by view, for ``(N, 3 * views, H, W)``."""
    views = pictures.chunk(pictures.shape[1] // 3, 1)
    return torch.cat([view.flip(1) for view in views], dim=1)


_ENTRY = re.compile(r"(?:.*/)?conv2d(?:_(?P<number>\d+))?/(?P<part>kernel|bias)(?::0)?")
_PARTS = {"kernel": "weight", "bias": "bias"}


def layer_names() -> list[str]:
    """The convolutions in the order in which the official graph makes them."""
    depth = len(WIDTHS)
    names: list[str] = []
    for level in range(1, depth + 1):
        names += [f"conv{level}_1", f"conv{level}_2"]
    for level in range(depth + 1, 2 * depth):
        names += [f"up{level}", f"conv{level}_1", f"conv{level}_2"]
    return [*names, f"conv{2 * depth - 1}_3", f"conv{2 * depth}"]


def convert(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The state dict of a Keras file, by data set; other files are left as they are."""
    # Keras numbers the layers ``conv2d_1`` … as they are made, and stores kernels as (rows,
    # columns, inputs, outputs). A file of the whole model has the optimiser's state beside them.
    layers: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _ENTRY.fullmatch(name)
        if match is None or name.startswith("optimizer_weights"):
            continue
        number = int(match["number"] or 0)
        part = _PARTS[match["part"]]
        layers.setdefault(number, {})[part] = tensor
    if not layers:
        return tensors
    names = layer_names()
    if len(layers) != len(names):
        raise ValueError(f"{len(layers)} convolutions, where DPDNet has {len(names)}")
    state = {}
    for name, number in zip(names, sorted(layers), strict=True):
        for part, tensor in layers[number].items():
            state[f"{name}.{part}"] = of_layer(tensor)
    return state
