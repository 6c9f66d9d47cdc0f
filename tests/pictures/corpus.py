"""A corpus of odd pictures: each kind of file that programs and cameras write, made from one scene.

``write_corpus(folder)`` writes the same bytes on each machine with the same libraries.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from tests.capture.raw_sessions import bayer_dng

Pixels = NDArray[Any]
HEIGHT, WIDTH = 40, 56
PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
CIE_TO_CAMERA = [3, 1, -1, 1, 0, 1, -1, 1, 2, 1, 0, 1, 0, 1, 0, 1, 1, 1]
"""Nine fractions: the colour matrix of the DNG files."""


def scene(seed: int = 0) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8: soft colours and an edge, without a symmetry."""
    cells = np.random.default_rng(seed).integers(20, 236, (6, 8, 3), np.uint8)
    picture = cv2.resize(cells, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture[5:12, 8:30] = (250, 240, 230)
    return np.asarray(picture, np.uint8)


def deep(picture: Pixels | None = None) -> NDArray[np.uint16]:
    """The scene in 16 bits, with values between those of 8 bits."""
    eight = scene() if picture is None else picture
    low = np.random.default_rng(5).integers(0, 256, eight.shape, np.uint16)
    return eight.astype(np.uint16) * 256 + low


def alpha() -> NDArray[np.uint8]:
    """``(H, W, 1)`` uint8: a ramp that begins at fully transparent."""
    ramp = np.linspace(0, 255, WIDTH).astype(np.uint8)
    return np.repeat(ramp[None, :, None], HEIGHT, axis=0)


def grey() -> NDArray[np.uint8]:
    """``(H, W)`` uint8."""
    return np.asarray(cv2.cvtColor(scene(), cv2.COLOR_RGB2GRAY), np.uint8)


def exif_of(orientation: int = 6) -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x010F], exif[0x0112], exif[0x0131] = "maker", orientation, "a program"
    exif.get_ifd(0x8769)[0x829A] = 0.01
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0words"
    return exif


def profile() -> bytes:
    """Display P3 made by its primaries would need a library; linear XYZ has a profile in Pillow."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:24] + bytes(12) + made[36:]  # without the moment at which it was made


def saved(picture: Pixels, kind: str, **settings: Any) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(picture).save(stream, kind, **settings)
    return stream.getvalue()


def tiff(picture: Pixels, **settings: Any) -> bytes:
    stream = io.BytesIO()
    settings.setdefault(
        "photometric", "rgb" if picture.shape[-1] in {3, 4} else "minisblack"
    )
    settings.setdefault("metadata", None)
    settings.setdefault("software", False)
    with warnings.catch_warnings(action="ignore"):
        tifffile.imwrite(stream, picture, **settings)
    return stream.getvalue()


def opencv(picture: Pixels, end: str) -> bytes:
    stored = (
        picture
        if picture.ndim == 2
        else picture[:, :, [2, 1, 0, 3][: picture.shape[2]]]
    )
    return cv2.imencode(end, stored)[1].tobytes()


def png_chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png_with(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with further chunks behind its header."""
    return png[:33] + b"".join(png_chunk(*one) for one in chunks) + png[33:]


def png_of_grey_and_alpha(bits: int) -> bytes:
    both = np.dstack([grey()[:, :, None], alpha()])
    if bits == 8:
        return saved(both, "PNG")
    rows = (both.astype(">u2") * 257).reshape(HEIGHT, -1).view(np.uint8)
    lines = np.zeros((HEIGHT, 1 + rows.shape[1]), np.uint8)
    lines[:, 1:] = rows
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 4, 0, 0, 0)
    pixels = zlib.compress(lines.tobytes())
    chunks = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*one) for one in chunks)


def animation() -> bytes:
    frames = [Pillow.fromarray(scene(seed)) for seed in (0, 1)]
    stream = io.BytesIO()
    frames[0].save(
        stream, "PNG", save_all=True, append_images=frames[1:], default_image=True
    )
    return stream.getvalue()


