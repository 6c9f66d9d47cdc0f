"""The residual block of SFNet and FSNet: parts of the spectrum are weighed apart.

Source: Cui et al., Selective Frequency Network, ICLR 2023; c-yn/SFNet at b2d3c691."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import join, split
from defocus.baselines.layers.three_scales import zero_padded

TRAINING_PX = 256


class Pooling(nn.Module):
    """Means over the map, or over a window that is a fixed share of the map."""

    # ``window_px`` is the window's side in a map of 256 px; None for the whole map.

    def __init__(
        self,
        window_px: int | None = None,
        *,
        in_training: bool = False,
    ) -> None:
        super().__init__()
        self.window_px = window_px
        self.in_training = in_training

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to ``(N, C, 1, 1)``, or with a window to the same shape."""
        is_whole = self.training and not self.in_training
        if self.window_px is None or is_whole:
            return features.mean(dim=(2, 3), keepdim=True)
        sides = []
        for size in features.shape[2:]:
            window = size * self.window_px // TRAINING_PX
            sides.append(max(1, window))
        return local_means(features, *sides)


def local_means(features: Tensor, height: int, width: int) -> Tensor:
    """Means over windows around each pixel ``(N, C, H, W)``; those at the border are repeated."""
    of_columns = _moving_mean(features, height, 2)
    means = _moving_mean(of_columns, width, 3)
    top = (height - 1) // 2
    left = (width - 1) // 2
    rest = (left, width - 1 - left, top, height - 1 - top)
    return functional.pad(means, rest, mode="replicate")


def _moving_mean(features: Tensor, size: int, dim: int) -> Tensor:
    """The mean of every ``size`` neighbours along an axis, which gets shorter by ``size - 1``."""
    sums = features.cumsum(dim)
    count = features.shape[dim]
    first = sums.narrow(dim, size - 1, 1)
    kept = count - size
    before = sums.narrow(dim, 0, kept)
    later = sums.narrow(dim, size, kept) - before
    return torch.cat([first, later], dim) / size


GROUPS = 8


class FilterChoice(nn.Module):
    """The numbers behind a picture's filters, from the means of its features."""

    # A network adds the layers to its own module (``add_choice``), because the official state
    # dict has them beside others.

    def add_choice(self, channels: int, size: int) -> None:
        """Register the layers; ``size`` is odd, px."""
        self.kernel = (size, size)
        self.groups = min(GROUPS, channels)
        numbers = self.groups * size**2
        self.conv = nn.Conv2d(channels, numbers, 1, bias=False)
        self.bn = nn.BatchNorm2d(numbers)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def chosen(self, mean: Tensor) -> Tensor:
        """From means ``(N, C, 1, 1)`` to ``(N, groups, size²)``: one number per group and tap."""
        # They are normalised over a training batch. A batch of one picture has no statistics and
        # takes the running ones, where the official code fails.
        numbers = self.conv(mean)
        bn = self.bn
        if self.training and mean.shape[0] == 1:
            normalised = functional.batch_norm(
                numbers,
                bn.running_mean,
                bn.running_var,
                bn.weight,
                bn.bias,
                eps=bn.eps,
            )
        else:
            normalised = bn(numbers)
        return normalised.reshape(mean.shape[0], self.groups, -1)


