"""ContextualDeblur, also called ViTDeblur, with the state-dict names of its ``UnifyDeblur``.

Source: Liang et al., ViTDeblur: A Hierarchical Model for Defocus Deblurring, IEEE TCI 2024."""

import math
from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import pad
from defocus.baselines.layers.pointwise import PointwiseLinear, mlp

PATCH = 16
STRIDE = 10
TRAINED_SIDE = 35
"""Patches along each side of the stored position embedding: 360 px at a stride of 10."""
TEST_SIDE = 31
"""Patches along each side of a 320 px tile."""
MAE_SIDE = 14
BLOCKS = 4
"""Number of blocks of the primary encoder, and of the decoder."""
CONTEXTUAL_BLOCKS = 3
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = PointwiseLinear(width, 3 * width)
        self.proj = PointwiseLinear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        qkv = qkv.permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind()
        mixed = functional.scaled_dot_product_attention(query, key, value)
        tokens = mixed.transpose(1, 2).flatten(2)
        attended: Tensor = self.proj(tokens)
        return attended


class _Block(nn.Module):
    """A pre-norm ViT block; the epsilon is 1e-6 in MAE's part and 1e-5 elsewhere."""

    def __init__(self, width: int, heads: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=epsilon)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = mlp(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        changed: Tensor = self.mlp(self.norm2(tokens))
        return tokens + changed


class _MaskedAutoencoder(nn.Module):
    """The first blocks of a masked autoencoder's encoder, with tokens ``stride`` px apart.

    Source: He et al., Masked Autoencoders Are Scalable Vision Learners, CVPR 2022."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        width: int,
        heads: int,
        blocks: int,
        patch: int,
        stride: int,
    ) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(_initial_positions(width), requires_grad=False)
        # The mask token, the last block and the norm are stored and used in no forward pass.
        self.mask_token = nn.Parameter(
            torch.zeros(1, 1, width * 2 // 3),
            requires_grad=False,
        )
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, width, patch, stride=stride)
        self.blocks = nn.ModuleList(
            _Block(width, heads, 1e-6) for _ in range(blocks + 1)
        )
        self.blocks[blocks:].requires_grad_(False)
        self.norm = nn.LayerNorm(width, eps=1e-6).requires_grad_(False)
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            of_colours = torch.tensor(values).reshape(1, 3, 1, 1)
            self.register_buffer(name, of_colours, persistent=False)

    def forward(self, tiles: Tensor) -> list[Tensor]:
        """Results of all blocks, ``(N, 1 + rows * columns, width)``, class token first."""
        # The tiles are BGR in [0, 1]; each side is a stride more than its patches. ImageNet's mean
        # and deviation are taken in the tensor's own channel order.
        normalised = (tiles - self.mean) / self.deviation
        patches = self.patch_embed.get_submodule("proj")(normalised)
        positions = _test_positions(self.pos_embed, *patches.shape[-2:])
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = tokens + positions[:, 1:]
        first = self.cls_token + positions[:, :1]
        first = first.expand(tokens.shape[0], -1, -1)
        tokens = torch.cat([first, tokens], dim=1)
        features: list[Tensor] = []
        for block in self.blocks[:-1]:
            tokens = block(tokens)
            features.append(tokens)
        return features


class ContextualEncoder(nn.Module):
    """How the tile is blurred, from the last features of the primary encoder."""

    def __init__(self, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.blur_parameter = nn.Parameter(torch.zeros(width))
        self.embed_blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.embed_norm = nn.LayerNorm(width)
        self.projector = nn.Sequential(
            nn.Linear(width, width // 3),
            nn.BatchNorm1d(width // 3),
            nn.ReLU(),
            nn.Linear(width // 3, width // 6, bias=False),
        )
        self.fc_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Same shape as the tokens; small, since ``blur_parameter`` starts at zero."""
        return self._context(tokens) * self.blur_parameter

    def describe(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding ``(N, width / 6)`` and the logit ``(N,)`` that the tile is sharp."""
        of_patches = self._context(tokens)[:, 1:]
        pooled = self.fc_norm(of_patches.mean(dim=1))
        embedding = self.projector(pooled)
        is_sharp = self.head(pooled).squeeze(1)
        return embedding, is_sharp

    def _context(self, tokens: Tensor) -> Tensor:
        for block in self.embed_blocks:
            tokens = block(tokens)
        normed: Tensor = self.embed_norm(tokens)
        return normed


class Decoder(nn.Module):
    """From the contextual tokens, with the encoder's features added twice, to a feature map."""

    # There are as many blocks as in the primary encoder; ``stride`` is the side of a token's part.

    def __init__(
        self,
        encoder_width: int,
        width: int,
        heads: int,
        blocks: int,
        features: int,
        stride: int,
    ) -> None:
        super().__init__()
        self.stride = stride
        first = 3 * encoder_width
        later = 2 * encoder_width + width
        self.decoder_linears = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(count), nn.Linear(count, width))
            for count in (first, *[later] * (blocks - 1))
        )
        self.decoder_dnorm1 = nn.LayerNorm(encoder_width)
        # never used
        self.decoder_dnorm2 = nn.LayerNorm(encoder_width).requires_grad_(False)
        self.decoder_anorm = nn.LayerNorm(encoder_width)
        self.embed_blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.decoder_norm = nn.LayerNorm(width)
        self.decoder_pred = nn.Linear(width, features * stride * stride)

    def forward(
        self,
        context: Tensor,
        features: Sequence[Tensor],
        rows: int,
    ) -> Tensor:
        """``(N, features, stride * rows, stride * columns)``; class tokens are dropped here."""
        tokens = self.decoder_anorm(context[:, 1:])
        last, *earlier = (feature[:, 1:] for feature in reversed(features))
        skips = [self.decoder_dnorm1(last), *earlier]
        for merger, block, skip in zip(
            self.decoder_linears,
            self.embed_blocks,
            skips,
            strict=True,
        ):
            joined = torch.cat([skip, skip, tokens], dim=2)
            tokens = block(merger(joined))
        pixels = self.decoder_pred(self.decoder_norm(tokens))
        by_row = pixels.unflatten(1, (rows, -1))
        # N, rows, columns, y, x, channel: the channel is fastest in a token's values.
        grid = by_row.unflatten(3, (self.stride, self.stride, -1))
        by_channel = grid.permute(0, 5, 1, 3, 2, 4)
        unpatched: Tensor = by_channel.flatten(4, 5).flatten(2, 3)
        return unpatched


