"""EXIF of pictures and RAW files of each make, whole and damaged."""

import io
import struct

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from defocus.pictures.metadata import Exif, read_exif, read_tags
from defocus.pictures.tags import EXIF_DIRECTORY, GPS_DIRECTORY

SHOT = Exif(
    2.8, 0.005, 400.0, 50.0, "Maker Body 1", "2026:05:04 03:02:01", "Lens 50 mm", "77"
)
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


def block(group: int | None = None) -> bytes:
    """A TIFF structure with the shot's EXIF, or with one of its directories alone."""
    exif = Image.Exif()
    if group in {None, 0}:
        exif[271], exif[272] = "Maker", "Body 1"
    inner = {
        33437: IFDRational(28, 10),
        33434: IFDRational(1, 200),
        34855: 400,
        37386: 50.0,
    }
    inner |= {36867: SHOT.taken, 42036: SHOT.lens, 42033: SHOT.serial}
    if group is None:
        exif[EXIF_DIRECTORY] = inner
        exif[GPS_DIRECTORY] = {1: "N"}
    elif group == EXIF_DIRECTORY:
        exif.update(inner)
    return exif.tobytes().removeprefix(b"Exif\0\0")


def picture(kind: str, exif: bytes) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind, exif=exif)
    return stream.getvalue()


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def segments(*contents: bytes) -> bytes:
    packed = (struct.pack(">BBH", 0xFF, 0xE1, 2 + len(one)) + one for one in contents)
    return b"\xff\xd8" + b"".join(packed) + b"\xff\xd9"


def cr3() -> bytes:
    parts = ((b"CMT1", 0), (b"CMT2", EXIF_DIRECTORY))
    canon = b"".join(box(name, block(group)) for name, group in parts)
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(
        b"moov", box(b"uuid", CANON + canon)
    )


def raf() -> bytes:
    jpeg = picture("JPEG", b"Exif\0\0" + block())
    return (
        b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0")
        + struct.pack(">II", 92, len(jpeg))
        + jpeg
    )


FILES = {
    "a.jpg": lambda: picture("JPEG", b"Exif\0\0" + block()),
    "xmp-first.jpg": lambda: segments(
        b"http://ns.adobe.com/xap/1.0/\0" * 900, b"Exif\0\0" + block()
    ),
    "two-segments.jpg": lambda: segments(
        b"Exif\0\0" + block()[:60], b"Exif\0\0" + block()[60:]
    ),
    "a.png": lambda: picture("PNG", block()),
    "a.webp": lambda: picture("WEBP", block()),
    "prefixed.webp": lambda: picture("WEBP", b"Exif\0\0" + block()),
    "a.nef": block,
    "a.orf": lambda: block().replace(b"MM\0*", b"MMOR").replace(b"II*\0", b"IIRO"),
    "a.rw2": lambda: block().replace(b"II*\0", b"IIU\0"),
    "a.raf": raf,
    "a.cr3": cr3,
}


@pytest.mark.parametrize("name", FILES)
def test_a_shot_is_read_from_every_kind_of_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    assert read_exif(path) == SHOT


def entries(*packed: tuple[int, int, int, int]) -> bytes:
    """A TIFF whose directory has these tags: number, type, count, value or its place."""
    table = b"".join(struct.pack("<HHII", *one) for one in packed)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(packed)) + table + bytes(4)


@pytest.mark.parametrize(
    ("content", "tags"),
    [
        (entries((34855, 4, 1, 100)), {(0, 34855): (100,)}),
        # leads to itself
        (entries((34855, 4, 1, 100), (EXIF_DIRECTORY, 4, 1, 8)), None),
        (entries((34855, 4, 2**32 - 1, 100), (274, 3, 1, 1)), {(0, 274): (1,)}),
        # 0/0
        (entries((33437, 5, 1, 38), (274, 3, 1, 1)) + bytes(8), {(0, 274): (1,)}),
        (entries((271, 2, 3, 0x4DE9), (0, 99, 1, 1)), {(0, 271): "éM"}),  # Latin-1
        (entries((33437, 11, 1, 0x40333333)), {(0, 33437): (pytest.approx(2.8),)}),
        (b"II*\0\xff\xff\xff\xff", {}),
        (b"FUJIFILMCCD-RAW " + b"\xff" * 80, {}),
        (b"\xff\xd8\xff\xe1\xff\xff", {}),
        (
            box(b"ftyp", b"crx \0\0\0\1")
            + box(b"moov", box(b"uuid", CANON + b"\0" * 7)),
            {},
        ),
        (b"", {}),
    ],
)
def test_of_a_damaged_file_the_sound_tags_are_read(tmp_path, content, tags):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    if tags is None:
        tags = {(group, 34855): (100,) for group in (0, EXIF_DIRECTORY)}
        tags[EXIF_DIRECTORY, EXIF_DIRECTORY] = (8,)
    assert read_tags(path) == tags


@pytest.mark.parametrize("suffix", [".tif", ".png", ".webp"])
def test_a_file_that_refers_to_itself_without_end_is_left_early(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    content = {
        ".tif": entries(*[(700, 1, 200_000, 0)] * 20_000) + bytes(200_000),
        ".png": b"\x89PNG\r\n\x1a\n" + bytes(12_000_000),
        ".webp": b"RIFF\xff\xff\xff\x00WEBP" + bytes(12_000_000),
    }
    path.write_bytes(content[suffix])
    assert read_tags(path) == {}


def test_the_offset_of_the_clock_is_read(tmp_path):
    exif = Image.Exif()
    exif[EXIF_DIRECTORY] = {36867: SHOT.taken, 36880: "+01:00", 36881: "+02:00"}
    path = tmp_path / "a.jpg"
    path.write_bytes(picture("JPEG", exif.tobytes()))
    assert read_exif(path).offset == "+02:00"