def _pngs() -> Iterator[tuple[str, bytes]]:
    yield "rgb8.png", opencv(scene(), ".png")
    yield "rgb16.png", opencv(deep(), ".png")
    yield "grey8.png", opencv(grey(), ".png")
    yield "grey16.png", opencv(deep(grey()), ".png")
    yield "grey-alpha8.png", png_of_grey_and_alpha(8)
    yield "grey-alpha16.png", png_of_grey_and_alpha(16)
    yield "rgba8.png", opencv(np.dstack([scene(), alpha()]), ".png")
    yield (
        "rgba16.png",
        opencv(np.dstack([deep(), alpha().astype(np.uint16) * 257]), ".png"),
    )
    palette = Pillow.fromarray(scene()).quantize(16)
    stream = io.BytesIO()
    palette.save(stream, "PNG", transparency=bytes([0, 128, 255]))
    yield "palette.png", stream.getvalue()
    yield "one-bit.png", saved(grey() > 128, "PNG")
    level = struct.pack(">H", int(grey()[0, 0]))
    yield (
        "grey-with-a-transparent-level.png",
        png_with(opencv(grey(), ".png"), (b"tRNS", level)),
    )
    colour = struct.pack(">3H", *map(int, scene()[0, 0]))
    yield (
        "rgb-with-a-transparent-colour.png",
        png_with(opencv(scene(), ".png"), (b"tRNS", colour)),
    )
    yield "animated.png", animation()
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    yield "linear-by-gamma.png", png_with(opencv(scene(), ".png"), gamma)
    yield (
        "tagged.png",
        saved(scene(), "PNG", exif=exif_of(), icc_profile=profile(), dpi=(300, 300)),
    )
    yield "without-end.png", opencv(scene(), ".png")[:-12]


def inks() -> NDArray[np.uint8]:
    return np.asarray(Pillow.fromarray(scene()).convert("CMYK"))


def jpeg_with_two_pictures() -> bytes:
    """A JPEG with a second one behind it, as motion and gain-map photographs are."""
    return saved(scene(), "JPEG", quality=92) + saved(grey(), "JPEG", quality=80)


def _jpegs() -> Iterator[tuple[str, bytes]]:
    yield "rgb.jpg", saved(scene(), "JPEG", quality=92)
    yield "grey.jpg", saved(grey(), "JPEG", quality=92)
    yield "progressive.jpg", saved(scene(), "JPEG", quality=92, progressive=True)
    stream = io.BytesIO()
    Pillow.fromarray(inks(), "CMYK").save(stream, "JPEG", quality=92)
    yield "inks.jpg", stream.getvalue()
    words = {"exif": exif_of(), "icc_profile": profile(), "comment": b"a comment"}
    yield "tagged.jpg", saved(scene(), "JPEG", quality=92, xmp=PACKET, **words)
    yield "two-pictures.jpg", jpeg_with_two_pictures()
    gain_map = PACKET.replace(
        b"><", b" xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'><"
    )
    with_map = saved(scene(), "JPEG", quality=92, xmp=gain_map)
    map_of_it = saved(grey(), "JPEG", quality=80, xmp=gain_map + b"hdrgm:")
    yield "gain-map.jpg", with_map + map_of_it
    yield "called-png.png", saved(scene(), "JPEG", quality=92)


def packed(picture: Pixels, bits: int) -> bytes:
    """A TIFF file of grey whose values are packed without gaps."""
    rows = [
        np.packbits(
            np.unpackbits(row.astype(">u2").view(np.uint8)).reshape(-1, 16)[
                :, 16 - bits :
            ]
        )
        for row in picture
    ]
    pixels = b"".join(row.tobytes() for row in rows)
    entries = [
        (256, 4, WIDTH),
        (257, 4, HEIGHT),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, HEIGHT),
        (279, 4, len(pixels)),
    ]
    table = b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value)
        for tag, kind, value in entries
    )
    place = 8 + len(pixels) + len(pixels) % 2
    body = (
        pixels.ljust(place - 8, b"\0")
        + struct.pack("<H", len(entries))
        + table
        + bytes(4)
    )
    return b"II*\0" + struct.pack("<I", place) + body


