"""Development of camera RAW files with one fixed set of parameters.

LibRaw's own differ within a pair: brightness by up to 0.32 EV, red and blue by 6 %."""

import contextlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import FileError, ImageError
from defocus.pictures.tags import Directory, Structure, read_structure
from defocus.quiet_decoders import QUIET
from defocus.reading import FileBytes, require_file
from defocus.strips import three_colours

RAW_SUFFIXES = frozenset(
    {
        ".arw",
        ".cr2",
        ".cr3",
        ".dng",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".rw2",
        ".srw",
    }
)
"""Suffixes (lower case) of the RAW formats that LibRaw develops."""


def develop_raw(
    path: Path,
    white_balance: Sequence[float] | None = None,
    *,
    linear: bool = False,
    frame: int = 0,
) -> NDArray[np.uint16]:
    """Develop a RAW file to ``(H, W, 3)`` uint16, sRGB primaries, no automatic brightness."""
    # ``white_balance`` are four channel multipliers, None for those of the file; ``frame`` 1 is the
    # second view of a dual-pixel RAW file.
    return _developed(path, white_balance, linear=linear, frame=frame)


def raw_preview(
    path: Path, white_balance: Sequence[float] | None = None
) -> NDArray[np.uint16]:
    """Develop a preview: like :func:`develop_raw`, at half the size and several times as fast."""
    return _developed(path, white_balance, half_size=True)


def _developed(
    path: Path,
    white_balance: Sequence[float] | None,
    *,
    linear: bool = False,
    frame: int = 0,
    half_size: bool = False,
) -> NDArray[np.uint16]:
    import rawpy  # slow to import, and not needed for other pictures

    with _opened(path, frame) as raw:
        return _postprocessed(
            raw,
            half_size=half_size,
            user_wb=list(white_balance or _as_shot(raw)),
            output_color=rawpy.ColorSpace.sRGB,
            gamma=(1, 1) if linear else (2.4, 12.92),
        )


def _postprocessed(raw: Any, **settings: Any) -> NDArray[np.uint16]:  # noqa: ANN401 - a rawpy object
    """``(H, W, 3)`` by LibRaw, without what it would adapt to the picture."""
    import rawpy

    developed = raw.postprocess(
        demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
        user_sat=_white_above_black(raw),
        output_bps=16,
        user_flip=0,
        no_auto_bright=True,
        adjust_maximum_thr=0.0,
        **settings,
    )
    return three_colours(developed)


def camera_light(path: Path) -> NDArray[np.uint16]:
    """Linear light as the sensor saw it, at half size: no white balance, no conversion."""
    # Full development takes ten times as long.
    import rawpy

    with _opened(path) as raw:
        return _postprocessed(
            raw,
            half_size=True,
            user_wb=[1.0, 1.0, 1.0, 1.0],
            output_color=rawpy.ColorSpace.raw,
            gamma=(1, 1),
        )


def _white_above_black(raw: Any) -> int | None:  # noqa: ANN401 - a rawpy object
    """The white level for LibRaw where it would take a wrong one; None where it is right."""
    # LibRaw takes from the white level only the black that all of its four channels have. Linear
    # files have three, so that their white would stay too high by the whole black level.
    levels = raw.black_level_per_channel
    used = levels[:3]
    fourth = levels[3]
    black = min(used)
    if raw.num_colors != 3 or fourth or not black:
        return None
    return int(raw.white_level) - int(black)


def develop_stored(path: Path) -> NDArray[np.uint16]:
    """Develop a RAW file to what its sensor saw: ``(H, W)`` where it is monochrome."""
    developed = develop_raw(path)
    return (
        np.ascontiguousarray(developed[:, :, 0]) if is_monochrome(path) else developed
    )


def has_black_below(path: Path) -> bool:
    """Whether a file is a DNG of linear light above a black level."""
    if path.suffix.lower() != ".dng":
        return False
    try:
        with _opened(path) as raw:
            return _white_above_black(raw) is not None
    except ImageError:  # said where it is read
        return False


def is_monochrome(path: Path) -> bool:
    """Whether the sensor of a RAW file has no colours."""
    with _opened(path) as raw:
        return int(raw.num_colors) == 1


