"""What a picture's file holds besides its pixels comes out again, or is named in a remark."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

from defocus.baselines.registry import baseline
from defocus.errors import ImageError
from defocus.pictures import heif
from defocus.pictures.blocks import (
    iptc_resource,
    lost_blocks,
    resource_blocks,
    without_thumbnails,
)
from defocus.pictures.headers import kind_of
from defocus.pictures.metadata import Metadata, inventory
from defocus.pictures.png import png_chunk
from defocus.pictures.read import read_own_picture, read_stored
from defocus.pictures.values import white_level
from defocus.pictures.write import write_picture, write_uncompressed
from defocus.restoration import run
from defocus.restoration.journal import Restored
from tests.restoration.test_restore import made_in

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" '
    b'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="self#c2pa" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="mine"/></rdf:RDF></x:xmpmeta>'
)

IPTC = b"8BIM\x04\x04\0\0" + struct.pack(">I", 10) + b"\x1c\x02\x78\0\x05words"
FILM = b"\0\0\0\x18ftypmp42" + bytes(range(100))


def exif_of(
    tag: int = 271, kind: int = 2, value: bytes = b"own\0", order: str = "<"
) -> bytes:
    """A block of EXIF with one tag."""
    begin = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    count = len(value) // {3: 2, 5: 8}.get(kind, 1)
    entry = struct.pack(order + "HHI", tag, kind, count)
    if len(value) <= 4:
        return (
            begin
            + struct.pack(order + "H", 1)
            + entry
            + value.ljust(4, b"\0")
            + bytes(4)
        )
    place = struct.pack(order + "I", 26)
    return begin + struct.pack(order + "H", 1) + entry + place + bytes(4) + value


def encoded(kind: str, **settings: Any) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(PIXELS).save(stream, kind, **settings)
    return stream.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def jpeg_with(*segments: bytes, trailer: bytes = b"") -> bytes:
    jpeg = encoded("JPEG", quality=95)
    return jpeg[:2] + b"".join(segments) + jpeg[2:] + trailer


def png_with(*chunks: tuple[bytes, bytes], picture: bytes = b"") -> bytes:
    png = picture or encoded("PNG")
    return png[:33] + b"".join(png_chunk(*one) for one in chunks) + png[33:]


def restored(folder: Path, name: str, content: bytes) -> Restored:
    """A picture that was restored by nothing at all."""
    source = folder / name
    source.write_bytes(content)
    out = folder / "out"
    (restoration,) = made_in(out, source, network=baseline("input"), tile=0, strength=0)
    assert not restoration.reason
    return restoration


def lost(folder: Path, restoration: Restored) -> set[str]:
    """Kinds of blocks that the restored file lacks."""
    before, after = (
        Path(restoration.image).read_bytes(),
        Path(restoration.restored).read_bytes(),
    )
    return {one.kind for one in lost_blocks(inventory(before), inventory(after))}


def test_a_jpeg_keeps_every_segment_and_what_lies_behind_it(tmp_path):
    segments = (
        segment(0xE1, b"Exif\0\0" + exif_of(order=">") + bytes(60_000)),
        segment(0xE1, b"Exif\0\0" + b"more than one segment holds" * 1000),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(1000)),
        segment(0xE5, b"of some maker"),
        segment(0xED, b"Photoshop 3.0\0" + IPTC),
        segment(0xFE, b"a comment"),
    )
    restoration = restored(tmp_path, "a.jpg", jpeg_with(*segments, trailer=FILM))
    assert lost(tmp_path, restoration) == set()
    assert restoration.remarks == ("its film of the motion photo stays as it was",)
    assert Path(restoration.restored).read_bytes().endswith(FILM)


def test_behind_a_photoshop_resource_of_odd_length_is_the_next_one():
    thumbnail = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 3) + b"odd\0"
    words = iptc_resource(b"word")
    blocks = [
        (one.kind, one.content)
        for one in resource_blocks(thumbnail + words + thumbnail)
    ]
    gone = ("Photoshop thumbnail", b"")
    assert blocks == [gone, ("IPTC", b"word"), gone]
    assert without_thumbnails(thumbnail + words + thumbnail) == words


def test_signed_claims_go_and_nothing_points_at_them(tmp_path):
    claim = segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa")
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    restoration = restored(tmp_path, "a.jpg", jpeg_with(claim, xmp))
    left = "left out: content credentials (C2PA)"
    assert restoration.remarks == ("XMP no longer points at what is left out", left)
    content = Path(restoration.restored).read_bytes()
    assert b"provenance=" not in content
    assert b'dc:source="mine"' in content


def index_of(
    kinds: tuple[int, ...], frames: tuple[bytes, ...], ends: tuple[int, int]
) -> bytes:
    """An index of further pictures (MPF) that lies at a place, behind a picture of a size."""
    base, size = ends
    rows, place = struct.pack(">IIIHH", 0x030000, size, 0, 0, 0), size - base
    for kind, frame in zip(kinds, frames, strict=True):
        rows += struct.pack(">IIIHH", kind, len(frame), place, 0, 0)
        place += len(frame)
    table = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
    table += struct.pack(">HHII", 0xB001, 4, 1, 1 + len(frames))
    table += struct.pack(">HHII", 0xB002, 7, len(rows), 50)
    return b"MPF\0MM\0*" + struct.pack(">IH", 8, 3) + table + bytes(4) + rows


def test_further_pictures_are_found_and_previews_go(tmp_path):
    frames = tuple(encoded("JPEG", quality=quality) for quality in (30, 40))
    kinds = (0x010001, 0)  # a preview, and one of no stated kind
    size = len(jpeg_with(segment(0xE2, index_of(kinds, frames, (0, 0)))))
    index = index_of(kinds, frames, (2 + 4 + 4, size))
    content = jpeg_with(segment(0xE2, index), trailer=b"".join(frames))
    assert {one.kind for one in inventory(content)} >= {
        "preview of the picture",
        "further picture",
    }
    restoration = restored(tmp_path, "a.jpg", content)
    stays = "its further picture stays as it was"
    assert restoration.remarks == (stays, "left out: preview of the picture")
    with Pillow.open(restoration.restored) as opened:
        assert (opened.format, opened.n_frames) == ("MPO", 2)
        opened.seek(1)
        with Pillow.open(io.BytesIO(frames[1])) as frame:
            np.testing.assert_array_equal(np.asarray(opened), np.asarray(frame))


def test_chunks_that_say_what_colours_mean_stay(tmp_path):
    chunks = (
        (b"cICP", bytes([9, 16, 0, 1])), (b"gAMA", struct.pack(">I", 100_000)),
        (b"cHRM", struct.pack(">8I", *range(8))), (b"sBIT", b"\5\6\5"),
        (b"pHYs", struct.pack(">IIB", 3000, 2000, 1)), (b"tEXt", b"Author\0me"),
        (b"zTXt", b"Long\0\0" + zlib.compress(b"text")), (b"eXIf", exif_of()),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP * 300), (b"unKn", b"unknown, safe to copy"),
    )  # fmt: skip
    restoration = restored(tmp_path, "a.png", png_with(*chunks))
    assert (lost(tmp_path, restoration), restoration.remarks) == (set(), ())


def tiff(pixels: Any, **settings: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **settings)
    return stream.getvalue()


def with_exif(suffix: str, exif: bytes) -> bytes:
    kind = Pillow.registered_extensions()[suffix]
    return encoded(kind, exif=b"Exif\0\0" + exif, icc_profile=PROFILE)


END = png_chunk(b"IEND", b"")
MISSING_END = "its end is missing, but all of its pixels are there"
FOUR, STACK = np.dstack([PIXELS, PIXELS[:, :, 0]]), "ImageJ=1.54f\nimages=3\n"
OTHER_LAYOUT = "left out: TIFF tags (ImageDescription)"
NO_MEANING = "left out: bits of each pixel that have no stated meaning"
KINDS_SAY = "is {0}, whatever its suffix says, and stays {0}"
GAIN_MAP = XMP.replace(b'dc:source="mine"', b'Item:Semantic="GainMap"')

DAMAGED_TAGS = {
    "XResolution": exif_of(282, 2, b"72 dpi\0\0"),
    "Orientation": exif_of(274, 1, b"\6"),
    "Make": exif_of(271, 5, bytes(8)),
    "0xc000": exif_of(0xC000, 77, b"?"),
}


def bmp(bits: int, masks: tuple[int, ...] | None) -> bytes:
    rows = (
        np.random.default_rng(1)
        .integers(0, 256, 16 * 16 * bits // 8, np.uint8)
        .tobytes()
    )
    rows = (
        rows if masks is None or bits == 16 else rows.translate(bytes([*range(64)] * 4))
    )
    fields = b"" if masks is None else struct.pack("<3I", *masks)
    head = struct.pack("<IiiHHI20x", 40, 16, 16, 1, bits, 0 if masks is None else 3)
    start = 14 + len(head) + len(fields)
    return (
        b"BM"
        + struct.pack("<IHHI", start + len(rows), 0, 0, start)
        + head
        + fields
        + rows
    )


def damaged_chunks() -> bytes:
    content = bytearray(png_with((b"tEXt", b"Author\0me"), (b"eXIf", exif_of())))
    for word in (b"me", b"own"):
        content[content.find(word)] ^= 1
    return bytes(content)


REMARKS = [
    *((f"a{suffix}", with_exif(suffix, exif), f"left out as damaged: EXIF ({name})")
      for suffix in (".jpg", ".png", ".webp") for name, exif in DAMAGED_TAGS.items()),
    *((f"a{suffix}", with_exif(suffix, b"no structure"), "left out as damaged: EXIF (all of it)")
      for suffix in (".png", ".webp")),
    ("a.png", png_with() + b"x" * 5000, "left out: data behind the picture"),
    ("a.png", png_with().removesuffix(END), MISSING_END),
    ("a.png", png_with()[:-5], MISSING_END),
    ("a.png", png_with().removesuffix(END) + png_chunk(b"tEXt", b"a\0" + b"b" * 90)[:-50],
     MISSING_END),
    ("a.png", damaged_chunks(), "left out as damaged: texts (tEXt), EXIF (eXIf)"),
    ("a.png", png_with((b"unKN", b"depends on the pixels"), (b"caBX", b"signed")),
     "left out: PNG chunks (unKN), content credentials (C2PA)"),
    ("a.jpg", png_with((b"tEXt", b"Author\0me")), KINDS_SAY.format("PNG")),
    ("a.png", encoded("JPEG"), KINDS_SAY.format("JPEG")),
    ("a.jpe", encoded("JPEG"), ""),
    ("a.jpg", encoded("JPEG", exif=b"Exif\0\0" + exif_of(271, 7, b"Google")), ""),
    ("a.jpg", jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GAIN_MAP),
                        trailer=encoded("JPEG")), "its HDR gain map stays as it was"),
    ("a.tif", tiff((PIXELS / 255).astype(np.float16), photometric="rgb"),
     "its floats of 16 bits become such of 32, which hold the same values"),
    ("a.tif", tiff(FOUR, photometric="rgb", extrasamples=["unspecified"], metadata=None),
     "left out: the last value of each pixel, which has no stated meaning"),
    ("a.tif", tiff(np.moveaxis(PIXELS, 2, 0), photometric="rgb", planarconfig=2), OTHER_LAYOUT),
    ("a.tif", tiff(PIXELS, photometric="rgb", metadata=None, description=STACK), OTHER_LAYOUT),
    ("a.bmp", bmp(32, None), NO_MEANING),
    ("a.bmp", bmp(32, (0x3FF00000, 0xFFC00, 0x3FF)), "its 10 bits of a colour become 8"),
    ("a.bmp", bmp(16, None), NO_MEANING),
    ("a.bmp", bmp(16, (0xF800, 0x7E0, 0x1F)), ""),
]  # fmt: skip
"""Name and content of a file; what is said of it."""


@pytest.mark.parametrize(
    ("name", "content", "remark"), REMARKS, ids=[r[2] for r in REMARKS]
)
def test_what_is_lost_or_odd_is_named_once(tmp_path, name, content, remark):
    """And no more is lost than that."""
    restoration = restored(tmp_path, name, content)
    if "HDR" in remark:
        assert remark in restoration.remarks
        return
    assert restoration.remarks == ((remark,) if remark else ())
    if "damaged: EXIF" in remark:
        assert lost(tmp_path, restoration) == {"EXIF"}, "the profile is there"
    if not remark:
        assert not lost(tmp_path, restoration)
    written = Path(restoration.restored).read_bytes()
    assert kind_of(written) == kind_of(content)
    if content.startswith(b"\x89PNG"):
        np.testing.assert_array_equal(read_stored(Path(restoration.restored)), PIXELS)


def test_a_png_whose_pixels_end_early_is_refused(tmp_path, refused):
    for content in (png_with()[:-300], png_with().removesuffix(END)[:-20]):
        (tmp_path / "a.png").write_bytes(content)
        with refused(ImageError):
            read_stored(tmp_path / "a.png")


def test_metadata_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    pytest.importorskip("pillow_heif")

    def failing(_data: bytes) -> Any:
        raise ValueError("a box of another length")

    monkeypatch.setattr(heif, "_of_avif", failing)
    restoration = restored(tmp_path, "a.avif", encoded("AVIF"))
    assert restoration.remarks == ("left out: metadata that cannot be read",)


def test_a_chunk_that_the_written_file_lacks_is_named(tmp_path, monkeypatch, capsys):
    """Nothing foresaw it: only the restored file itself is without it."""

    def forgetful(path: Path, pixels: Any, metadata: Metadata, kind: str) -> None:
        write_picture(path, pixels, replace(metadata, parts=None, xmp=b""), kind)

    monkeypatch.setattr(run, "write_picture", forgetful)
    restoration = restored(tmp_path, "a.png", png_with((b"tEXt", b"Author\0me")))
    assert restoration.remarks == ("left out: texts (Author)",)
    assert f"a.png: {restoration.remarks[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_that_is_transparent_becomes_alpha(tmp_path, bits):
    levels = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4097 >> (16 - bits)
    digits = [format(int(one), f"0{bits}b") for one in levels.ravel()]
    rows = ["".join(digits[4 * row : 4 * row + 4]) for row in range(4)]
    lines = b"".join(
        b"\0"
        + int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(
            -(-len(row) // 8), "big"
        )
        for row in rows
    )
    level = int(levels[2, 1])
    head = struct.pack(">IIBBBBB", 4, 4, bits, 0, 0, 0, 0)
    pieces = (
        (b"IHDR", head),
        (b"tRNS", struct.pack(">H", level)),
        (b"IDAT", zlib.compress(lines)),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(*one) for one in (*pieces, (b"IEND", b""))
    )
    restoration = restored(tmp_path, "a.png", png)
    pixels = read_stored(Path(restoration.restored))
    most = np.iinfo(pixels.dtype).max
    np.testing.assert_array_equal(pixels[:, :, 1] == 0, levels == level)
    np.testing.assert_array_equal(
        pixels[:, :, 0], np.rint(levels * (most / (2**bits - 1)))
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_lossless_webp_stays_without_loss(tmp_path, mode):
    pixels = np.dstack([PIXELS, 255 * (PIXELS[:, :, 0] & 1)])[:, :, : len(mode)].astype(
        np.uint8
    )
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "WEBP", lossless=True, exact=True, xmp=XMP)
    restoration = restored(tmp_path, "a.webp", stream.getvalue())
    np.testing.assert_array_equal(read_stored(Path(restoration.restored)), pixels)
    assert (lost(tmp_path, restoration), restoration.remarks) == (set(), ())


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_keeps_its_tags_in_their_order_of_bytes(tmp_path, order):
    tags = [
        (33723, 7, 4, b"iptc", True), (700, 1, len(XMP), XMP, True), (274, "H", 1, 6, True),
        (65000, "H", 3, (1, 2, 3), True), (37724, 7, 6, b"layers", True),
    ]  # fmt: skip
    facts = {
        "iccprofile": PROFILE,
        "description": "a caption",
        "resolution": (300, 240),
    }
    content = tiff(PIXELS, photometric="rgb", byteorder=order, extratags=tags, **facts)
    restoration = restored(tmp_path, "a.tif", content)
    assert lost(tmp_path, restoration) == {"Photoshop layers"}
    assert restoration.remarks == ("left out: Photoshop layers",)
    np.testing.assert_array_equal(read_stored(Path(restoration.restored)), PIXELS)


@pytest.mark.parametrize(
    ("dtype", "white"), [(np.float32, 255), (np.float64, 65535), (np.uint16, 4095)]
)
def test_the_value_of_white_is_recognised_and_said(tmp_path, dtype, white):
    values = (PIXELS.astype(np.float64) / 255 * white).astype(dtype)
    restoration = restored(tmp_path, "a.tif", tiff(values, photometric="rgb"))
    usual = 65535 if dtype is np.uint16 else 1
    said = f"values reach {values.max():g}, so white is taken as {white}; --white {usual} if it is"
    assert restoration.remarks == (f"{said} that",)
    np.testing.assert_allclose(
        read_stored(Path(restoration.restored)), values, rtol=1e-5
    )
    colours = read_own_picture(Path(restoration.image)).colours()
    np.testing.assert_allclose(colours, PIXELS / 255, atol=3e-4)
    assert (
        read_own_picture(Path(restoration.image), float(usual)).metadata.remarks == ()
    )


def test_light_beyond_white_is_none_of_another_scale(refused):
    lamps = np.full((9, 9), 0.2, np.float32)
    lamps[:3] = 40.0
    assert white_level(lamps) == 1
    assert white_level(np.zeros((9, 9), np.uint16)) == 65535
    for most, white in ((220, 255), (900, 1023), (3000, 4095), (30_000, 65535)):
        assert white_level(np.full((9, 9), most, np.float32)) == white
    for most in (5.0, 60.0, 255.5, 9000.0, 1e6):
        with refused(ImageError):
            white_level(np.full((9, 9), most, np.float32))
    assert white_level(PIXELS) == 255


def test_few_bright_floats_are_no_silent_white(tmp_path):
    spots = np.zeros((40, 40), np.float32)
    spots[4:9, 4:9] = 200
    assert white_level(spots) == 255, "whole numbers"
    restoration = restored(tmp_path, "a.tif", tiff(spots * np.float32(0.973)))
    assert restoration.remarks == (
        "few values reach 194.6, and white is taken as 1; --white 255 if it is that",
    )


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_what_is_read_and_not_written_is_written_as_its_name_says(tmp_path, name):
    imagecodecs = pytest.importorskip("imagecodecs")
    restoration = restored(
        tmp_path, name, imagecodecs.jpegxl_encode(PIXELS, lossless=True)
    )
    np.testing.assert_array_equal(read_stored(Path(restoration.restored)), PIXELS)


def test_fractions_that_pillow_writes_as_floats_are_no_damage(tmp_path):
    exif = Pillow.Exif()
    exif.get_ifd(0x8769).update({33434: 0.01, 37386: 50.0})
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG", exif=exif))
    assert read_own_picture(path).metadata.remarks == ()


def test_iptc_of_whole_numbers_stays_in_a_tiff(tmp_path):
    path, words = tmp_path / "a.tif", np.frombuffer(IPTC[12:20], "<u4")
    tifffile.imwrite(path, PIXELS, extratags=[(33723, "I", 2, words.tolist(), True)])
    picture = read_own_picture(path)
    write_picture(tmp_path / "b.tif", picture.stored, picture.metadata)
    assert picture.metadata.remarks == ()
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.tags[33723].dtype == 4
    assert not lost_blocks(
        *(inventory(one.read_bytes()) for one in (path, tmp_path / "b.tif"))
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_plain_png_holds_the_pixels_and_the_profile(tmp_path, channels):
    pixels = np.random.default_rng(channels).integers(
        0, 256, (137, 41, channels), np.uint8
    )
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    given = pixels[:, :, 0] if channels == 1 else pixels
    path = tmp_path / "plain.png"
    write_uncompressed(path, given, Metadata(icc=profile))
    with Pillow.open(path) as opened:
        opened.load()
        assert np.array_equal(np.asarray(opened), given)
        assert opened.info["icc_profile"] == profile
