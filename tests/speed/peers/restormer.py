"""Plain Restormer: channels first in memory; queries and keys normalised before their product."""

import copy

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import EPSILON, ChannelNorm, Pointwise
from defocus.baselines.layers.transformer import TransposedAttention
from defocus.baselines.systems.restormer.network import Restormer


class _Norm(ChannelNorm):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pixels = features.flatten(2).transpose(1, 2)
        mean = pixels.mean(dim=-1, keepdim=True)
        variance = pixels.var(dim=-1, keepdim=True, unbiased=False)
        normed = (pixels - mean) / torch.sqrt(variance + EPSILON)
        scaled = normed * self.body.weight + self.body.bias
        return scaled.transpose(1, 2).reshape(features.shape)


class _Attention(TransposedAttention):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        split = self.qkv_dwconv(self.qkv(features)).chunk(3, dim=1)
        query, key, value = (
            each.flatten(2).unflatten(1, (self.heads, -1)) for each in split
        )
        query, key = (
            functional.normalize(query, dim=-1),
            functional.normalize(key, dim=-1),
        )
        scores = (query @ key.transpose(-2, -1)) * self.temperature
        attended = scores.softmax(dim=-1) @ value
        restored: torch.Tensor = self.project_out(attended.reshape(features.shape))
        return restored


class _Convolution(Pointwise):
    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - nn.Conv2d's own name
        return nn.Conv2d.forward(self, input)


class _Restormer(Restormer):
    def change(self, padded: torch.Tensor) -> torch.Tensor:
        given: torch.Tensor = self.output(
            self.refinement(self.decoded(self.patch_embed(padded)))
        )
        return given


_PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    ChannelNorm: _Norm,
    TransposedAttention: _Attention,
    Pointwise: _Convolution,
    Restormer: _Restormer,
}


def naive_restormer(network: Restormer) -> Restormer:
    """A plain Restormer for single pictures, with the same parameters."""
    twin = copy.deepcopy(network)
    for module in twin.modules():
        module.__class__ = _PLAIN.get(type(module), type(module))
    return twin.eval()