def filtered(
    features: Tensor,
    taps: Tensor,
    kernel: tuple[int, int],
    dilation: int = 1,
) -> Tensor:
    """Features correlated with their filters ``(N, groups, taps)``; reflection outside.

    ``kernel`` is height and width of a filter, odd; ``dilation`` the distance of its taps, px."""
    count, channels, height, width = features.shape
    below, beside = (dilation * (size // 2) for size in kernel)
    padded = functional.pad(features, (beside, beside, below, below), mode="reflect")
    each = taps.repeat_interleave(channels // taps.shape[1], dim=1)
    groups = count * channels
    kernels = each.reshape(groups, 1, *kernel)
    rows = padded.reshape(1, groups, *padded.shape[-2:])
    given = functional.conv2d(rows, kernels, dilation=dilation, groups=groups)
    return given.reshape(count, channels, height, width)


SMALL_PX, LARGE_PX = 3, 5
FEWEST_HIDDEN = 32
QUADRANTS = 4


class SelectiveBlock(nn.Module):
    """A residual block; some channels are filtered, others weighed against their means."""

    def __init__(self, channels: int, pooling: Pooling, *, filters: bool) -> None:
        super().__init__()
        self.conv1 = zero_padded(channels, channels)
        self.conv2 = zero_padded(channels, channels, activated=False)
        half = channels // 2
        self.filters = filters
        if filters:
            self.dyna = _Filter(half, SMALL_PX, pooling)
            self.dyna_2 = _Filter(half, LARGE_PX, pooling)
        self.localap = _Quadrants(half, pooling)
        self.global_ap = _Whole(half, pooling)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape; H and W even."""
        mixed = self.conv1(features)
        if self.filters:
            first, second = mixed.chunk(2, dim=1)
            parts = [self.dyna(first), self.dyna_2(second)]
            mixed = torch.cat(parts, dim=1)
        first, second = mixed.chunk(2, dim=1)
        parts = [self.global_ap(first), self.localap(second)]
        mixed = torch.cat(parts, dim=1)
        added: Tensor = self.conv2(mixed) + features
        return added


def selective_blocks(channels: int, pooling: Pooling, count: int) -> nn.Sequential:
    """Blocks in a row, of which the last one has filters."""
    plain = [SelectiveBlock(channels, pooling, filters=False) for _ in range(count - 1)]
    last = SelectiveBlock(channels, pooling, filters=True)
    return nn.Sequential(*plain, last)


class _Whole(nn.Module):
    """Weighs means and the deviations from them by channel; at first only deviations pass."""

    def __init__(self, channels: int, pooling: Pooling) -> None:
        super().__init__()
        self.fscale_d = nn.Parameter(torch.zeros(channels))
        self.fscale_h = nn.Parameter(torch.zeros(channels))
        self.pooling = pooling

    def forward(self, features: Tensor) -> Tensor:
        means = self.pooling(features)
        of_deviations = self.fscale_h[:, None, None] + 1
        of_means = self.fscale_d[:, None, None]
        high = (features - means) * of_deviations
        weighed: Tensor = means * of_means + high
        return weighed


class _Quadrants(nn.Module):
    """Weighs each quarter of the picture as :class:`_Whole` weighs all of it.

    The quarters have weights of their own, which begin at zero."""

    def __init__(self, channels: int, pooling: Pooling) -> None:
        super().__init__()
        self.h = nn.Parameter(torch.zeros(QUADRANTS * channels))
        self.l = nn.Parameter(torch.zeros(QUADRANTS * channels))
        self.pooling = pooling

    def forward(self, features: Tensor) -> Tensor:
        quadrants = split(features, 2, 2)
        low = self.pooling(quadrants)
        count = features.shape[0]
        high = quadrants - low
        weighed = _each(self.h, count) * high + _each(self.l, count) * low
        return join(weighed, 2, 2)


def _each(weights: Tensor, count: int) -> Tensor:
    """From a weight per channel and quadrant (channels first) to ``(count * 4, C, 1, 1)``."""
    return weights.reshape(-1, QUADRANTS).T.repeat(count, 1)[..., None, None]


class _Filter(FilterChoice):
    """A low pass that the picture chooses; what it keeps and what it removes get weights."""

    def __init__(self, channels: int, size: int, pooling: Pooling) -> None:
        super().__init__()
        # unused officially
        self.lamb_l = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.lamb_h = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.add_choice(channels, size)
        self.modulate = _Modulation(channels, pooling)

    def forward(self, features: Tensor) -> Tensor:
        # of the whole map, whatever the pooling
        mean = features.mean(dim=(2, 3), keepdim=True)
        taps = self.chosen(mean).softmax(dim=2)
        low = filtered(features, taps, self.kernel)
        modulated: Tensor = self.modulate(low, features - low)
        return modulated


class _Modulation(nn.Module):
    """Weighs low against high frequencies; all channels of both share one softmax."""

    def __init__(self, channels: int, pooling: Pooling) -> None:
        super().__init__()
        hidden = max(channels // 2, FEWEST_HIDDEN)
        self.fc = nn.Conv2d(channels, hidden, 1)
        self.fcs = nn.ModuleList(nn.Conv2d(hidden, channels, 1) for _ in range(2))
        self.out = nn.Conv2d(channels, channels, 1)
        self.pooling = pooling

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        reduced = self.fc(self.pooling(low + high))
        logits = torch.cat([layer(reduced) for layer in self.fcs], dim=1)
        weights = logits.softmax(dim=1)
        of_high, of_low = weights.chunk(2, dim=1)
        modulated: Tensor = self.out(high * of_high + low * of_low)
        return modulated
