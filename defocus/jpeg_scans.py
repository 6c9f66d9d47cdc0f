"""Whether a JPEG has all of its parts, for whose lack libjpeg only prints a warning.

Source: ITU-T T.81, annexes B (markers) and G (progressive)."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.picture_headers import JPEG_FRAMES, jpeg_scan_start, jpeg_segments

_START, _SCAN, _END = 0xD8, 0xDA, 0xD9
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_COEFFICIENTS = 64
_MORE = bytes(range(255)) * 8

_HEADERS = JPEG_FRAMES | {0xF7}
_USUAL_HEADERS = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_JPEG_LS = 0xF7

Decode = Callable[[bytes], NDArray[Any]]


def jpeg_oddity(data: bytes) -> str:
    """The variant of JPEG that decoders of photographs lack; empty for usual and other files."""
    if data[:2] != b"\xff\xd8":
        return ""
    for kind, place in jpeg_segments(data):
        if kind == _START:
            return "is a JPEG that begins twice"
        if kind in _HEADERS:
            bits, *height = data[place + 4 : place + 7].ljust(3, b"\0")
            if kind not in _USUAL_HEADERS:
                return "is JPEG-LS" if kind == _JPEG_LS else "is a lossless or hierarchical JPEG"
            if bits != 8:
                return f"is a JPEG of {bits} bits"
            return "" if any(height) else "is a JPEG that says its height behind the picture"
    return ""


def lacks_a_part(data: bytes, picture: NDArray[Any], decode: Decode) -> bool:
    """Whether part of a JPEG is missing; a gap of less than a row or so may pass."""
    # Restart markers count from 0 to 7 over and over. Without them, data that end early leave the
    # last corner grey, and bytes before the end marker change it. All scans must be there, the last
    # complete.
    start = jpeg_scan_start(data)
    segments = jpeg_segments(data)
    scans = [at for kind, at in segments if kind == _SCAN]
    end = next((at for kind, at in segments if kind == _END), len(data))
    if not _every_detail(data, segments):
        return True
    if len(scans) > 1:
        return _wants_more(data, end, b"", picture, decode)
    restarts = b"".join(re.findall(rb"\xff([\xd0-\xd7])", data[start:end]))
    if any(number != 0xD0 + index % 8 for index, number in enumerate(restarts)):
        return True
    if np.any(picture[-8:, -8:] != 128):
        return False
    following = b"\xff" + bytes([0xD0 + len(restarts) % 8]) if restarts else b""
    return _wants_more(data, end, following, picture, decode)


def _wants_more(
    data: bytes, end: int, following: bytes, picture: NDArray[Any], decode: Decode
) -> bool:
    """Whether bytes in front of the end marker change the picture."""
    return not np.array_equal(decode(data[:end] + following + _MORE + data[end:]), picture)


def _every_detail(data: bytes, segments: list[tuple[int, int]]) -> bool:
    """Whether the scans give each coefficient of each colour to its last bit."""
    frame = next((at for kind, at in segments if kind in _FRAMES), None)
    if frame is None:
        return True  # of a rare kind, without scans that add to each other
    colours = [data[frame + 10 + 3 * index] for index in range(data[frame + 9])]
    missing = {colour: np.full(_COEFFICIENTS, True) for colour in colours}
    for kind, at in segments:
        if kind == _SCAN:
            named = data[at + 5 : at + 5 + 2 * data[at + 4]]
            spectrum = data[at + 5 + len(named) : at + 8 + len(named)]
            if len(spectrum) < 3 or not missing.keys() >= {*named[::2]}:
                return False  # damaged
            first, last, bits = spectrum
            for colour in named[::2]:
                missing[colour][first : last + 1] = (bits & 15) != 0
    return not any(lack.any() for lack in missing.values())
