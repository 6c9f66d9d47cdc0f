"""Layers applied to a large picture strip by strip, with the result of the whole picture.

A layer that looks at the rows around keeps the last ones that it has seen: nothing is computed
twice, and there are no seams. A strip is made when the next layer asks for it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, cast, runtime_checkable

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual


@dataclass(frozen=True)
class Strip:
    """Some rows of features; strips follow from top to bottom, each with a height of its own."""

    rows: torch.Tensor  # ``(N, C, h, W)``
    last: bool  # whether the picture ends with it

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.rows.shape[2]


Strips = Iterator[Strip]
"""The features of a picture, strip by strip."""
Layer = Callable[[torch.Tensor], torch.Tensor]
"""Function from features to features."""


@runtime_checkable
class RestoresInStrips(Protocol):
    """A network that can restore a picture strip by strip."""

    multiple: int
    """All strips but the last have a height that is a multiple of this, px."""

    def looks_px(self) -> int:
        """Distance, px, beyond which a pixel changes nothing; parts begin at multiples."""
        ...

    def in_strips(self, strips: Strips) -> Strips:
        """Restore strips ``(N, 3, h, W)``; those that it gives have other heights."""
        ...


# What a generator has in its variables stays in memory while it waits, so layers are functions of a
# strip, and what they keep for the next one is in their objects.


def row_by_row(layer: Layer, strips: Strips) -> Strips:
    """A layer that looks at no other row."""
    return map(partial(_layered, layer), strips)


def _layered(layer: Layer, strip: Strip) -> Strip:
    return replace(strip, rows=layer(strip.rows))


def in_single_precision(strips: Strips, device: str) -> Strips:
    """The strips as their layers make them without lower precision."""

    def step() -> Strip | None:
        with torch.autocast(device, enabled=False):
            return next(strips, None)

    return iter(step, None)


def twice(strips: Strips) -> tuple[Strips, Strips]:
    """Two readers of the same strips; a strip goes when both have read it."""
    # ``itertools.tee`` would keep 57 of them
    first: deque[Strip] = deque()
    second: deque[Strip] = deque()

    def step(own: deque[Strip]) -> Strip | None:
        if not own:
            strip = next(strips, None)
            if strip is None:
                return None
            first.append(strip)
            second.append(strip)
        return own.popleft()

    return iter(partial(step, first), None), iter(partial(step, second), None)


def convolved(convolution: nn.Conv2d, strips: Strips) -> Strips:
    """A convolution of 3 x 3 places with zeros around the picture."""
    return filter(None, map(_Convolved(convolution), strips))


class _Convolved:
    """A convolution that keeps the last two rows that it has seen."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        self._convolution = convolution
        self._above: torch.Tensor | None = None

    def __call__(self, strip: Strip) -> Strip | None:
        """The rows whose surroundings are known; None if there are none yet."""
        zeros = torch.zeros_like(strip.rows[:, :, :1])
        parts = [zeros if self._above is None else self._above, strip.rows]
        if strip.last:
            parts.append(zeros)
        seen = torch.cat(parts, dim=2)
        self._above = seen[:, :, -2:].clone()
        if seen.shape[2] <= 2:
            return None
        weight = self._convolution.weight
        bias = self._convolution.bias
        # the first and the last row are only looked at
        features = functional.conv2d(seen, weight, bias, padding=(0, 1))
        return replace(strip, rows=features)


def halved(convolution: nn.Module, strips: Strips) -> Strips:
    """A convolution of squares of 2 x 2 places; the height of the picture is even."""
    return filter(None, map(_Halved(convolution), strips))


class _Halved:
    """A convolution of pairs of rows that keeps a row without its second."""

    def __init__(self, convolution: nn.Module) -> None:
        self._convolution = convolution
        self._left: torch.Tensor | None = None

    def __call__(self, strip: Strip) -> Strip | None:
        """The pairs that are complete; None if there are none yet."""
        rows = strip.rows
        if self._left is not None:
            rows = torch.cat([self._left, rows], dim=2)
        even = rows.shape[2] // 2 * 2
        self._left = rows[:, :, even:].clone() if even < rows.shape[2] else None
        if not even:
            return None
        return replace(strip, rows=self._convolution(rows[:, :, :even]))


def lower(strips: Strips, most_rows: int) -> Strips:
    """The same rows in strips of at most a height."""
    # At the end a layer gives all that it has kept, which is several times as high.
    for strip in strips:
        for top in range(0, strip.height, most_rows):
            bottom = top + most_rows
            last = strip.last and bottom >= strip.height
            yield Strip(strip.rows[:, :, top:bottom], last)


def through_blocks(blocks: Iterable[nn.Module], strips: Strips) -> Strips:
    """Residual blocks ``first``, ReLU, ``second``, one after the other."""
    for block in blocks:
        strips = _through_block(cast("Residual", block), strips)
    return strips


def _through_block(block: Residual, strips: Strips) -> Strips:
    first = cast("nn.Conv2d", block.first)
    second = cast("nn.Conv2d", block.second)
    given, seen = twice(strips)
    features = row_by_row(functional.relu_, convolved(first, seen))
    return added(given, convolved(second, features))


def added(strips: Strips, changes: Strips) -> Strips:
    """The sum of two pictures of one size; strips are as high as those of the second."""
    return map(_Added(strips), changes)


class _Added:
    """Adds strips to others, and keeps the rows for which it is too early."""

    def __init__(self, strips: Strips) -> None:
        self._strips = strips
        self._waiting: deque[torch.Tensor] = deque()

    def __call__(self, change: Strip) -> Strip:
        """The sum of a strip and of the waiting rows at its place."""
        sums = []
        top = 0
        while top < change.height:
            rows = self._next_rows(change.height - top)
            bottom = top + rows.shape[2]
            sums.append(rows + change.rows[:, :, top:bottom])
            top = bottom
        return replace(
            change, rows=sums[0] if len(sums) == 1 else torch.cat(sums, dim=2)
        )

    def _next_rows(self, most: int) -> torch.Tensor:
        """The rows that follow, at most a number of them."""
        waiting = self._waiting
        rows = waiting.popleft() if waiting else next(self._strips).rows
        if (
            rows.shape[2] > most
        ):  # a copy, as a part would keep the whole strip in memory
            waiting.append(rows[:, :, most:].clone())
        return rows[:, :, :most]
