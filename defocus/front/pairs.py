"""Measure and compensate the misalignment of a pair in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.compensation.compensate import MODELS, compensate
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import Measurement, measure
from defocus.align.misalignment import Misalignment
from defocus.errors import InputError
from defocus.front.pictures import Array, GivenPictures, Picture, two_pictures
from defocus.likeness import SAME_PIXELS, same_pixels
from defocus.near_names import meant
from defocus.progress import say

if TYPE_CHECKING:
    from defocus.align.compensation.compensate import Model

Form = TypeVar("Form", Array, torch.Tensor)


@dataclass(frozen=True)
class AlignedPair(Generic[Form]):
    """The sharp picture in the geometry of the blurry one.

    Attributes:
        sharp: The picture in the form of the given sharp picture, with unchanged exposure.
        valid_mask: ``(H, W)`` bool, True where it shows the scene and is reliable.
        misalignment: The compensated misalignment.
    """

    sharp: Form
    valid_mask: NDArray[np.bool_]
    misalignment: Misalignment


@overload
def align_pair(
    blurry: Picture,
    sharp: Array | str | Path,
    model: "Model" = "global",
    *,
    white: float | None = None,
) -> AlignedPair[Array]: ...


@overload
def align_pair(
    blurry: Picture,
    sharp: torch.Tensor,
    model: "Model" = "global",
    *,
    white: float | None = None,
) -> AlignedPair[torch.Tensor]: ...


def align_pair(
    blurry: Picture,
    sharp: Picture,
    model: Literal["none", "global", "flow"] = "global",
    *,
    white: float | None = None,
) -> Any:
    """Register the sharp picture of a pair onto the blurry one, with a single interpolation.

    Args:
        blurry: A picture, see :func:`defocus.restore`; its pixels are not changed.
        sharp: A picture of the same size; floats are processed with 16 bits.
        model: ``global`` compensates the transform of the whole picture, ``flow`` also the local
            flow where it is reliable, ``none`` nothing.
        white: Value of uint16 or floats that means white in both, see :func:`defocus.restore`.

    Returns:
        ``sharp``, the moved picture in the form of the given one; ``valid_mask``, ``(H, W)`` bool,
        True where it shows the scene and is reliable; and the ``misalignment``.

    Raises:
        ImageError: A picture is not valid, or the sizes differ.
        AlignmentError: The misalignment cannot be measured; the message has the reason.
        InputError: The model is unknown.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> sharp = np.random.default_rng(0).random((96, 128))
        >>> shifted = np.roll(sharp, 3, axis=1)
        >>> aligned = defocus.align_pair(shifted, sharp)
        >>> bool(np.abs(aligned.sharp - shifted)[aligned.valid_mask].mean() < 0.01)
        True
    """
    if model not in MODELS:
        raise InputError(f"no model '{model}'; {meant(model, MODELS)}")
    members = two_pictures(blurry, sharp, white)
    first, second = (member.integers()[0] for member in members)
    aligned = compensate(first, second, _measured(*members), model=model)
    moved = members[1].alike(aligned.sharp[None])
    return AlignedPair(moved, aligned.valid_mask, aligned.misalignment)


def measure_pair(
    blurry: Picture,
    sharp: Picture,
    *,
    white: float | None = None,
) -> Misalignment:
    """Measure how the sharp picture of a pair is displaced against the blurry one.

    Args:
        blurry: A picture, see :func:`defocus.restore`.
        sharp: A picture of the same size; floats are processed with 16 bits.
        white: Value of uint16 or floats that means white in both, see :func:`defocus.restore`.

    Returns:
        Shift, zoom, rotation, residual flow and exposure with their standard errors; ``status`` is
        ``unknown``, with a ``reason``, if they cannot be measured reliably. Shift and flow are in
        px, from blurry to sharp positions, to the right and down; exposure is in EV. See
        :class:`~defocus.align.misalignment.Misalignment`.

    Raises:
        ImageError: A picture is not valid, or the sizes differ.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> sharp = np.random.default_rng(0).random((96, 128))
        >>> measured = defocus.measure_pair(np.roll(sharp, 3, axis=1), sharp)
        >>> measured.status, round(measured.similarity.shift_px[0], 1)
        ('ok', -3.0)
    """
    return _measured(*two_pictures(blurry, sharp, white)).misalignment


def _measured(blurry: GivenPictures, sharp: GivenPictures) -> Measurement:
    members = blurry.integers()[0], sharp.integers()[0]
    if same_pixels(*members):
        say(SAME_PIXELS)
    return measure(*members, flow_estimator())
