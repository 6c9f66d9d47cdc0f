"""Write pictures: plain, or with what their files held besides the pixels."""

import base64
import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures import PICTURE_TYPE
from defocus.pictures.blocks import without_thumbnails
from defocus.pictures.bmp import encoded_bmp
from defocus.pictures.carried import png_with, pointing, remarks_after
from defocus.pictures.headers import SUFFIXES
from defocus.pictures.heif import HEIF_KINDS
from defocus.pictures.jpeg import (
    COMMENT,
    EXIF,
    PHOTOSHOP,
    XMP,
    JpegParts,
    Segment,
    parted,
    with_changed,
    with_segments,
)
from defocus.pictures.metadata import Metadata
from defocus.pictures.png import png_chunk, png_of_grey_and_alpha, png_of_lines
from defocus.pictures.tags import thumbnail_of, with_thumbnail
from defocus.pictures.tiff import (
    TiffTags,
    further_entries,
    kept_entries,
    tiff_tags,
    with_tags,
)
from defocus.pictures.values import Image, has_alpha, without_alpha
from defocus.pictures.webp import with_further_chunks
from defocus.quiet_decoders import QUIET
from defocus.storage.files import atomic_path, write_bytes
from defocus.strips import Bytes, Pixels, strips

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def write_image(path: Path, image: Image) -> None:
    """Write a picture atomically; PNG and TIFF keep 16 bits, JPEG has 8 bits and quality 95."""
    suffix = path.suffix.lower()
    if image.dtype == np.uint16 and suffix not in {".png", ".tif", ".tiff"}:
        raise ImageError(f"{path}: {suffix} cannot hold 16 bits; use .png or .tif")
    pixels: Pixels = (
        image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    )
    del image  # if nobody else has it: two copies of a large picture take much memory
    with atomic_path(path) as temporary:
        if suffix == ".png" and _streamed(temporary, pixels):
            return
        temporary.write_bytes(_file_of(pixels, suffix, name=str(path)).data)


JPEG_QUALITY = 95
"""Quality (of 100) of every JPEG and WebP that somebody keeps. At 95, errors are below a picture's
noise."""


def encoded_lossless(picture: Pixels) -> bytes:
    """The PNG file of a picture: ``(H, W)``, RGB or RGBA; uint8 or uint16."""
    return _encoded(".png", picture, ())


def data_address(picture: Pixels) -> str:
    """The address by which a page holds a picture in itself: ``(H, W)``, RGB or RGBA."""
    return address_of(encoded_lossless(picture), PICTURE_TYPE)


def address_of(content: bytes, media_type: str = PICTURE_TYPE) -> str:
    """The address by which a page holds the content of a file in itself."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def encoded_jpeg(picture: Pixels, quality: int = JPEG_QUALITY) -> bytes:
    """The JPEG file of a picture ``(H, W)`` or RGB, uint8; colours have half the resolution."""
    return _encoded(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))


def _encoded(suffix: str, picture: Pixels, options: tuple[int, ...]) -> bytes:
    """A file by OpenCV, which takes colours from the last to the first."""
    if picture.ndim == 3:
        order = [2, 1, 0, 3][: picture.shape[2]]
        picture = picture[:, :, order]
    return _file_of(picture, suffix, options).tobytes()


LONGEST_JPEG_PX = 65_500

LONGEST_PX = {
    ".jpg": LONGEST_JPEG_PX,
    ".jpeg": LONGEST_JPEG_PX,
    ".webp": 16_383,
    ".png": 1_000_000,
}
"""Longest sides of pictures that the formats take in OpenCV; TIFF and BMP take any."""


def _file_of(
    pixels: Pixels,
    suffix: str,
    options: tuple[int, ...] = (),
    name: str = "a picture",
) -> Bytes:
    """The file of pixels in OpenCV's order of colours; ``MemoryError`` if memory is short."""
    if not cv2.haveImageWriter(suffix):
        raise ImageError(f"{name}: no encoder for {suffix}; use .png")
    side = max(pixels.shape[:2])
    longest = LONGEST_PX.get(suffix, side)
    if side > longest:
        raise ImageError(
            f"{name}: {suffix} holds no side of {side} px, but {longest}; use .tif"
        )
    with QUIET:
        whole, encoded = cv2.imencode(suffix, pixels, options)
    # JPEG's and WebP's libraries do not say why, but nothing else is left
    if not whole:
        raise MemoryError
    return np.asarray(encoded, np.uint8)


def through_jpeg(picture: Bytes, quality: int, *, full_colour: bool) -> Image:
    """A picture ``(H, W)`` or RGB after JPEG compression, with colours at half size or whole."""
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        if full_colour
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    )
    options = (
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        sampling,
    )
    file = np.frombuffer(_encoded(".jpg", picture, options), np.uint8)
    decoded = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
    if decoded is None:  # what was just encoded is whole
        raise MemoryError
    colours = np.asarray(decoded, np.uint8)
    if colours.ndim == 2:
        return colours
    return np.ascontiguousarray(colours[:, :, ::-1])


