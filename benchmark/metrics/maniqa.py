"""MANIQA without a reference: attention over the channels and places of a transformer's features.

Source: Yang et al. 2022 and their code, IIGROUP/MANIQA, whose weights a person fetches."""

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from defocus.baselines.weights import backbone_files
from defocus.baselines.weights.backbone_files import REMEDY
from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile

if TYPE_CHECKING:  # torch takes seconds to import
    import torch

    Weights = dict[str, torch.Tensor]

NAME = "maniqa"

_CROPS, _SEED = 20, 20
"""Number of crops, and the seed for drawing them, of the authors' program, which gives their
mean."""

_CROP_PX = 224
_CELL_PX = 8
_SIDE = _CROP_PX // _CELL_PX
"""Cells on a side of a crop; the transformer has one token for each."""

_KEPT = (6, 7, 8, 9)
"""Blocks of the transformer whose outputs are judged, counted from 0; later ones are not run."""

_HEADS, _WINDOW_HEADS = 12, 4
_WINDOW = 4
"""Side of a window of cells within which the second kind of block compares places."""

_EPSILON, _WINDOW_EPSILON = 1e-6, 1e-5
"""Constants that are added to the variance in the normalisations of the transformer, and of the
blocks with windows."""

_SCALE = 0.8
"""Factor on a layer's output when it is added to the layer's input."""


def _maniqa(
    restored: Picture,
    reference: Picture,  # noqa: ARG001
    mask: Mask,
    profile: Profile,  # noqa: ARG001 - every metric takes these
) -> float:
    """Mean of the authors' 20 crops of a picture in [0, 1]; higher is better."""
    if min(mask.shape) <= _CROP_PX:
        raise MetricUnavailableError(
            f"MANIQA needs {_CROP_PX + 1} px at least on each side"
        )
    reason = _missing()
    if reason:
        raise MetricUnavailableError(reason)
    import torch

    weights = _weights()
    scores = []
    with torch.no_grad():
        for crop in _crops(np.clip(restored, 0.0, 1.0)):
            values = torch.from_numpy(crop.transpose(2, 0, 1)[None].astype(np.float32))
            scores.append(float(quality(weights, (values - 0.5) / 0.5)))
    return float(np.mean(scores))


def _crops(picture: Picture) -> list[Picture]:
    """The crops that the authors' program draws from a picture of that size."""
    draws = np.random.RandomState(_SEED)
    height, width = picture.shape[:2]
    crops = []
    for _ in range(_CROPS):
        top = draws.randint(0, height - _CROP_PX)
        left = draws.randint(0, width - _CROP_PX)
        bottom, right = top + _CROP_PX, left + _CROP_PX
        crops.append(picture[top:bottom, left:right])
    return crops


def quality(weights: "Weights", pictures: "torch.Tensor") -> "torch.Tensor":
    """Scores ``(N,)`` of pictures ``(N, 3, 224, 224)`` RGB in [-1, 1]."""
    values = stage(weights, 1, tokens(weights, pictures))
    return pooled(weights, stage(weights, 2, values))


def tokens(weights: "Weights", pictures: "torch.Tensor") -> "torch.Tensor":
    """Features ``(N, C, 784)`` of the cells: four blocks of the transformer side by side."""
    import torch

    cells = _convolved(weights, "vit.patch_embed.proj", pictures, stride=_CELL_PX)
    values = cells.flatten(2).transpose(1, 2)
    summary = weights["vit.cls_token"].expand(len(values), -1, -1)
    values = torch.cat([summary, values], dim=1) + weights["vit.pos_embed"]
    kept = []
    for number in range(_KEPT[-1] + 1):
        name = f"vit.blocks.{number}"
        normed = _normed(weights, f"{name}.norm1", values, _EPSILON)
        seen = _attention(weights, f"{name}.attn", normed, _HEADS)
        values = values + seen
        normed = _normed(weights, f"{name}.norm2", values, _EPSILON)
        values = values + _perceptron(weights, f"{name}.mlp", normed)
        if number in _KEPT:
            without_summary = values[:, 1:]
            kept.append(without_summary)
    return torch.cat(kept, dim=2).transpose(1, 2)


def stage(weights: "Weights", number: int, values: "torch.Tensor") -> "torch.Tensor":
    """Attention over channels, fewer channels, attention over places: ``(N, C, 784)``."""
    for block in range(2):
        values = _across_channels(weights, f"tablock{number}.{block}", values)
    maps = _split(values, 2, _SIDE, _SIDE)
    fewer = _convolved(weights, f"conv{number}", maps)
    places = fewer.flatten(2).transpose(1, 2)
    for layer in range(2):
        name = f"swintransformer{number}.layers.{layer}"
        change = _window_layer(weights, name, places)
        places = places + _SCALE * change
    return places.transpose(1, 2)


def pooled(weights: "Weights", values: "torch.Tensor") -> "torch.Tensor":
    """The mean of the scores of all places, weighted by a second estimate."""
    places = values.transpose(1, 2)
    scores = _head(weights, "fc_score", places).relu()
    shares = _head(weights, "fc_weight", places).sigmoid()
    total = shares.sum(dim=(1, 2))
    return (scores * shares).sum(dim=(1, 2)) / total


def _across_channels(
    weights: "Weights", name: str, values: "torch.Tensor"
) -> "torch.Tensor":
    """Attention in which each channel is a token of all places."""
    queries = _linear(weights, f"{name}.c_q", values)
    keys = _linear(weights, f"{name}.c_k", values)
    contents = _linear(weights, f"{name}.c_v", values)
    scale = 1.0 / math.sqrt(values.shape[2])
    rates = (queries @ keys.transpose(1, 2) * scale).softmax(dim=-1)
    mixed = rates @ contents
    # The authors' code transposes and then takes the numbers as if it had not.
    return values + mixed.transpose(1, 2).reshape(values.shape)