OME = f"""<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">
<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{WIDTH}" SizeY="{HEIGHT}"
 SizeC="1" SizeZ="2" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
<TiffData IFD="0" PlaneCount="2"/></Pixels></Image></OME>"""
"""The description by which microscopes lay out the pages of a file."""


def _tiffs() -> Iterator[tuple[str, bytes]]:
    yield "rgb8.tif", tiff(scene(), compression="zlib")
    yield "rgb16.tif", tiff(deep(), compression="zlib", predictor=True)
    yield "big-endian.tif", tiff(deep(), byteorder=">")
    yield "bigtiff.tif", tiff(deep(), bigtiff=True)
    yield "tiled.tif", tiff(scene(), tile=(16, 16), compression="lzw")
    planes = np.moveaxis(scene(), 2, 0)
    yield "planar.tif", tiff(planes, photometric="rgb", planarconfig="separate")
    light = (deep() / 65535).astype(np.float32)
    yield "float32.tif", tiff(light)
    yield "float16.tif", tiff(light.astype(np.float16))
    yield "float64.tif", tiff(light.astype(np.float64))
    yield "float-to-255.tif", tiff(scene().astype(np.float32))
    yield "float-beyond-white.tif", tiff(light * 1.5 - 0.1)
    spoiled = light.copy()
    spoiled[3, 4] = np.nan
    yield "float-with-nan.tif", tiff(spoiled)
    yield "grey8.tif", tiff(grey())
    yield "grey16.tif", tiff(deep(grey()))
    yield "white-is-zero16.tif", tiff(65535 - deep(grey()), photometric="miniswhite")
    both = np.dstack([deep(grey())[:, :, None], alpha().astype(np.uint16) * 257])
    form = {"photometric": "minisblack", "planarconfig": "contig"}
    yield "grey-alpha16.tif", tiff(both, extrasamples=["unassalpha"], **form)
    multiplied = np.rint(scene() * (alpha() / 255)).astype(np.uint8)
    with_share = np.dstack([multiplied, alpha()])
    yield "multiplied-alpha.tif", tiff(with_share, extrasamples=["assocalpha"])
    yield (
        "unstated-value.tif",
        tiff(np.dstack([scene(), alpha()]), extrasamples=["unspecified"]),
    )
    yield "inks.tif", tiff(inks(), photometric="separated")
    ink_planes = np.moveaxis(inks(), 2, 0)
    yield (
        "inks-planar.tif",
        tiff(ink_planes, photometric="separated", planarconfig="separate"),
    )
    yield "palette.tif", saved(np.asarray(grey() // 16), "TIFF")
    for bits in (10, 12, 14):
        yield f"packed-{bits}.tif", packed(deep(grey()) >> (16 - bits), bits)
    yield "imagej.tif", tiff(np.stack([grey(), grey()]), imagej=True, metadata={})
    shaped = tiff(np.stack([scene(), scene(1)]), metadata={"axes": "QYXS"})
    yield "shaped.tif", shaped
    yield "ome.tif", tiff(np.stack([deep(grey()), deep(grey())]), description=OME)
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as file:
        for seed in (0, 1):
            file.write(scene(seed), photometric="rgb", metadata=None, software=False)
    yield "pages.tif", pages.getvalue()
    tags = [(274, "H", 1, 3, True), (700, "B", len(PACKET), PACKET, True)]
    yield (
        "tagged.tif",
        tiff(deep(), extratags=tags, iccprofile=profile(), resolution=(300, 300)),
    )


def _webps() -> Iterator[tuple[str, bytes]]:
    yield "lossy.webp", saved(scene(), "WEBP", quality=90)
    yield "lossless.webp", saved(scene(), "WEBP", lossless=True)
    yield "alpha.webp", saved(np.dstack([scene(), alpha()]), "WEBP", lossless=True)
    yield (
        "tagged.webp",
        saved(scene(), "WEBP", exif=exif_of(), xmp=PACKET, icc_profile=profile()),
    )


def bmp_of_fields(bits: int, masks: tuple[int, ...], rows: bytes) -> bytes:
    head = struct.pack(
        "<IiiHHIIiiII", 56, WIDTH, -HEIGHT, 1, bits, 3, 0, 2835, 2835, 0, 0
    )
    head += struct.pack("<4I", *masks)
    size = 14 + len(head) + len(rows)
    return struct.pack("<2sIHHI", b"BM", size, 0, 0, 14 + len(head)) + head + rows


def _bmps() -> Iterator[tuple[str, bytes]]:
    yield "rgb.bmp", opencv(scene(), ".bmp")
    yield "grey.bmp", saved(grey(), "BMP")
    yield (
        "palette.bmp",
        saved(np.asarray(Pillow.fromarray(scene()).quantize(16)), "BMP"),
    )
    small = scene().astype(np.uint16)
    words = (
        (small[:, :, 0] >> 3 << 11) | (small[:, :, 1] >> 2 << 5) | (small[:, :, 2] >> 3)
    )
    rows = words.astype("<u2").tobytes()
    yield "fields-565.bmp", bmp_of_fields(16, (0xF800, 0x07E0, 0x001F, 0), rows)
    values = np.dstack([scene()[:, :, ::-1], alpha()])
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "alpha.bmp", bmp_of_fields(32, masks, values.tobytes())


def _heifs() -> Iterator[tuple[str, bytes]]:
    """Of the extra ``heif``; none without its packages."""
    yield "rgb8.avif", saved(scene(), "AVIF", quality=90)
    try:
        import imagecodecs
        import pillow_heif
    except ImportError:
        return
    stream = io.BytesIO()
    pillow_heif.from_pillow(Pillow.fromarray(scene())).save(stream, quality=90)
    yield "rgb8.heic", stream.getvalue()
    stream = io.BytesIO()
    sixteen = pillow_heif.from_bytes("RGB;16", (WIDTH, HEIGHT), deep().tobytes())
    sixteen.save(stream, quality=90)
    yield "rgb10.heic", stream.getvalue()
    stream = io.BytesIO()
    several = pillow_heif.from_pillow(Pillow.fromarray(scene()))
    several.add_from_pillow(Pillow.fromarray(scene(1)))
    several.save(stream, quality=90)
    yield "sequence.heic", stream.getvalue()
    ten = (deep() >> 6).astype(np.uint16)
    yield "rgb10.avif", imagecodecs.avif_encode(ten, level=90, bitspersample=10)
    yield "rgb8.jxl", imagecodecs.jpegxl_encode(scene(), lossless=True)
    yield "rgb16.jxl", imagecodecs.jpegxl_encode(deep(), lossless=True)
    for bits in (9, 14):
        few = deep() >> (16 - bits)
        settings = {"lossless": True, "bitspersample": bits}
        yield f"{bits}-bits.jxl", imagecodecs.jpegxl_encode(few, **settings)
    yield "12-in-16.jxl", imagecodecs.jpegxl_encode(deep() >> 4, lossless=True)
    twelve = (deep() >> 4).astype(np.uint16)
    yield "12-bits.jpg", imagecodecs.jpeg_encode(twelve, bitspersample=12)
    yield "called-jpg.jpg", imagecodecs.jpegxl_encode(scene(), lossless=True)


def mosaic_light() -> NDArray[np.float64]:
    """What the green pixels of a Bayer sensor of 64 by 64 get, 0 to 1."""
    down, across = np.mgrid[0:64, 0:64] / 63
    return 0.15 + 0.5 * across + 0.2 * down


def linear_dng(
    pixels: Pixels, black: int = 0, white: int = 65535, *more: tuple[Any, ...]
) -> bytes:
    """A DNG of linear values, one or three a pixel; ``more`` are further tags."""
    values = 1 if pixels.ndim == 2 else pixels.shape[2]
    tags: list[tuple[Any, ...]] = [
        (271, "s", 0, "Testmaker", True),
        (272, "s", 0, "Camera 1", True),
        (274, "H", 1, 1, True),
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, "Test Camera", True),
        (50714, "H", values, (black,) * values if values > 1 else black, True),
        (50717, "H", values, (white,) * values if values > 1 else white, True),
        (
            50721,
            "2i",
            9 if values == 3 else 3,
            CIE_TO_CAMERA[: 18 if values == 3 else 6],
            True,
        ),
        (50728, "2I", values, [1, 1] * values, True),
        (50778, "H", 1, 21, True),
        *more,
    ]
    if values == 1:
        tags = [one for one in tags if one[0] not in {50721, 50728, 50778}]
    kind = {"photometric": 34892, "planarconfig": "contig"}
    if values == 3:
        return tiff(pixels, extratags=tags, **kind)
    written = tiff(pixels, extratags=tags)  # tifffile writes no LinearRaw of one value
    entry = struct.pack("<HHI", 262, 3, 1)
    return written.replace(
        entry + struct.pack("<H", 1), entry + struct.pack("<H", 34892), 1
    )


def warp_opcodes() -> bytes:
    """OpcodeList3 with one WarpRectilinear. Source: DNG 1.7, chapter 7."""
    terms = struct.pack(">6d", 1.0, 0.08, 0.0, 0.0, 0.0, 0.0) + struct.pack(
        ">2d", 0.5, 0.5
    )
    body = struct.pack(">I", 1) + terms
    return struct.pack(">I", 1) + struct.pack(">4I", 1, 0x01030000, 0, len(body)) + body


def raw_of(**settings: Any) -> bytes:
    stream = io.BytesIO()
    bayer_dng(stream, mosaic_light(), **settings)
    return stream.getvalue()


def _raws() -> Iterator[tuple[str, bytes]]:
    yield "bayer.dng", raw_of()
    linear = deep()
    yield "linear.dng", linear_dng(linear)
    black, white = 4000, 60000
    lifted = np.rint(linear * ((white - black) / 65535) + black).astype(np.uint16)
    yield "linear-with-black.dng", linear_dng(lifted, black, white)
    yield "monochrome.dng", linear_dng(deep(grey()))
    yield "brighter.dng", linear_dng(linear, 0, 65535, (50730, "2i", 1, (1, 1), True))
    opcodes = warp_opcodes()
    warped = linear_dng(linear, 0, 65535, (51022, "B", len(opcodes), opcodes, True))
    yield "warped.dng", warped


def _ranges() -> Iterator[tuple[str, bytes]]:
    """Pictures whose values are not what their files say."""
    for bits in (10, 12, 14):
        yield f"{bits}-in-16.png", opencv(deep() >> (16 - bits), ".png")
    yield "12-in-16.tif", tiff(deep() >> 4)
    limited = np.rint(16 + scene() * (219 / 255)).astype(np.uint8)
    yield "limited-range.png", opencv(limited, ".png")
    colours = deep()
    bayer = colours[:, :, 1].copy()
    bayer[0::2, 0::2] = colours[0::2, 0::2, 0] // 2
    bayer[1::2, 1::2] = colours[1::2, 1::2, 2] // 2
    yield "mosaic.png", opencv((bayer >> 8).astype(np.uint8), ".png")


GROUPS: tuple[Callable[[], Iterator[tuple[str, bytes]]], ...] = (
    _pngs,
    _jpegs,
    _tiffs,
    _webps,
    _bmps,
    _heifs,
    _raws,
    _ranges,
)


def write_corpus(folder: Path) -> list[Path]:
    """Write the corpus into a folder; return its files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for group in GROUPS:
        for name, content in group():
            (folder / name).write_bytes(content)
    return sorted(folder.iterdir())
