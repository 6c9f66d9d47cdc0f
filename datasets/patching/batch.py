"""Interface of patch sources, and batches of drawn patches."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.recipe import Augmentation, Further
from defocus.datasets.patching.packing import ColourChange, Crop
from defocus.pictures.values import LUMA, LUMINANCE, linear_to_srgb, srgb_to_linear
from defocus.processes.isolation import LeftOut

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch

SHRINK_SHARE = 0.5
SMALLEST_SCALE = 0.7
GREY_SHARE = 0.3
NOISE_SHARE = 0.05
NOISE_DEVIATIONS = (0.001, 0.0707)
"""Smallest and largest standard deviation, for colours in [0, 1]."""

SATURATION_SHARE = 1 / 3
SATURATION_CHANGE = 0.2
CHANNELS_SHARE = 0.3


def random_window(
    crop_px: int,
    largest_px: int,
    augment: "Collection[Augmentation]",
    random: np.random.Generator,
) -> int:
    """Draw the side of the area that is cut and shrunk to a patch; mostly the patch's own side."""
    if "shrink" not in augment or random.random() >= SHRINK_SHARE:
        return crop_px
    return min(round(crop_px / random.uniform(SMALLEST_SCALE, 1.0)), largest_px)


def random_look(
    augment: "Collection[Augmentation]", random: np.random.Generator
) -> ColourChange:
    """Draw random colour changes of a crop."""
    saturation = 1.0
    deviation = 0.0
    grey = "grey" in augment and bool(random.random() < GREY_SHARE)
    if "saturation" in augment and random.random() < SATURATION_SHARE:
        saturation = random.uniform(1 - SATURATION_CHANGE, 1 + SATURATION_CHANGE)
    if "noise" in augment and random.random() < NOISE_SHARE:
        deviation = random.uniform(*NOISE_DEVIATIONS)
    seed = int(random.integers(2**31)) if deviation else 0
    return ColourChange(
        grey, saturation, deviation, seed, _random_order(augment, random)
    )


def _random_order(
    augment: "Collection[Augmentation]", random: np.random.Generator
) -> tuple[int, int, int]:
    if "channels" not in augment or random.random() >= CHANNELS_SHARE:
        return 0, 1, 2
    first, second, third = map(int, random.permutation(3))
    return first, second, third


def shrunk(patch: NDArray[Any], side: int) -> NDArray[Any]:
    """Shrink a patch ``(S, S[, 3])`` to ``side``, each pixel the mean of the area it covers."""
    import cv2

    if patch.shape[0] == side:
        return patch
    small: NDArray[Any] = cv2.resize(
        np.ascontiguousarray(patch), (side, side), interpolation=cv2.INTER_AREA
    )
    return small


def turned_vectors(vectors: NDArray[np.float32], crop: Crop) -> NDArray[np.float32]:
    """Turn vectors ``(S, S, 2)``, x right and y down, which are at their new places already."""
    x = vectors[..., 0]
    y = vectors[..., 1]
    x = -x if crop.mirrored else x
    y = -y if crop.upside_down else y
    for _ in range(crop.quarter_turns):
        x, y = y, -x
    return np.stack([x, y], axis=-1)


def with_look(
    picture: "torch.Tensor", look: ColourChange, *, noisy: bool
) -> "torch.Tensor":
    """Apply the drawn colour changes to a picture ``(3, h, w)`` in [0, 1]; targets get no noise."""
    import torch

    if look == ColourChange():
        return picture
    if look.channels != (0, 1, 2):
        picture = picture[list(look.channels)]
    if look.grey:
        picture = _grey(picture)
    if look.saturation != 1.0:
        luma = (picture * picture.new_tensor(LUMA)[:, None, None]).sum(dim=0)
        picture = luma + look.saturation * (picture - luma)
    if noisy and look.noise_deviation:
        generator = torch.Generator().manual_seed(look.noise_seed)
        picture = picture + look.noise_deviation * torch.randn(
            picture.shape, generator=generator
        )
    return picture.clamp(0, 1)


def _grey(picture: "torch.Tensor") -> "torch.Tensor":
    """Make a picture grey by its luminance in linear light."""
    import torch

    linear = srgb_to_linear(picture.numpy())
    weights = np.asarray(LUMINANCE, np.float32)
    luminance = linear_to_srgb(np.tensordot(weights, linear, axes=1))
    return torch.from_numpy(luminance).expand_as(picture)


EVERY = slice(None)
"""The whole batch. Several processes each make a slice of it."""


class Batches(Protocol):
    """Source of batches; see :func:`defocus.datasets.patching.source.training_patches`."""

    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = EVERY,
    ) -> "Batch":
        """The batch of one step, determined by the arguments, or some places of it."""
        ...


class Patches(Batches, Protocol):
    """Source of training patches."""

    crop_px: int  # default side of a patch
    blurry: str  # the input that is restored: ``blurry`` or ``dual_pixel``
    needs: tuple[Further, ...]  # names of the batches' ``extra`` inputs
    supervision: tuple[Further, ...]  # names of the batches' ``supervision``

    @property
    def pixels(self) -> int:
        """Number of pixels of an epoch."""
        ...

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Pairs that could not be read."""
        ...

    def draw(self, random: np.random.Generator, side: int) -> "tuple[Patches, Any]":
        """Draw a random patch; return its source and the patch, which is read or rendered later."""
        ...

    def patch(self, what: str, drawn: Any, side: int) -> "torch.Tensor":  # noqa: ANN401 - of the source's kind
        """One member of a drawn patch."""
        ...


def drawn_batch(drawn: "Sequence[tuple[Patches, Any]]", side: int) -> "Batch":
    """Make a batch of drawn patches with one side, from one or more sources of the same kind."""
    import torch

    from defocus.baselines.objective import Batch

    def stacked(what: str) -> torch.Tensor:
        return torch.stack([source.patch(what, crop, side) for source, crop in drawn])

    kind = drawn[0][0]
    return Batch(
        blurry=stacked(kind.blurry),
        target=stacked("target"),
        extra={one: stacked(one) for one in kind.needs},
        supervision={one: stacked(one) for one in kind.supervision},
    )