def _window_layer(
    weights: "Weights", name: str, values: "torch.Tensor"
) -> "torch.Tensor":
    """Two blocks with windows, of which the second is shifted by half of one, and a convolution."""
    half = _WINDOW // 2
    values = _window_block(weights, f"{name}.blocks.0", values, shift=0)
    values = _window_block(weights, f"{name}.blocks.1", values, shift=half)
    maps = _split(values.transpose(1, 2), 2, _SIDE, _SIDE)
    convolved = _convolved(weights, f"{name}.conv", maps, padding=1).relu()
    return convolved.flatten(2).transpose(1, 2)


def _window_block(
    weights: "Weights",
    name: str,
    values: "torch.Tensor",
    shift: int,
) -> "torch.Tensor":
    """Attention among the cells of each window, and a perceptron: ``(N, 784, C)``."""
    from defocus.baselines.layers.attention import merged, windows

    bias = _position_bias(weights, f"{name}.attn")
    if shift:  # cells from opposite ends of the picture do not see each other
        apart = weights[f"{name}.attn_mask"][:, None]
        bias = (bias + apart).repeat(len(values), 1, 1, 1)
    normed = _normed(weights, f"{name}.norm1", values, _WINDOW_EPSILON)
    places = _split(normed, 1, _SIDE, _SIDE)
    maps = places.roll((-shift, -shift), dims=(1, 2))
    cut = windows(maps, _WINDOW)
    cells = cut.flatten(0, 2)
    seen = _attention(weights, f"{name}.attn", cells, _WINDOW_HEADS, bias=bias)
    maps = merged(_split(seen, 0, *cut.shape[:3]), _WINDOW)
    maps = maps.roll((shift, shift), dims=(1, 2))
    values = values + maps.flatten(1, 2)
    normed = _normed(weights, f"{name}.norm2", values, _WINDOW_EPSILON)
    return values + _perceptron(weights, f"{name}.mlp", normed)


def _position_bias(weights: "Weights", name: str) -> "torch.Tensor":
    """The bias of an attention by the position of both cells: ``(heads, cells, cells)``."""
    index = weights[f"{name}.relative_position_index"]
    table = weights[f"{name}.relative_position_bias_table"]
    return _split(table[index.flatten()], 0, *index.shape).permute(2, 0, 1)


def _split(values: "torch.Tensor", axis: int, *sizes: int) -> "torch.Tensor":
    """The values with one axis split into several; one of the sizes may be -1."""
    from torch import unflatten

    return unflatten(values, axis, sizes)


def _attention(
    weights: "Weights",
    name: str,
    values: "torch.Tensor",
    heads: int,
    bias: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Attention with several heads among tokens ``(N, T, C)``."""
    from torch.nn.functional import scaled_dot_product_attention

    parts = _split(_linear(weights, f"{name}.qkv", values), 2, 3, heads, -1)
    queries, keys, contents = parts.permute(2, 0, 3, 1, 4)
    mixed = scaled_dot_product_attention(queries, keys, contents, attn_mask=bias)
    return _linear(weights, f"{name}.proj", mixed.transpose(1, 2).flatten(2))


def _perceptron(
    weights: "Weights", name: str, values: "torch.Tensor"
) -> "torch.Tensor":
    from torch.nn.functional import gelu

    hidden = gelu(_linear(weights, f"{name}.fc1", values))
    return _linear(weights, f"{name}.fc2", hidden)


def _head(weights: "Weights", name: str, values: "torch.Tensor") -> "torch.Tensor":
    hidden = _linear(weights, f"{name}.0", values).relu()
    return _linear(weights, f"{name}.3", hidden)


def _normed(
    weights: "Weights", name: str, values: "torch.Tensor", epsilon: float
) -> "torch.Tensor":
    from torch.nn.functional import layer_norm

    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return layer_norm(values, weight.shape, weight, bias, epsilon)


def _linear(weights: "Weights", name: str, values: "torch.Tensor") -> "torch.Tensor":
    from torch.nn.functional import linear

    return linear(values, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _convolved(
    weights: "Weights",
    name: str,
    values: "torch.Tensor",
    stride: int = 1,
    padding: int = 0,
) -> "torch.Tensor":
    from torch.nn.functional import conv2d

    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return conv2d(values, weight, bias, stride=stride, padding=padding)


@functools.cache
def _missing() -> str:
    """Why there are no weights, and what to do; empty where they are there."""
    # They are not fetched unasked: 543 MB, and nothing says under which licence they are.
    file = backbone_files.BACKBONES[NAME]
    if backbone_files.is_intact(file):
        return ""
    state = "damaged" if file.path.exists() else "absent"
    remedy = REMEDY.format(metric=NAME)
    return f"its authors' file {file.filename} is {state}; {remedy}"


@functools.cache
def _weights() -> "Weights":
    import torch

    path = backbone_files.BACKBONES[NAME].path
    stored: Weights = torch.load(path, map_location="cpu", weights_only=True)
    return stored


METRIC = Metric(
    name=NAME,
    display_name="MANIQA",
    better="higher",
    unit="",
    decimals=3,
    compute=_maniqa,
    span=(0.0, None),
    against="nothing",
    on_request=True,
    remedy=REMEDY.format(metric=NAME),
    ready=lambda: backbone_files.is_intact(backbone_files.BACKBONES[NAME]),
    revision=2,  # the first was that of pyiqa, with other crops
)