def is_raw(file: Path) -> bool:
    """Whether a file is a camera's RAW file, by its suffix."""
    return file.suffix.lower() in RAW_SUFFIXES


def all_raw(*files: Path) -> bool:
    """Whether all files are RAW files."""
    return all(map(is_raw, files))


def any_raw(*files: Path) -> bool:
    """Whether one of the files is a RAW file."""
    return any(map(is_raw, files))


def develop_pair(
    blurry: Path, sharp: Path
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Develop both members of a pair with the sharp member's white balance."""
    balance = shot_white_balance(sharp)
    return develop_raw(blurry, balance), develop_raw(sharp, balance)


def shot_white_balance(path: Path) -> list[float]:
    """The four as-shot multipliers of a RAW file, or daylight ones if it stores none."""
    with _opened(path) as raw:
        return _as_shot(raw)


def raw_size(path: Path) -> tuple[int, int]:
    """Width and height of a RAW file's picture, px."""
    with _opened(path) as raw:
        return raw.sizes.width, raw.sizes.height


def has_second_frame(path: Path) -> bool:
    """Whether a RAW file holds a second picture that differs from the first."""
    # If there is no second picture, some versions of LibRaw silently return the first one again.
    import rawpy

    with _opened(path) as raw:
        first = raw.raw_image.copy()
    with _opened(path, 1) as raw:
        try:
            return not np.array_equal(first, raw.raw_image)
        except rawpy.LibRawRequestForNonexistentImageError:
            return False


@contextlib.contextmanager
def _opened(path: Path, frame: int = 0) -> Iterator[Any]:
    """Open a RAW file; errors of LibRaw inside the block become an ImageError."""
    import rawpy

    try:
        require_file(path)
        _refuse_layout(path)
        with QUIET, rawpy.imread(str(path), shot_select=frame) as raw:
            yield raw
    except FileError as error:
        raise ImageError(str(error)) from error
    except (rawpy.LibRawError, rawpy.NotSupportedError, OSError) as error:
        raise ImageError(
            f"{path}: RAW file cannot be developed ({_reason(error)}); copy it again"
        ) from error


def _reason(error: Exception) -> str:
    """LibRaw's message, which rawpy returns as bytes."""
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _as_shot(raw: Any) -> list[float]:  # noqa: ANN401 - a rawpy object
    camera = list(raw.camera_whitebalance)
    return camera if any(camera[:3]) else list(raw.daylight_whitebalance)


_FURTHER_DIRECTORIES = 330
_REDUCED = 254
_BASELINE_EXPOSURE = 50730
_DEFAULT_CROP = 50720
_USER_CROP = 51125
"""DNG tag with the part that a person has chosen: top, left, bottom and right, as shares of the
picture."""
_WHOLE = (0, 0, 1, 1)
"""The chosen part where it is the whole picture."""
_BLACK_DELTAS = {50715: "BlackLevelDeltaH", 50716: "BlackLevelDeltaV"}
"""Black by column and by row. LibRaw takes the mean off everywhere."""
_COMPRESSION = 259
_LOSSY_JPEG = 34892
_JPEG_XL = 52546
_CFA_REPEAT = 33421
"""TIFF tag with the rows and columns after which a sensor's colours repeat."""
_READ_REPEATS = {(2, 2), (6, 6)}
"""Rows and columns after which the colours repeat that LibRaw knows."""
_OPCODE_LISTS = (51008, 51009, 51022)
_OPCODES = {
    1: "WarpRectilinear",
    2: "WarpFisheye",
    3: "FixVignetteRadial",
    6: "TrimBounds",
    7: "MapTable",
    8: "MapPolynomial",
    9: "GainMap",
    10: "DeltaPerRow",
    11: "DeltaPerColumn",
    12: "ScalePerRow",
    13: "ScalePerColumn",
    14: "WarpRectilinear2",
}
"""Numbers of the corrections that a DNG asks for and that change brightness or geometry."""
_CURVE = 8
"""The one correction that LibRaw applies, to the values of a lossy DNG."""
_WIDTH = 256
_HEIGHT = 257


def dng_demands(path: Path) -> tuple[str, ...]:
    """Demands of a DNG on a developer that are not met here, in words. Source: DNG 1.7."""
    return tuple(dict.fromkeys(_words_of_dng(path, _demands_of)))


def _refuse_layout(path: Path) -> None:
    """Refuse a DNG whose pixels LibRaw decodes wrongly or not at all."""
    for words in _words_of_dng(path, _refusals_of):
        raise ImageError(f"{path}: {words}")


def _words_of_dng(
    path: Path, words: Callable[[Structure, Directory], Iterable[str]]
) -> list[str]:
    """Words on the directories of a DNG that hold its picture; empty for other files."""
    said: list[str] = []
    if path.suffix.lower() != ".dng":
        return said
    with path.open("rb") as file, contextlib.suppress(FileError):
        structure = read_structure(FileBytes(file))
        if structure is not None:
            for directory in _directories(structure):
                said += words(structure, directory)
    return said


def _refusals_of(structure: Structure, directory: Directory) -> Iterator[str]:
    """Why a directory's pixels are not decoded."""
    if structure.number(directory.entry(_COMPRESSION)) == _JPEG_XL:
        yield (
            "is a DNG of JPEG XL, which LibRaw does not decode here; save it as a DNG "
            "with lossless JPEG, or as TIFF"
        )
    repeat = structure.numbers(directory.entry(_CFA_REPEAT))
    if repeat and repeat not in _READ_REPEATS:
        size = "x".join(map(str, repeat))
        yield f"its sensor repeats its colours after {size} px, which LibRaw does not develop"


def _directories(structure: Structure) -> Iterator[Directory]:
    """The first directory, and those in it that hold the picture at its full size."""
    first = structure.directory(structure.first)
    if first is None:
        return
    yield first
    entry = first.entry(_FURTHER_DIRECTORIES)
    if entry is None or entry.kind not in {4, 13}:
        return
    form = f"{structure.order}{entry.count}I"
    for place in struct.unpack(form, entry.content):
        directory = structure.directory(place)
        if directory is not None and not structure.number(directory.entry(_REDUCED)):
            yield directory


def _demands_of(structure: Structure, directory: Directory) -> Iterator[str]:
    """The demands of one directory."""
    compression = structure.number(directory.entry(_COMPRESSION))
    for tag in _OPCODE_LISTS:
        entry = directory.entry(tag)
        if entry is not None:
            yield from _opcode_names(entry.content, compression)
    for tag, name in _BLACK_DELTAS.items():
        deltas = structure.numbers(directory.entry(tag))
        if len(set(deltas)) > 1:
            yield name
    exposure = structure.numbers(directory.entry(_BASELINE_EXPOSURE))
    if exposure and exposure[0]:
        yield f"BaselineExposure {float(exposure[0]):+.3g} EV"
    size = _cropped_size(structure, directory)
    if size:
        yield f"DefaultCrop to {'x'.join(map(str, size))}"
    chosen = structure.numbers(directory.entry(_USER_CROP))
    if chosen and tuple(chosen) != _WHOLE:
        yield "DefaultUserCrop"


def _cropped_size(structure: Structure, directory: Directory) -> list[int]:
    """Width and height of the part that is wanted; empty if that is the whole picture."""
    crop = directory.entry(_DEFAULT_CROP)
    if crop is None or crop.kind not in {3, 4, 5}:
        return []
    size = [round(side) for side in structure.numbers(crop)]
    width = structure.number(directory.entry(_WIDTH))
    height = structure.number(directory.entry(_HEIGHT))
    return [] if size == [width, height] else size


def _opcode_names(opcodes: bytes, compression: int | None) -> Iterator[str]:
    """Names of the corrections in a list; its numbers are big-endian in each file."""
    number = int.from_bytes(opcodes[:4], "big")
    place = 4
    for _ in range(min(number, len(opcodes) // 16)):
        kind, _, _, size = struct.unpack(
            ">4I", opcodes[place : place + 16].ljust(16, b"\0")
        )
        applied = kind == _CURVE and compression == _LOSSY_JPEG
        if kind in _OPCODES and not applied:
            yield _OPCODES[kind]
        place += 16 + size


def said_of_demands(demands: Sequence[str]) -> str:
    """One line about what a DNG asks for; empty where that is nothing."""
    if not demands:
        return ""
    return f"the DNG asks for what is not applied: {', '.join(demands)}"