def write_float_tiff(path: Path, values: NDArray[np.float32], **layout: Any) -> None:  # noqa: ANN401 - tifffile's
    """Write numbers ``(H, W)`` atomically, without loss; ``layout`` is as tifffile takes it."""
    import tifffile

    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            values,
            compression="zlib",
            **layout,
        )


def write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write a ``.npy`` file atomically; NumPy's own function does not report a full disk."""
    content = io.BytesIO()
    np.save(content, array)
    write_bytes(path, content.getvalue())


def _streamed(path: Path, pixels: Pixels) -> bool:
    """Write a PNG file piece by piece; False if it is not whole."""
    # Encoding gives the same bytes, but holds them twice, which of 24 megapixels of 16 bits are 250
    # MiB. OpenCV does not say why it fails, be it a full disk or letters in the path on Windows.
    with QUIET:
        written = cv2.imwrite(str(path), pixels)
    if not written or not path.is_file():
        return False
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(size - len(PNG_END), 0))
        return file.read() == PNG_END


_THUMBNAIL_QUALITIES = (90, 75, 50, 25)
_MOST_XMP_BYTES = 65_000
_THUMBNAIL_PX = (160, 120)
_STRIP_ROWS = 64
"""Rows of a PNG that are written at once; they fit into the processor's cache."""


def written_kind(path: Path, given: Path, metadata: Metadata) -> str:
    """The format in which a picture is written: that of the file, or the one its new name says."""
    suffix = path.suffix.lower()
    read_only = metadata.kind in HEIF_KINDS  # a JPEG XL may be called .png
    if suffix == given.suffix.lower() and metadata.kind and not read_only:
        return metadata.kind
    for kind, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return kind
    return "PNG"


def write_picture(
    path: Path,
    picture: Pixels,
    metadata: Metadata,
    kind: str = "",
) -> None:
    """Write a picture atomically, with the metadata that its format can hold."""
    # Grey ``(H, W)``, with alpha ``(H, W, 2)`` (not JPEG), RGB or RGBA; uint8, uint16 (PNG
    # and TIFF only) or floats (TIFF only). The suffix decides if ``kind`` is empty.
    kind = kind or written_kind(path, path, Metadata())
    try:
        write_bytes(path, encoded_picture(picture, metadata, kind))
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error


def encoded_picture(picture: Pixels, metadata: Metadata, kind: str) -> bytes:
    """The file of a picture; see :func:`write_picture`."""
    encoders = {"JPEG": _jpeg, "WebP": _webp, "BMP": _bmp}
    if kind == "TIFF":
        return _tiff(picture, metadata)
    if kind == "PNG" and picture.dtype.kind == "u":
        return _png(picture, metadata)
    if kind not in encoders or picture.dtype != np.uint8:
        raise ImageError(
            f"{kind} cannot hold {picture.dtype}; save the picture as TIFF first"
        )
    return encoders[kind](picture, metadata)


def foreseen_remarks(picture: Pixels, metadata: Metadata, kind: str) -> tuple[str, ...]:
    """Remarks on what a written picture will lack of its file, before the work is done."""
    # It is seen by writing one pixel with everything else.
    pixel = np.ascontiguousarray(picture[:1, :1])
    return remarks_after(encoded_picture(pixel, metadata, kind), metadata, kind)


def _with_new_thumbnail(exif: bytes, picture: Pixels) -> bytes:
    """An EXIF block whose thumbnail shows this picture instead of the old one."""
    old = thumbnail_of(exif)
    if not old:
        return with_thumbnail(exif, b"")
    colours = _eight_bits(picture)
    wide, high = _size_of(old)
    height, width = colours.shape[:2]
    scale = min(wide / width, high / height, 1.0)
    new_width = max(round(width * scale), 1)
    new_height = max(round(height * scale), 1)
    size = (new_width, new_height)
    small = np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_AREA))
    for quality in _THUMBNAIL_QUALITIES:
        jpeg = encoded_jpeg(small, quality)
        if len(jpeg) <= len(old):
            return with_thumbnail(exif, jpeg)
    return with_thumbnail(exif, b"")


def _eight_bits(picture: Pixels) -> Bytes:
    """Colours of 8 bits, without transparency."""
    colours = without_alpha(picture)
    integers = colours.dtype.kind == "u"
    most = np.iinfo(colours.dtype).max if integers else 1
    eight = np.empty(colours.shape, np.uint8)
    for rows in strips(len(eight)):
        scaled = colours[rows].astype(np.float32)
        scaled *= 255 / most
        eight[rows] = np.clip(scaled, 0, 255, out=scaled)
    return eight


def _size_of(jpeg: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg)) as opened:
            return opened.size
    except (OSError, SyntaxError, ValueError):
        return _THUMBNAIL_PX