def initialise(network: nn.Module) -> None:
    """Initialise like MAE: Xavier for linear layers, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _test_positions(stored: Tensor, rows: int, columns: int) -> Tensor:
    """Position embedding for a tile: that of 31 x 31 patches; smaller tiles use a corner."""
    # The official test interpolates again at each call and overwrites the parameter, which then has
    # another shape; here the parameter stays as it was trained.
    resized = _interpolated(stored, TEST_SIDE)
    grid = torch.unflatten(resized[:, 1:], 1, (TEST_SIDE, TEST_SIDE))
    corner = grid[:, :rows, :columns]
    return torch.cat([resized[:, :1], corner.flatten(1, 2)], dim=1)


def _interpolated(positions: Tensor, side: int) -> Tensor:
    """Bicubic, class position apart; the scale is (side + 0.1) / old side, as in the code."""
    old = math.isqrt(positions.shape[1] - 1)
    grid = positions[:, 1:].transpose(1, 2)
    grid = torch.unflatten(grid, 2, (old, old))
    scale = (side + 0.1) / old
    resized = functional.interpolate(
        grid,
        scale_factor=scale,
        mode="bicubic",
        align_corners=False,
    )
    flat = resized.flatten(2).transpose(1, 2)
    return torch.cat([positions[:, :1], flat], dim=1)


def _initial_positions(width: int) -> Tensor:
    """MAE's sines and cosines of a 14 x 14 grid, enlarged to 35 x 35; the class token has zeros."""
    exponents = torch.arange(width // 4) / (width / 4)
    frequencies = 1.0 / 10_000**exponents
    angles = torch.arange(MAE_SIDE)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    across = line[None].expand(MAE_SIDE, -1, -1)
    down = line[:, None].expand(-1, MAE_SIDE, -1)
    grid = torch.cat([across, down], dim=2).flatten(0, 1)
    with_class = torch.cat([torch.zeros(1, width), grid])
    return _interpolated(with_class[None], TRAINED_SIDE)


TILE = 320
"""Side of a tile, px; a smaller picture is one tile along that axis."""
STEP = 94
"""Distance from one tile to the next, px. The released code computes another one and overwrites
it."""
BATCH = 16

Place = tuple[int, int]


def places(
    height: int,
    width: int,
    tile: int = TILE,
    step: int = STEP,
) -> list[Place]:
    """Top and left of every tile of a picture; the last ones end at its border."""
    tops = _starts(height, tile, step)
    lefts = _starts(width, tile, step)
    return list(product(tops, lefts))


def cut(picture: Tensor, at: Sequence[Place], tile: int = TILE) -> Tensor:
    """The tiles at some places, ``(places * N, C, h, w)``, place by place."""
    height, width = picture.shape[-2:]
    tall = min(tile, height)
    wide = min(tile, width)
    tiles = []
    for top, left in at:
        rows = slice(top, top + tall)
        columns = slice(left, left + wide)
        tiles.append(picture[..., rows, columns])
    return torch.cat(tiles)


def stitch(
    picture: Tensor,
    of_tiles: Callable[[Tensor], Tensor],
    margin: int,
    tile: int = TILE,
    step: int = STEP,
) -> Tensor:
    """The results of a function for tiles, averaged where they overlap; 16 tiles at a time."""
    # ``of_tiles`` maps ``(M, C, h, w)`` to ``(M, F, h - margin, w - margin)``; the result is
    # smaller by the same margin.
    height, width = picture.shape[-2:]
    at = places(height, width, tile, step)
    together = max(1, BATCH // picture.shape[0])
    total = picture.new_zeros(())
    count = picture.new_zeros(height - margin, width - margin)
    for first in range(0, len(at), together):
        chunk = at[first : first + together]
        features = of_tiles(cut(picture, chunk, tile))
        given = torch.unflatten(features, 0, (len(chunk), -1))
        if first == 0:
            pictures, channels = given.shape[1:3]
            total = given.new_zeros(pictures, channels, *count.shape)
        _add_tiles(total, count, chunk, given)
    return total / count


def _add_tiles(
    total: Tensor,
    count: Tensor,
    corners: Sequence[tuple[int, int]],
    tiles: Tensor,
) -> None:
    """Add tiles ``(T, N, F, h, w)`` to the sum, and one to the count, at their places."""
    for (top, left), features in zip(corners, tiles, strict=True):
        rows = slice(top, top + features.shape[-2])
        columns = slice(left, left + features.shape[-1])
        total[..., rows, columns] += features
        count[rows, columns] += 1


def _starts(length: int, tile: int, step: int) -> list[int]:
    last = max(0, length - tile)
    return [*range(0, last, step), last]


FEATURES = 24
LAST = 13
"""Side of the last convolution, px."""
SMALLEST = 3
"""Least number of strides; with fewer, the last convolution's reflection would exceed its input."""


class ContextualDeblur(nn.Module):
    """Overlapping tiles go through a transformer; the other layers work at full resolution."""

    # ``encoder`` and ``decoder`` have a width and heads, ``contextual`` has heads and blocks.
    # ``tiling`` has, all px: the patch that a token sees; the stride from one token to the next
    # (even, at least half a patch); the tile, a multiple of the stride; the step from one tile to
    # the next.

    def __init__(
        self,
        encoder: tuple[int, int] = (768, 12),
        contextual: tuple[int, int] = (16, CONTEXTUAL_BLOCKS),
        decoder: tuple[int, int] = (1024, 16),
        *,
        blocks: int = BLOCKS,
        features: int = FEATURES,
        tiling: tuple[int, int, int, int] = (PATCH, STRIDE, TILE, STEP),
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        patch, stride, self.tile, self.step = tiling
        self.stride = stride
        self.adds_input = adds_input
        primary = _MaskedAutoencoder(*encoder, blocks, patch, stride)
        self.primary_encoder = named(pretrain_mae=primary)
        self.contextual_encoder = ContextualEncoder(encoder[0], *contextual)
        self.decoder = Decoder(encoder[0], *decoder, blocks, features, stride)
        self.outputprojr_step = nn.Conv2d(features, 3, LAST)
        self.inputecoding_step = nn.Conv2d(6, features, stride + 1)
        initialise(self)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], H, W >= 16; not clamped. BGR inside."""
        # A side below a tile's is reflected at its end to a multiple of the stride (at least three
        # of them) and makes the tile smaller.
        height, width = blurry.shape[-2:]
        picture = self._padded(blurry).flip(1)
        tiled = stitch(picture, self._tile, self.stride, self.tile, self.step)
        twice = torch.cat([picture, picture], dim=1)
        features = self.inputecoding_step(twice) + tiled
        around = self.stride // 2 + LAST // 2
        features = functional.pad(
            features,
            (around, around, around, around),
            mode="reflect",
        )
        restored: Tensor = self.outputprojr_step(features)
        restored = picture + restored if self.adds_input else restored
        return restored.flip(1)[..., :height, :width]

    def describe(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The contextual encoder's ``(N, tiles, 128)``, and logits that a tile is sharp."""
        padded = self._padded(picture).flip(1)
        at = places(padded.shape[-2], padded.shape[-1], self.tile, self.step)
        tokens = self.primary_encoder(cut(padded, at, self.tile))[-1]
        embeddings, logits = self.contextual_encoder.describe(tokens)
        by_tile = (len(at), picture.shape[0])
        embeddings = torch.unflatten(embeddings, 0, by_tile)
        logits = torch.unflatten(logits, 0, by_tile)
        return embeddings.transpose(0, 1), logits.transpose(0, 1)

    def _tile(self, tiles: Tensor) -> Tensor:
        """The decoder's features of tiles, half a stride less on each side."""
        features = self.primary_encoder(tiles)
        context = self.contextual_encoder(features[-1])
        rows = tiles.shape[-2] // self.stride - 1
        decoded: Tensor = self.decoder(context, features, rows)
        return decoded

    def _padded(self, picture: Tensor) -> Tensor:
        """Sides below a tile's become the next multiple of the stride."""
        height, width = picture.shape[-2:]
        right = self._padded_side(width) - width
        below = self._padded_side(height) - height
        return pad(picture, (0, right, 0, below))

    def _padded_side(self, side: int) -> int:
        if side >= self.tile:
            return side
        strides = -(-side // self.stride)  # rounded up
        return max(SMALLEST, strides) * self.stride
