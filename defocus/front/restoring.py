"""Restore a picture in memory."""

from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from torch import nn

from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.baselines.weights.own import weights_or_own
from defocus.errors import InputError
from defocus.front.pictures import Array, GivenPictures, Picture, one_picture, one_size, pictures
from defocus.front.systems import built, named_system, stored_weights
from defocus.restoration.restoration import STRONGEST, restore_colours

if TYPE_CHECKING:
    from defocus.restoration.restorer import Restorer

SMALLEST_TILE_PX, TILE_GRID_PX = 256, 64


@overload
def restore(
    picture: Array | str | Path,
    system: "str | nn.Module | None" = None,
    weights: str | Path | None = None,
    tile: int | None = None,
    strength: float = 1.0,
    *,
    mask: Picture | None = None,
    leave_sharp: bool = False,
    guard: bool = True,
) -> Array: ...


@overload
def restore(
    picture: torch.Tensor,
    system: "str | nn.Module | None" = None,
    weights: str | Path | None = None,
    tile: int | None = None,
    strength: float = 1.0,
    *,
    mask: Picture | None = None,
    leave_sharp: bool = False,
    guard: bool = True,
) -> torch.Tensor: ...


def restore(
    picture: Picture,
    system: "str | nn.Module | None" = None,
    weights: str | Path | None = None,
    tile: int | None = None,
    strength: float = 1.0,
    *,
    mask: Picture | None = None,
    leave_sharp: bool = False,
    guard: bool = True,
) -> Any:
    """Restore a picture of any size; large ones in overlapping tiles.

    Args:
        picture: ``(H, W, 3)`` RGB or ``(H, W)`` grey array, ``(C, H, W)`` or ``(N, C, H, W)``
            tensor, of uint8, uint16, or floats in [0, 1]; or the path of a picture file.
        system: Name of a system that takes a single picture, or a network from :func:`defocus.load`
            (to build it only once for many pictures); None for ``defocus-m``.
        weights: See :func:`defocus.load`; None uses the weights that come with the package.
        tile: Largest side of a tile in px, a multiple of 64 from 256 on; 0 for the whole picture;
            None chooses by the free memory.
        strength: 0 gives the input, 1 the restored picture, and up to 2 exaggerates the change.
        mask: ``(H, W)`` of bools, uint8, uint16 or floats in [0, 1], or a file: white is restored,
            black is left. It lies on the stored pixels, whatever an EXIF orientation says.
        leave_sharp: Whether what is in focus, by the estimated circle of confusion, is left.
        guard: Whether parts are put back whose restoration, blurred again, does not agree with what
            was given. Leave it out to see what a network does.

    Returns:
        The restored picture in the form of ``picture``: same type, shape and range; grey stays
            grey. For a file, a ``(H, W, 3)`` array at its bit depth.

    Raises:
        ImageError: ``picture`` or ``mask`` is not valid, the mask has another size, or the network
            returns non-finite numbers or another shape.
        InputError: The system is unknown or needs weights, or ``tile`` or ``strength`` is wrong.
        NotApplicableError: The system needs more than a single picture.
        WeightsError: The weights are missing, damaged or made for another network.
    """
    _check(tile, strength)
    given = pictures(picture, "picture")
    restorer = _restorer(system, weights, tile)
    share = None if mask is None else _mask(mask, given)
    made = [
        restore_colours(restorer, np.ascontiguousarray(one), guard=guard).at(
            strength, share, leave_sharp=leave_sharp
        )
        for one in given.floats()
    ]
    return given.alike(np.stack(made))


def _mask(mask: Picture, given: GivenPictures) -> Array:
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_:
        mask = mask.astype(np.float32)
    share = one_picture(mask, "mask")
    one_size(share, given)
    values: Array = share.floats()[0].mean(axis=2)
    return values


def _check(tile: object, strength: object) -> None:
    if not isinstance(strength, Real):
        raise InputError(
            f"strength is of type {type(strength).__name__}; give a number from 0 to {STRONGEST:g}"
        )
    if not isinstance(tile, Integral | None):
        raise InputError(f"tile is of type {type(tile).__name__}; give an integer or None")
    if not 0.0 <= float(strength) <= STRONGEST:
        raise InputError(f"strength is {strength}; it goes from 0 to {STRONGEST:g}")
    if tile and (int(tile) < SMALLEST_TILE_PX or int(tile) % TILE_GRID_PX):
        raise InputError(
            f"tile is {tile}; give a multiple of {TILE_GRID_PX} from {SMALLEST_TILE_PX} on, 0 for "
            "the whole picture, or None"
        )


def _restorer(
    system: "str | nn.Module | None", weights: str | Path | None, tile: int | None
) -> "Restorer":
    from defocus.restoration.restorer import make_restorer, require_restoring
    from defocus.training.devices import best_device

    if isinstance(system, nn.Module):
        if weights is not None:
            raise InputError("a network has its weights already; give weights with a name")
        return make_restorer(system.eval(), tile, best_device())
    named = named_system(DEFAULT_SYSTEM if system is None else system)
    stored = stored_weights(named, weights_or_own(named, None if weights is None else str(weights)))
    require_restoring(named, stored)
    return make_restorer(built(named, stored), tile, best_device())