def _jpeg(picture: Pixels, metadata: Metadata) -> bytes:
    from PIL import Image

    if has_alpha(picture):
        raise ImageError("JPEG cannot hold transparency; use .png")
    given = metadata.parts
    stream = io.BytesIO()
    profile = None if isinstance(given, JpegParts) else metadata.icc or None
    Image.fromarray(picture).save(
        stream,
        "JPEG",
        quality=JPEG_QUALITY,
        subsampling=0,
        icc_profile=profile,
    )
    blocks = {
        (0xE1, EXIF): _with_new_thumbnail(metadata.exif, picture),
        (0xED, PHOTOSHOP): without_thumbnails(metadata.resources),
    }
    xmp = pointing(metadata, "JPEG")
    if not isinstance(given, JpegParts):
        segments = _new_segments(blocks, xmp, metadata.comments)
        return with_segments(stream.getvalue(), JpegParts((), 0, b""), segments)
    blocks |= {(0xE1, XMP): xmp} if xmp != metadata.xmp else {}
    changed = with_changed(given.segments, blocks, profile=bool(metadata.icc))
    return with_segments(stream.getvalue(), given, tuple(changed))


def _new_segments(
    blocks: dict[tuple[int, bytes], bytes], xmp: bytes, comments: Iterable[bytes]
) -> tuple[Segment, ...]:
    """Metadata from another format as segments."""
    if len(xmp) < _MOST_XMP_BYTES:
        blocks = {**blocks, (0xE1, XMP): xmp}
    segments = []
    for (marker, begin), content in blocks.items():
        segments += parted(marker, begin, content)
    segments += [Segment(COMMENT, comment) for comment in comments]
    return tuple(segments)


def _png(picture: Pixels, metadata: Metadata) -> bytes:
    encode = png_of_grey_and_alpha if picture.shape[2:] == (2,) else encoded_lossless
    exif = _with_new_thumbnail(metadata.exif, picture)
    return png_with(encode(picture), metadata, exif)


def write_uncompressed(path: Path, picture: Bytes, metadata: Metadata) -> None:
    """Write a PNG without compression, for what is only shown: 24 MP in 0.2 s instead of 2 s."""
    frame = png_with(png_of_lines(picture, b""), metadata, metadata.exif)
    begin, _, end = frame.partition(png_chunk(b"IDAT", b""))
    packing = zlib.compressobj(0)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(begin)
        for top in range(0, len(picture), _STRIP_ROWS):
            strip = picture[top : top + _STRIP_ROWS]
            rows = strip.reshape(len(strip), -1)
            # filter 0, None
            line_bytes = 1 + rows.shape[1]
            lines = np.zeros((len(strip), line_bytes), np.uint8)
            lines[:, 1:] = rows
            file.write(png_chunk(b"IDAT", packing.compress(lines.data)))
        file.write(png_chunk(b"IDAT", packing.flush()))
        file.write(end)


def _webp(picture: Pixels, metadata: Metadata) -> bytes:
    from PIL import Image

    settings: dict[str, Any] = {"quality": JPEG_QUALITY, "exact": True}
    if metadata.lossless:
        settings["lossless"] = True
    exif = _with_new_thumbnail(metadata.exif, picture)
    blocks = {
        "exif": exif,
        "xmp": pointing(metadata, "WebP"),
        "icc_profile": metadata.icc,
    }
    settings |= {name: content for name, content in blocks.items() if content}
    stream = io.BytesIO()
    try:
        Image.fromarray(picture).save(stream, "WEBP", **settings)
    except (OSError, ValueError) as error:
        raise ImageError(f"WebP cannot hold the picture ({error}); use .png") from error
    encoded = stream.getvalue()
    if not isinstance(metadata.parts, bytes):
        return encoded
    return with_further_chunks(encoded, metadata.parts)


def _bmp(picture: Pixels, metadata: Metadata) -> bytes:
    head = metadata.parts if isinstance(metadata.parts, bytes) else b""
    return encoded_bmp(picture, head)


def _tiff(picture: Pixels, metadata: Metadata) -> bytes:
    """The pixels by tifffile, then a directory with all tags, which tifffile cannot write."""
    import tifffile

    given = metadata.parts
    has_tags = isinstance(given, TiffTags)
    tags = given if isinstance(given, TiffTags) else tiff_tags(metadata.exif)
    values = picture.shape[2:]
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        picture,
        byteorder="<" if tags.order == "<" else ">",
        bigtiff=False,
        photometric="minisblack" if values in {(), (2,)} else "rgb",
        planarconfig="contig" if values else None,
        extrasamples=["unassalpha"] if has_alpha(picture) else None,
        compression="zlib",
        predictor=picture.dtype.kind == "u",
        metadata=None,
        software=False,
        iccprofile=None if has_tags else metadata.icc or None,
    )
    image = kept_entries(tags, values, profile=bool(metadata.icc))
    if not has_tags:
        image += further_entries(pointing(metadata, "TIFF"), metadata.resources)
    return with_tags(stream.getvalue(), image, tags.directories)
