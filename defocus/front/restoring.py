"""Restore a picture in memory."""

from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

import numpy as np
import torch
from torch import nn

from defocus.baselines.layers.own_input import with_own_input
from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.errors import InputError
from defocus.front.pictures import (
    Array,
    GivenPictures,
    Picture,
    one_picture,
    one_size,
    own_picture_of,
)
from defocus.front.systems import named_system, reach_of
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import (
    Restorer,
    make_restorer,
    restorer_of,
    restoring_weights,
)
from defocus.restoration.settings import RestoreSettings
from defocus.settings import parse_settings
from defocus.training.devices import best_device


class Choices(TypedDict, total=False):
    """Settings that are chosen by name in :func:`restore`, which explains them."""

    mask: Picture | None
    leave_sharp: bool
    guard: bool
    white: float | None


_USUAL: Choices = {
    "mask": None,
    "leave_sharp": False,
    "guard": True,
    "white": None,
}

Tile = int | Literal["auto", "whole"]


@overload
def restore(
    picture: Array | str | Path,
    system: "str | nn.Module | None" = None,
    weights: str | Path | None = None,
    tile: Tile = "auto",
    strength: float = 1.0,
    **choices: Unpack[Choices],
) -> Array: ...


@overload
def restore(
    picture: torch.Tensor,
    system: "str | nn.Module | None" = None,
    weights: str | Path | None = None,
    tile: Tile = "auto",
    strength: float = 1.0,
    **choices: Unpack[Choices],
) -> torch.Tensor: ...


def restore(
    picture: Picture,
    system: "str | nn.Module | None" = None,
    weights: str | Path | None = None,
    tile: Tile = "auto",
    strength: float = 1.0,
    **choices: Unpack[Choices],
) -> Any:
    """Restore a picture of any size; large ones in overlapping tiles.

    Args:
        picture: ``(H, W, 3)`` RGB or ``(H, W)`` grey array, ``(C, H, W)`` or ``(N, C, H, W)``
            tensor, of uint8, uint16, or floats in [0, 1]; or the path of a picture file, which may
            have other floats.
        system: Name of a system that takes a single picture, or a network from :func:`defocus.load`
            (to build it only once for many pictures); None for ``defocus-m``. Where the blur is
            stronger than its card's ``reach_px``, the picture is restored at 1/2, 1/4 or 1/8 of
            its size; another network counts as one that reaches 24 px.
        weights: See :func:`defocus.load`; None uses the weights that come with the package.
        tile: Largest side of a tile in px, a multiple of 64 from 256 on; ``"whole"`` for the whole
            picture; ``"auto"`` chooses by the free memory.
        strength: 0 gives the input, 1 the restored picture, and up to 2 exaggerates the change.
        **choices: Given by name: ``mask`` (None), ``(H, W)`` of bools, uint8, uint16 or floats in
            [0, 1], or a file: white is restored, black is left. It is over the stored pixels,
            whatever an EXIF orientation says. ``leave_sharp`` (False): whether what is in focus, by
            the estimated circle of confusion, is left. ``guard`` (True): whether parts are put back
            whose restoration, blurred again, does not agree with what was given. Leave it out to
            see what a network does. ``white`` (None): value of uint16 or floats that means white:
            4095 where a camera's 12 bits are stored in 16, 255 where floats were 8 bits. By default
            65535, or 1023 or 4095, with a message, where no value is larger; 1 for floats. A file
            of floats is read as by ``defocus-restore``: if most values exceed 1 or all are whole
            numbers, white is guessed, with a message, or asked for.

    Returns:
        The restored picture in the form of ``picture``: same type, shape and range; grey stays
            grey. For a file, a ``(H, W, 3)`` array at its bit depth; of floats what is beyond white
            stays so.

    Raises:
        ImageError: ``picture`` or ``mask`` is not valid, the mask has another size, or the network
            returns non-finite numbers or another shape.
        InputError: The system is unknown or needs weights, or a setting is wrong.
        NotApplicableError: The system needs more than a single picture.
        WeightsError: The weights are missing, damaged or made for another network.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> grey = np.full((64, 96), 128, np.uint8)
        >>> restored = defocus.restore(grey, "wiener", strength=0.5)
        >>> restored.shape, restored.dtype.name, int(restored.max())
        ((64, 96), 'uint8', 128)
    """
    settings = parse_settings(
        RestoreSettings,
        {"tile": tile, "strength": strength},
        origin="restore",
    )
    chosen = _all_choices(choices)
    given = own_picture_of(picture, "picture", chosen["white"])
    restorer = _restorer(system, weights, settings.tile)
    share = None if chosen["mask"] is None else _mask(chosen["mask"], given)
    restored = []
    for one in given.floats():
        colours = np.ascontiguousarray(one)
        restoration = restore_colours(restorer, colours, guard=chosen["guard"])
        restored.append(
            restoration.at(settings.strength, share, leave_sharp=chosen["leave_sharp"])
        )
    return given.alike(np.stack(restored))


def _all_choices(choices: Choices) -> Choices:
    """The choices, with the usual ones where none is given; unknown ones are refused."""
    for name in choices.keys() - _USUAL.keys():
        raise TypeError(f"restore() got an unexpected keyword argument {name!r}")
    chosen: Choices = {**_USUAL, **choices}
    flags = {"leave_sharp": chosen["leave_sharp"], "guard": chosen["guard"]}
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"restore: {name} is True or False, not {value!r}")
    return chosen


def _mask(mask: Picture, given: GivenPictures) -> Array:
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_:
        mask = mask.astype(np.float32)
    share = one_picture(mask, "mask")
    one_size(share, given)
    values: Array = share.floats()[0].mean(axis=2)
    return values


def _restorer(
    system: "str | nn.Module | None",
    weights: str | Path | None,
    tile: int | None,
) -> Restorer:
    if isinstance(system, nn.Module):
        if weights is not None:
            raise InputError(
                "a network has its weights already; give weights with a name"
            )
        network = with_own_input(system.eval())
        return make_restorer(
            network,
            tile,
            best_device(),
            reach_of(system),
        )
    named = named_system(DEFAULT_SYSTEM if system is None else system)
    return restorer_of(
        named,
        restoring_weights(named, weights),
        tile,
        best_device(),
    )
