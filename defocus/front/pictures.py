"""Input pictures of the Python interface: arrays, tensors or files, checked here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures.read import (
    alike_of,
    own_picture,
    read_alike,
    read_pair,
    read_stored,
)
from defocus.pictures.remarks import (
    asked_white,
    say_remarks,
    white_question,
    white_words,
)
from defocus.pictures.values import (
    FULL,
    OwnPicture,
    above_white,
    as_float,
    as_integer,
    compressed,
    deep_white,
    stretched,
)
from defocus.progress import say

Range = tuple[float, float]
"""The least and the largest float that a picture may have."""

Array: TypeAlias = NDArray[Any]
Picture: TypeAlias = Array | torch.Tensor | str | Path
"""Picture as functions of the package take it: ``(H, W, 3)`` RGB or ``(H, W)`` grey as an array,
``(C, H, W)`` or ``(N, C, H, W)`` as a tensor, or the path of a picture file. Values are uint8,
uint16, or float32 (or float64) in [0, 1], sRGB-encoded. White is 255, 65535 or 1; the parameter
``white`` gives another value of uint16, or of floats where no picture is uint16. Without it 1023 or
4095 is taken for uint16, with a message, where no value is larger."""

_TYPES = "uint8, uint16, float32 and float64"
_ARRAY_TYPES = (
    np.uint8,
    np.uint16,
    np.float32,
    np.float64,
)
_TENSOR_TYPES = {
    torch.uint8,
    torch.uint16,
    torch.float32,
    torch.float64,
}
_ROUNDING = 1e-4
"""Distance beyond [0, 1] that a float may have, since conversions round."""


@dataclass(frozen=True)
class GivenPictures:
    """Input pictures of one size as ``(N, H, W, 3)`` RGB, and the form in which they were given."""

    # ``channels`` is 3, 1, or 0 for a grey array without a channel axis.

    name: str
    pixels: Array
    kind: Literal["array", "tensor"]
    channels: int
    batched: bool = False
    device: torch.device | None = None
    # of 16 bits or floats as they were given, where it is not that of ``pixels``
    white: float | None = None
    # a file of floats; ``pixels`` are its colours in [0, 1]
    own: OwnPicture | None = None

    @property
    def size(self) -> str:
        """Width and height, for messages."""
        return f"{self.pixels.shape[2]}x{self.pixels.shape[1]}"

    def floats(self, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """The pictures ``(N, H, W, 3)`` as floats in [0, 1]."""
        if self.pixels.dtype.kind == "u":
            return as_float(self.pixels, dtype)
        return self.pixels.astype(dtype)

    def integers(self) -> Array:
        """The pictures ``(N, H, W, 3)`` as uint8 or uint16; floats become uint16."""
        if self.pixels.dtype.kind == "u":
            return self.pixels
        return as_integer(self.pixels, 16)

    def of_white(self, white: float) -> "GivenPictures":
        """The pictures of 16 bits or floats, scaled from this white to the usual one."""
        if self.pixels.dtype == np.uint16:
            return replace(self, pixels=stretched(self.pixels, white), white=white)
        scaled = self.pixels / self.pixels.dtype.type(white)
        return replace(self, pixels=scaled, white=white)

    def alike(self, pixels: Array) -> Any:  # noqa: ANN401 - an array or a tensor, as was given
        """Convert results to the form of the input; floats are clamped to [0, 1]."""
        if self.own is not None:
            restored = self.own.with_colours(pixels[0])
            return replace(self.own, stored=restored).all_colours()
        values = self._of_given_type(pixels)
        if self.kind == "array":
            return values[0, :, :, 0] if self.channels == 0 else values[0]
        tensor = (
            torch.from_numpy(values).permute(0, 3, 1, 2).contiguous().to(self.device)
        )
        return tensor if self.batched else tensor[0]

    def _of_given_type(self, pixels: Array) -> Array:
        """Results ``(N, H, W, C)`` with the type, the white and the colours of the input."""
        dtype = self.pixels.dtype
        values = pixels.clip(0.0, 1.0) if pixels.dtype.kind == "f" else as_float(pixels)
        if self.channels < 3:
            values = values.mean(axis=3, keepdims=True)
        if dtype.kind == "u":
            integers = as_integer(values, 8 * dtype.itemsize)
            values = compressed(integers, self.white or FULL)
        elif self.white:
            values = values * values.dtype.type(self.white)
        return np.ascontiguousarray(values.astype(dtype, copy=False))


def pictures(
    picture: Picture,
    name: str,
    limits: Range = (0.0, 1.0),
    white: float | None = None,
) -> GivenPictures:
    """Check pictures and convert them to one form; floats may be within ``limits``."""
    return given_alike({name: picture}, {name: limits}, white)[0]


def own_picture_of(
    picture: Picture, name: str, white: float | None = None
) -> GivenPictures:
    """Like :func:`pictures`, for restoring, which takes files of floats as well."""
    if not isinstance(picture, str | Path):
        return pictures(picture, name, white=white)
    path = Path(picture)
    stored = read_stored(path)
    if stored.dtype.kind == "f":
        _require_white(white, math.inf)
        own = own_picture(path, stored, white)
        if white is None:
            say_remarks(path, stored, own.white)
        return GivenPictures(
            name,
            own.colours()[None],
            "array",
            3,
            own=own,
        )
    _require_white(white)
    colours = alike_of({path: stored}, white)[path]
    given = GivenPictures(name, colours[None], "array", 3)
    if white is not None:
        _meant_by_white([given])
    return given


def given_alike(
    picture_of: Mapping[str, Picture],
    limits: Mapping[str, Range],
    white: float | None,
) -> list[GivenPictures]:
    """Check pictures that belong together, by name; those of 16 bits have one white."""
    _require_white(white)
    given = _of_files(picture_of, white)
    in_memory = {}
    for name, picture in picture_of.items():
        if name not in given:
            in_memory[name] = _in_memory(picture, name)
    every = {**given, **in_memory}
    own = [one for one in in_memory.values() if one.pixels.dtype == np.uint16]
    if white is not None:
        meant = _meant_by_white(every.values())
        own = [one for one in meant if one.name in in_memory]
        _require_within(own, white)
    elif own:
        white = _white_of(own)
    if white is not None:
        every |= {one.name: one.of_white(white) for one in own}
    for name in in_memory:
        _require_range(every[name].pixels, name, limits.get(name, (0.0, 1.0)))
    return [every[name] for name in picture_of]


def _meant_by_white(given: Iterable[GivenPictures]) -> list[GivenPictures]:
    """The pictures that a given white is for: those of uint16, or else those of floats."""
    every = list(given)
    deep = [one for one in every if one.pixels.dtype == np.uint16]
    floats = [one for one in every if one.pixels.dtype.kind == "f"]
    if not deep and not floats:
        raise ImageError(
            "white is given, but the pictures are uint8, whose white is 255; leave it out"
        )
    return deep or floats


def _of_files(
    picture_of: Mapping[str, Picture],
    white: float | None,
) -> dict[str, GivenPictures]:
    """The pictures that are files, read alike."""
    files = {
        name: Path(one)
        for name, one in picture_of.items()
        if isinstance(one, str | Path)
    }
    read = read_alike(list(files.values()), white)
    return {
        name: GivenPictures(name, read[path][None], "array", 3)
        for name, path in files.items()
    }


def _require_white(white: object, most: float = FULL) -> None:
    """Refuse a white that is no value up to ``most``."""
    if white is None:
        return
    is_flag = isinstance(white, bool)
    if is_flag or not isinstance(white, Real) or not 0 < float(white) <= most:
        raise ImageError(
            f"white is {white!r}; give the value of 16 bits or floats that means white"
        )


def _require_within(deep: Sequence[GivenPictures], white: float) -> None:
    """Refuse arrays of 16 bits that are brighter than the white that was given."""
    for one in deep:
        if one.pixels.dtype != np.uint16:  # the range of floats is required of all
            continue
        largest = int(one.pixels.max())
        if largest > white:
            raise ImageError(above_white(one.name, largest, white))


def _white_of(deep: Sequence[GivenPictures]) -> float:
    """The white of arrays of 16 bits, which is printed or asked for if it is unusual."""
    largest_of = {one.name: int(one.pixels.max()) for one in deep}
    most = max(largest_of.values())
    white = deep_white(most)
    if white < FULL:
        names = " and ".join(largest_of)
        say(f"{names}: {white_words(most, white)}; give white={FULL} if it is that")
        return white
    darkest = min(largest_of.values())
    if asked := asked_white(darkest):
        asked_of = [n for n, one in largest_of.items() if asked_white(one) == asked]
        names = " and ".join(asked_of)
        say(f"{names}: {white_question(darkest)} Give white={asked} if they are")
    return white


def _in_memory(picture: Picture, name: str) -> GivenPictures:
    """An array or tensor in its form, with its values as they are."""
    if isinstance(picture, torch.Tensor):
        return _tensor(picture, name)
    if isinstance(picture, np.ndarray):
        return _array(picture, name)
    raise ImageError(
        f"{name} is of type {type(picture).__name__}; "
        "give an array, a tensor or a path of a file"
    )


def one_picture(
    picture: Picture,
    name: str,
    limits: Range = (0.0, 1.0),
    white: float | None = None,
) -> GivenPictures:
    """Check a single picture; see :func:`pictures`."""
    return require_one(pictures(picture, name, limits, white))


def require_one(given: GivenPictures) -> GivenPictures:
    """Refuse a batch of several pictures."""
    if len(given.pixels) > 1:
        raise ImageError(
            f"{given.name} has {len(given.pixels)} pictures; give one at a time"
        )
    return given


def two_pictures(
    blurry: Picture,
    sharp: Picture,
    white: float | None = None,
) -> tuple[GivenPictures, GivenPictures]:
    """Check the two members of a pair, of one white; two RAW files are developed alike."""
    if isinstance(blurry, str | Path) and isinstance(sharp, str | Path):
        _require_white(white)
        pair = read_pair(Path(blurry), Path(sharp), white)
        members = [
            GivenPictures(name, pixels[None], "array", 3)
            for name, pixels in zip(("blurry", "sharp"), pair, strict=True)
        ]
        if white is not None:
            _meant_by_white(members)
    else:
        members = given_alike({"blurry": blurry, "sharp": sharp}, {}, white)
    first, second = map(require_one, members)
    one_size(first, second)
    return first, second


def one_size(first: GivenPictures, second: GivenPictures) -> None:
    """Refuse pictures of different sizes."""
    if first.pixels.shape[1:3] != second.pixels.shape[1:3]:
        raise ImageError(
            f"{first.name} is {first.size} but {second.name} is {second.size}; "
            "they must have the same size"
        )


def require_network_input(tensor: torch.Tensor, channels: int) -> None:
    """Refuse input other than floats ``(N, channels, H, W)`` in [0, 1]."""
    if not isinstance(tensor, torch.Tensor):
        raise ImageError(
            f"the network is given a value of type {type(tensor).__name__}; it takes a tensor "
            f"(N, {channels}, H, W)"
        )
    if not tensor.is_floating_point():
        raise ImageError(
            f"the network is given {_type_name(tensor)}; give floats in [0, 1]: divide 8 bits by "
            "255, 16 bits by 65535"
        )
    if tensor.ndim != 4 or tensor.shape[1] != channels or 0 in tensor.shape:
        wanted = f"(N, {channels}, H, W)"
        raise ImageError(f"the network is given {_shape(tensor)}; it needs {wanted}")
    if torch.compiler.is_compiling():  # a value cannot be looked at there
        return
    low, high = map(float, torch.aminmax(tensor.detach()))
    _require_ends(low, high, "the network's input", (0.0, 1.0))


def _array(array: Array, name: str) -> GivenPictures:
    if not array.dtype.isnative:  # as TIFF files of other machines are read
        array = array.astype(array.dtype.newbyteorder("="))
    array = np.asarray(array)  # a np.matrix keeps two axes whatever is done with it
    if array.dtype not in _ARRAY_TYPES:
        raise ImageError(f"{name} is {array.dtype}; pictures are {_TYPES}")
    shape = array.shape
    if 0 in shape:
        raise ImageError(f"{name} has no pixels: its shape is {shape}")
    if array.ndim == 2:
        return GivenPictures(
            name,
            _as_rgb(array[None, :, :, None]),
            "array",
            0,
        )
    if array.ndim == 3 and shape[2] in (1, 3):
        return GivenPictures(
            name,
            _as_rgb(array[None]),
            "array",
            shape[2],
        )
    if array.ndim == 3 and shape[0] in (1, 3):
        raise ImageError(
            f"{name} is an array of shape {shape}, which looks like channels first; "
            "give (H, W, 3): array.transpose(1, 2, 0)"
        )
    if array.ndim == 3 and shape[2] == 4:
        raise ImageError(
            f"{name} has 4 channels; leave transparency out: array[:, :, :3]"
        )
    raise ImageError(
        f"{name} is an array of shape {shape}; give (H, W, 3) RGB or (H, W) grey"
    )


def _tensor(tensor: torch.Tensor, name: str) -> GivenPictures:
    if tensor.dtype not in _TENSOR_TYPES:
        raise ImageError(f"{name} is {_type_name(tensor)}; pictures are {_TYPES}")
    if tensor.is_meta or tensor.layout != torch.strided:
        raise ImageError(
            f"{name} is a sparse or meta tensor; give a dense one with its values"
        )
    shape = _shape(tensor)
    if 0 in shape:
        raise ImageError(f"{name} has no pixels: its shape is {shape}")
    if tensor.ndim not in (3, 4):
        raise ImageError(
            f"{name} is a tensor of shape {shape}; give (C, H, W) or (N, C, H, W)"
        )
    if shape[-3] not in (1, 3):
        raise ImageError(f"{name} {_other_channels(shape)}")
    batched = tensor.ndim == 4
    pixels = (
        tensor.detach().cpu().numpy().reshape(-1, *shape[-3:]).transpose(0, 2, 3, 1)
    )
    return GivenPictures(
        name,
        _as_rgb(pixels),
        "tensor",
        shape[-3],
        batched,
        tensor.device,
    )


def _other_channels(shape: tuple[int, ...]) -> str:
    """What is wrong with the channels of a tensor."""
    if shape[-1] in (1, 3):
        order = "2, 0, 1" if len(shape) == 3 else "0, 3, 1, 2"
        return (
            f"is a tensor of shape {shape}, which looks like channels last; "
            f"give (C, H, W): tensor.permute({order})"
        )
    return f"has {shape[-3]} channels; a picture has 3 (RGB) or 1 (grey)"


def _as_rgb(pixels: Array) -> Array:
    """The pictures as ``(N, H, W, 3)``, with grey repeated into three channels."""
    repeated = np.repeat(pixels, 3, axis=3) if pixels.shape[3] == 1 else pixels
    return np.ascontiguousarray(repeated)


def _require_range(
    pixels: Array,
    name: str,
    limits: Range,
) -> None:
    if pixels.dtype == np.uint16 and 0 < pixels.max() <= 255:
        say(
            f"warning: {name} is uint16 but has no value above 255, so it is almost black; 8-bit "
            "values need uint8: array.astype(np.uint8)"
        )
    if pixels.dtype.kind == "u":
        return
    finite = np.isfinite(pixels)
    if not finite.all():
        _, row, column, _ = np.argwhere(~finite)[0]
        raise ImageError(
            f"{name} is not finite at row {row}, column {column}; mend the picture"
        )
    _require_ends(
        float(pixels.min()),
        float(pixels.max()),
        name,
        limits,
    )


def _require_ends(
    low: float,
    high: float,
    name: str,
    limits: Range,
) -> None:
    if limits[0] - _ROUNDING <= low and high <= limits[1] + _ROUNDING:
        return
    if low != low or high != high:
        raise ImageError(f"{name} has values that are not finite; mend the picture")
    mend = "divide 8 bits by 255, 16 bits by 65535" if high > 2 else "clip it first"
    raise ImageError(
        f"{name} has floats from {low:.4g} to {high:.4g} instead of 0 to 1; {mend}"
    )


def _type_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
