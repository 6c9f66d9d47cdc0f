"""Pictures written to files, at their own bit depth."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures.values import Image
from defocus.quiet_decoders import QUIET
from defocus.storage.files import atomic_path, write_bytes

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def write_image(path: Path, image: Image) -> None:
    """Write a picture atomically; PNG and TIFF keep 16 bits, JPEG has 8 bits and quality 95."""
    suffix = path.suffix.lower()
    if image.dtype == np.uint16 and suffix not in {".png", ".tif", ".tiff"}:
        raise ImageError(f"{path}: {suffix} cannot hold 16 bits; use .png or .tif")
    pixels: NDArray[Any] = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    del image  # if nobody else has it: two copies of a large picture take much memory
    with atomic_path(path) as temporary:
        if suffix == ".png" and _streamed(temporary, pixels):
            return
        temporary.write_bytes(_file_of(pixels, suffix, name=str(path)).data)


JPEG_QUALITY = 95
"""Quality, of 100, of every JPEG and WebP that somebody keeps: its errors are below a picture's
noise."""


def encoded_png(picture: NDArray[Any]) -> bytes:
    """The PNG file of a picture: ``(H, W)``, RGB or RGBA; uint8 or uint16."""
    return _encoded(".png", picture, ())


def encoded_jpeg(picture: NDArray[Any], quality: int = JPEG_QUALITY) -> bytes:
    """The JPEG file of a picture ``(H, W)`` or RGB, uint8, with half as many colours as pixels."""
    return _encoded(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))


def _encoded(suffix: str, picture: NDArray[Any], options: tuple[int, ...]) -> bytes:
    """A file by OpenCV, which takes colours from the last to the first."""
    stored = picture if picture.ndim == 2 else picture[:, :, [2, 1, 0, 3][: picture.shape[2]]]
    return _file_of(stored, suffix, options).tobytes()


LONGEST_JPEG_PX = 65_500

LONGEST_PX = {
    ".jpg": LONGEST_JPEG_PX,
    ".jpeg": LONGEST_JPEG_PX,
    ".webp": 16_383,
    ".png": 1_000_000,
}
"""Longest sides of pictures that the formats take in OpenCV; TIFF and BMP take any."""


def _file_of(
    pixels: NDArray[Any], suffix: str, options: tuple[int, ...] = (), name: str = "a picture"
) -> NDArray[np.uint8]:
    """The file of pixels in OpenCV's order of colours; ``MemoryError`` where memory lacks."""
    if not cv2.haveImageWriter(suffix):
        raise ImageError(f"{name}: no encoder for {suffix}; use .png")
    side = max(pixels.shape[:2])
    longest = LONGEST_PX.get(suffix, side)
    if side > longest:
        raise ImageError(f"{name}: {suffix} holds no side of {side} px, but {longest}; use .tif")
    with QUIET:
        whole, encoded = cv2.imencode(suffix, pixels, options)
    if not whole:  # JPEG's and WebP's libraries do not say why, but nothing else is left
        raise MemoryError
    return np.asarray(encoded, np.uint8)


def through_jpeg(picture: NDArray[np.uint8], quality: int, *, full_colour: bool) -> Image:
    """A picture (RGB) once it went through a JPEG, which keeps colours at half size or whole."""
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        if full_colour
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    )
    options = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    file = np.frombuffer(_encoded(".jpg", picture, options), np.uint8)
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    if decoded is None:  # what was just encoded is whole
        raise MemoryError
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[:, :, ::-1])


def write_float_tiff(path: Path, values: NDArray[np.float32], **layout: Any) -> None:  # noqa: ANN401 - tifffile's
    """Write numbers ``(H, W)`` atomically, without loss; ``layout`` is as tifffile takes it."""
    import tifffile

    with atomic_path(path) as temporary:
        tifffile.imwrite(temporary, values, compression="zlib", **layout)


def write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write a ``.npy`` file atomically; NumPy's own function does not report a full disk."""
    content = io.BytesIO()
    np.save(content, array)
    write_bytes(path, content.getvalue())


def _streamed(path: Path, pixels: NDArray[Any]) -> bool:
    """Write a PNG file piece by piece; False if it is not whole."""
    # Encoding gives the same bytes, but holds them twice, which of 24 megapixels of 16 bits are 250
    # MiB. OpenCV does not say why it fails, be it a full disk or letters in the path on Windows.
    with QUIET:
        written = cv2.imwrite(str(path), pixels)
    if not written or not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(PNG_END), 0))
        return file.read() == PNG_END
