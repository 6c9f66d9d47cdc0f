"""Large PNG files, read without OpenCV, to the bit as it reads them."""

import functools
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import defocus.images
from defocus.errors import ImageError
from defocus.images import read_image, write_image
from defocus.png_pixels import plain_png

SHAPE = (37, 53, 3)
IHDR, IDAT = 33, b"IDAT"
"""Length of signature and header."""


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        len(content).to_bytes(4, "big") + kind + content
        + zlib.crc32(kind + content).to_bytes(4, "big")
    )  # fmt: skip


def png(compressed: Sequence[bytes], bits: int, shape: tuple[int, ...] = SHAPE) -> bytes:
    """A file of given compressed pieces."""
    sides = shape[1].to_bytes(4, "big") + shape[0].to_bytes(4, "big")
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", sides + bytes((bits, 2, 0, 0, 0)))
    return head + b"".join(chunk(IDAT, one) for one in compressed) + chunk(b"IEND", b"")


def filtered(picture: NDArray[np.uint8] | NDArray[np.uint16], kinds: Sequence[int]) -> bytes:
    """The lines of a picture, each with the next of some kinds of filters."""
    step = 3 * picture.itemsize
    big = picture.astype(picture.dtype.newbyteorder(">"))
    lines = np.frombuffer(big.tobytes(), np.uint8).reshape(len(picture), -1).astype(int)
    above = np.zeros_like(lines[0])
    found = b""
    for row, line in enumerate(lines):
        kind = kinds[row % len(kinds)]
        a = np.concatenate([np.zeros(step, int), line[:-step]])
        c = np.concatenate([np.zeros(step, int), above[:-step]])
        to = np.abs(np.stack([above - c, a - c, a + above - 2 * c]))
        nearest = np.choose(to.argmin(axis=0), [a, above, c])
        guess = (0 * line, a, above, (a + above) // 2, nearest)[min(kind, 4)]
        found += bytes([kind]) + ((line - guess) % 256).astype(np.uint8).tobytes()
        above = line
    return found


def drawn(bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    draws = np.random.default_rng(bits)
    if bits == 8:
        return draws.integers(0, 256, SHAPE, dtype=np.uint8)
    return draws.integers(0, 2**16, SHAPE, dtype=np.uint16)


def by_opencv(data: bytes) -> NDArray[np.uint8] | None:
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if read is None else np.asarray(read[:, :, ::-1])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kinds", [(0,), (1,), (2,), (3,), (4,), (4, 1, 3, 0, 2)])
def test_every_filter_is_undone(bits: int, kinds: Sequence[int]) -> None:
    picture = drawn(bits)
    packed = zlib.compress(filtered(picture, kinds))
    data = png([packed[:7], packed[7:900], packed[900:]], bits)
    read = plain_png(data)
    assert read is not None
    assert read.dtype == picture.dtype
    np.testing.assert_array_equal(read, picture)
    np.testing.assert_array_equal(by_opencv(data), picture)


def test_pieces_of_a_file_may_end_within_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("defocus.png_pixels.PIECE_BYTES", 100)
    picture = drawn(16)
    read = plain_png(png([zlib.compress(filtered(picture, (4, 2)))], 16))
    np.testing.assert_array_equal(read, picture)


def test_chunks_that_tell_of_the_picture_change_nothing() -> None:
    data = png([zlib.compress(filtered(drawn(8), (4,)))], 8)
    told = chunk(b"gAMA", (45455).to_bytes(4, "big")) + chunk(b"tEXt", b"Title\0a wall")
    longer = data[:IHDR] + told + data[IHDR:-12] + chunk(b"tIME", bytes(7)) + data[-12:]
    np.testing.assert_array_equal(plain_png(longer), drawn(8))
    np.testing.assert_array_equal(by_opencv(longer), drawn(8))


@functools.cache
def unusual() -> dict[str, bytes]:
    lines = filtered(drawn(8), (1,))
    packed = zlib.compress(lines)
    data = png([packed], 8)
    header = data[16:29]
    return {
        "transparent colour": data[:IHDR] + chunk(b"tRNS", bytes(6)) + data[IHDR:],
        "palette": data[:IHDR] + chunk(b"PLTE", bytes(6)) + data[IHDR:],
        "interlaced": data[:8] + chunk(b"IHDR", header[:-1] + b"\1") + data[IHDR:],
        "grey": data[:8] + chunk(b"IHDR", header[:9] + b"\0" + header[10:]) + data[IHDR:],
        "no size": data[:8] + chunk(b"IHDR", bytes(8) + header[8:]) + data[IHDR:],
        "unknown filter": png([zlib.compress(b"\7" + lines[1:])], 8),
        "a line is missing": png([zlib.compress(lines[: -len(lines) // 37])], 8),
        "a line too many": png([zlib.compress(lines + lines[: len(lines) // 37])], 8),
        "more after the pixels": png([packed + b"more"], 8),
        "wrong sum of the pixels": png([packed[:-1] + bytes([packed[-1] ^ 1])], 8),
        "wrong sum of a chunk": data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        "pixels in two places": png([packed[:90]], 8)[:-12] + chunk(b"PLTE", b"") + data[IHDR:],
        "no pixels": png([], 8),
        "cut short": data[:-13],
        "no end": data[:-12],
        "another kind of file": b"II*\0" + data,
        "nothing": b"",
    }


@pytest.mark.parametrize("name", unusual())
def test_what_is_unusual_or_damaged_is_left_to_opencv(name: str) -> None:
    assert plain_png(unusual()[name]) is None


def test_64_mib_too_many_are_left_to_opencv() -> None:
    assert plain_png(png([zlib.compress(filtered(drawn(8), (1,)) + bytes(2**26))], 8)) is None


@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_read_of_changed_files_is_what_opencv_reads(bits: int) -> None:
    data = png([zlib.compress(filtered(drawn(bits), (4, 3)))], bits)
    draws = np.random.default_rng(bits)
    for _ in range(300):
        changed = bytearray(data)
        changed[draws.integers(len(data))] ^= 1 << draws.integers(8)
        read = plain_png(bytes(changed))
        if read is not None:
            np.testing.assert_array_equal(read, by_opencv(bytes(changed)))


def test_a_large_file_is_read_without_opencv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a damaged one is refused as any other."""
    path = tmp_path / "large.png"
    picture = np.random.default_rng(0).integers(0, 2**16, (1200, 1300, 3), dtype=np.uint16)
    write_image(path, picture)
    data = path.read_bytes()
    assert len(data) >= defocus.images.LARGE_PNG_BYTES
    path.write_bytes(data[:4_000_000] + bytes(100_000) + data[4_100_000:])
    with pytest.raises(ImageError, match=r"large.png: "):
        read_image(path)
    path.write_bytes(data)
    monkeypatch.setattr("defocus.images._of_opencv", None)
    np.testing.assert_array_equal(read_image(path), picture)
