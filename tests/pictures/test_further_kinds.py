"""Kinds of files that once lost something without a word: white, colours, masks, levels."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from defocus.datasets.audit.members import warnings_of
from defocus.datasets.opening import opened, reading_of_files
from defocus.datasets.pair import Pair
from defocus.errors import ImageError
from defocus.front.dataset import Pair as FrontPair
from defocus.front.pictures import given_alike, pictures, two_pictures
from defocus.pictures.metadata import Metadata, read_metadata
from defocus.pictures.profiles import (
    colour_code,
    in_srgb,
    in_two_spaces,
    picture_header,
    profile_of,
)
from defocus.pictures.raw import dng_demands
from defocus.pictures.read import (
    read_blurry,
    read_image,
    read_own_picture,
    read_pair,
    read_sharp,
    read_stored,
)
from defocus.pictures.tiff import tiff_pictures
from defocus.pictures.values import as_float, is_read_anew
from defocus.pictures.write import foreseen_remarks, write_picture
from tests.capture.raw_sessions import bayer_dng
from tests.datasets.test_release_facts import wide_profile
from tests.pictures.corpus import (
    HEIGHT,
    WIDTH,
    alpha,
    deep,
    exif_of,
    grey,
    inks,
    linear_dng,
    mosaic_light,
    opencv,
    png_with,
    saved,
    scene,
    tiff,
)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_white_as_zero_has_the_bits_of_its_values(tmp_path, bits):
    values = deep(grey()) >> (16 - bits)
    white = 2**bits - 1
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(white - values, photometric="miniswhite"))
    expected = np.repeat(values[:, :, None], 3, axis=2) / white
    np.testing.assert_allclose(as_float(read_image(path)), expected, atol=1e-4)
    assert read_own_picture(path).white == white


@pytest.mark.parametrize("bits", [8, 14])
def test_white_as_zero_of_other_bits_is_asked_about(tmp_path, capsys, bits):
    values = deep(grey()) >> (16 - bits)
    values.flat[0] = 0
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(2**bits - 1 - values, photometric="miniswhite"))
    np.testing.assert_array_equal(read_image(path)[:, :, 0], values)
    assert f"are they {bits} bits in 16?" in capsys.readouterr().err


def test_white_as_zero_is_multiplied_with_alpha_before_it_is_turned(tmp_path):
    share = alpha()[:, :, 0] / 255
    stored = np.dstack([np.rint((255 - grey()) * share), alpha()]).astype(np.uint8)
    path = tmp_path / "a.tif"
    form = {"photometric": "miniswhite", "planarconfig": "contig"}
    path.write_bytes(tiff(stored, extrasamples=["assocalpha"], **form))
    seen = share > 0.4
    given = read_stored(path)[:, :, 0][seen]
    np.testing.assert_allclose(given, grey()[seen], atol=2)


FOURTEEN = "values of 16 bits reach 16063 alone; are they 14 bits in 16?"


def test_fourteen_bits_in_sixteen_are_asked_about(tmp_path, capsys):
    values = deep() >> 2
    path = tmp_path / "a.png"
    path.write_bytes(opencv(values, ".png"))
    np.testing.assert_array_equal(read_image(path), values)
    assert f"{path}: {FOURTEEN}" in capsys.readouterr().err
    (remark,) = read_own_picture(path).metadata.remarks
    assert remark.text == f"{FOURTEEN} --white 16383 if they are"
    stated = " If they are, state white = 16383 in a mapping file or the manifest"
    assert reading_of_files([path]).remarks == (FOURTEEN + stated,)


@pytest.mark.parametrize("bits", [8, 14])
def test_arrays_are_asked_about_as_files_are(capsys, bits):
    values = deep() >> (16 - bits)
    np.testing.assert_array_equal(pictures(values, "picture").pixels[0], values)
    white = 2**bits - 1
    question = f"are they {bits} bits in 16? Give white={white} if they are"
    assert question in capsys.readouterr().err
    floats = pictures(values, "picture", white=white).floats()[0]
    np.testing.assert_allclose(floats, values / white, atol=1e-4)


def test_white_of_floats_is_taken_where_no_picture_has_sixteen_bits():
    eight = scene().astype(np.float32)
    given = pictures(eight, "picture", white=255)
    np.testing.assert_allclose(given.floats()[0], scene() / 255, atol=1e-6)
    np.testing.assert_allclose(given.alike(given.pixels), eight, rtol=1e-6)
    twelve = deep() >> 4
    first, second = given_alike({"a": twelve, "b": eight / 255}, {}, 4095)
    np.testing.assert_allclose(second.floats()[0], scene() / 255, atol=1e-6)
    np.testing.assert_allclose(first.floats()[0], twelve / 4095, atol=1e-4)


def test_a_white_that_no_picture_needs_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(opencv(scene(), ".png"))
    for given in (scene(), path):
        with pytest.raises(ImageError, match="whose white is 255; leave it out"):
            pictures(given, "picture", white=255)
    with pytest.raises(ImageError, match="whose white is 255; leave it out"):
        two_pictures(path, path, white=255)
    with pytest.raises(ImageError, match="from 0 to 1"):
        pictures(2 * scene().astype(np.float32), "picture", white=255)


def test_twelve_bits_beside_sixteen_are_asked_about(tmp_path, capsys):
    """Blurry pictures of 12 bits in 16 would be 16 times too dark beside sharp ones of 16."""
    files = {"blurry": [], "sharp": []}
    for role, values in (("blurry", deep() >> 4), ("sharp", deep())):
        (tmp_path / role).mkdir()
        for name in ("a.png", "b.png"):
            files[role].append(tmp_path / role / name)
            files[role][-1].write_bytes(opencv(values, ".png"))
    reading = reading_of_files(files["blurry"], files["sharp"])
    question = "values of 16 bits reach 4015 alone; are they 12 bits in 16?"
    assert reading.white == 65535
    assert reading.remarks == (f"a.png: {question} Other pictures reach 64255",)
    both = dict(zip(("blurry", "sharp"), (deep() >> 4, deep()), strict=True))
    given_alike(both, {}, None)
    assert f"blurry: {question} Give white=4095" in capsys.readouterr().err
    read_pair(files["blurry"][0], files["sharp"][0])
    assert f"{files['blurry'][0]}: {question}" in capsys.readouterr().err


def test_transparency_does_not_hide_the_bits_of_the_colours(tmp_path):
    opaque = np.full((HEIGHT, WIDTH, 1), 65535, np.uint16)
    path = tmp_path / "a.png"
    path.write_bytes(opencv(np.dstack([deep() >> 2, opaque]), ".png"))
    (remark,) = read_own_picture(path).metadata.remarks
    assert remark.text.startswith(FOURTEEN)


def test_all_rows_of_a_tall_picture_say_its_bits(tmp_path, capsys):
    picture = np.full((600, 4, 3), 9000, np.uint16)
    picture[-1] = 60000
    path = tmp_path / "a.png"
    path.write_bytes(opencv(picture, ".png"))
    read_image(path)
    assert capsys.readouterr().err == ""
    assert read_own_picture(path).metadata.remarks == ()


def test_members_of_a_raw_pair_have_one_white_balance_alone_and_together(tmp_path):
    """A network restores, and a score compares, what an audit measures."""
    files = [tmp_path / "blurry.dng", tmp_path / "sharp.dng"]
    balances = [(0.3, 1.0, 0.9), (0.5, 1.0, 0.6)]
    for path, neutral in zip(files, balances, strict=True):
        bayer_dng(path, mosaic_light(), neutral=neutral)
    blurry, sharp = read_pair(*files)
    assert not np.array_equal(blurry, read_image(files[0]))
    np.testing.assert_array_equal(read_blurry(*files), blurry)
    np.testing.assert_array_equal(read_sharp(*reversed(files)), sharp)
    (pair,) = opened("pairs", tmp_path, (Pair("a", "a", "test", *files),)).pairs
    front = FrontPair(pair)
    np.testing.assert_array_equal(front.blurry, blurry)
    np.testing.assert_array_equal(front.sharp, sharp)


def test_a_dark_raw_file_is_not_asked_about(tmp_path, capsys):
    path = tmp_path / "a.dng"
    path.write_bytes(linear_dng((deep() // 100).astype(np.uint16)))
    assert read_image(path).max() < 16383
    assert capsys.readouterr().err == ""
    words = [one.text for one in read_own_picture(path).metadata.remarks]
    assert not any("14 bits" in one for one in words)


def test_a_png_of_narrow_range_has_other_colours(tmp_path):
    codes = {"full": 1, "narrow": 0}
    files = {}
    for name, full in codes.items():
        files[name] = tmp_path / f"{name}.png"
        chunk = (b"cICP", bytes([1, 13, 0, full]))
        files[name].write_bytes(png_with(opencv(scene(), ".png"), chunk))
    assert colour_code(files["full"]) == ""
    assert colour_code(files["narrow"]) == "cICP primaries 1, curve 13, narrow range"
    assert in_two_spaces(files["full"], files["narrow"])


@pytest.mark.parametrize("named", [True, False])
def test_black_that_differs_by_column_is_named(tmp_path, named):
    levels = [value for column in range(WIDTH) for value in (column * named, 1)]
    path = tmp_path / "a.dng"
    deltas = (50715, "2i", WIDTH, levels, True)
    path.write_bytes(linear_dng(deep(), 0, 65535, deltas))
    assert dng_demands(path) == ("BlackLevelDeltaH",) * named


def said_before(path):
    own = read_own_picture(path)
    return foreseen_remarks(own.stored, own.metadata, own.metadata.kind)


def test_what_grey_values_mean_is_left_out_by_name(tmp_path):
    path = tmp_path / "a.tif"
    curve = (291, "H", 256, tuple(range(256)), True)
    path.write_bytes(tiff(grey(), extratags=[(290, "H", 1, 3, True), curve]))
    names = "GrayResponseUnit GrayResponseCurve"
    assert said_before(path) == (f"left out: TIFF tags ({names})",)


def bmp_with_calibrated_colours() -> bytes:
    """A BMP of version 4 whose header has primaries and curves of its own."""
    rows = np.ascontiguousarray(scene()[::-1, :, ::-1]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 24, 0, 0, 0, 0, 0, 0)
    primaries = struct.pack("<9i", *range(2**28, 2**28 + 9))
    curves = struct.pack("<3I", *[2**16] * 3)
    head += bytes(20) + primaries + curves
    size = 14 + len(head) + len(rows)
    return struct.pack("<2sIHHI", b"BM", size, 0, 0, 14 + len(head)) + head + rows


def bmp_with_a_profile(profile: bytes) -> bytes:
    """A BMP of version 5 with a profile behind its pixels."""
    rows = np.ascontiguousarray(scene()[::-1, :, ::-1]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, WIDTH, HEIGHT, 1, 24, 0, 0, 0, 0, 0, 0)
    head += bytes(16) + b"DEBM" + bytes(48)
    head += struct.pack("<4I", 4, 124 + len(rows), len(profile), 0)
    size = 14 + len(head) + len(rows) + len(profile)
    begin = struct.pack("<2sIHHI", b"BM", size, 0, 0, 14 + len(head))
    return begin + head + rows + profile


WIDE = wide_profile()
WITH_A_PROFILE = {
    "v5.bmp": bmp_with_a_profile(WIDE),
    "a png.tif": saved(scene(), "PNG", icc_profile=WIDE),
    "a tiff.png": tiff(deep(), iccprofile=WIDE, compression="zlib"),
    "big.tif": tiff(deep(), iccprofile=WIDE, bigtiff=True, byteorder=">"),
}


@pytest.mark.parametrize("name", WITH_A_PROFILE)
def test_a_profile_is_found_whatever_the_suffix_says(tmp_path, name):
    path, plain = tmp_path / name, tmp_path / "plain.png"
    path.write_bytes(WITH_A_PROFILE[name])
    plain.write_bytes(opencv(scene(), ".png"))
    assert profile_of(path) == WIDE
    header = picture_header(path)
    assert header is not None
    assert header.colours == "Wide built-in"
    assert in_two_spaces(path, plain)


def test_calibrated_colours_of_a_bmp_are_left_out_by_name(tmp_path):
    path = tmp_path / "a.bmp"
    path.write_bytes(bmp_with_calibrated_colours())
    np.testing.assert_array_equal(read_stored(path), scene())
    assert said_before(path) == ("left out: calibrated colours",)


def test_grey_that_is_not_read_ends_no_audit(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(grey().astype(np.uint32)))
    with pytest.raises(ImageError):
        read_image(path)
    assert warnings_of([Pair("a", "a", "test", path, path)]) == ()


def test_grey_and_alpha_are_written_as_bmp(tmp_path):
    both = np.dstack([grey(), alpha()[:, :, 0]])
    path = tmp_path / "a.bmp"
    write_picture(path, both, Metadata())
    np.testing.assert_array_equal(read_stored(path), both[:, :, [0, 0, 0, 1]])


def test_the_header_of_a_kind_that_is_not_read_is_none(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(saved(scene(), "TGA"))
    assert picture_header(path) is None
    assert profile_of(path) == b""


def test_damaged_exif_warns_in_no_words_of_a_library(tmp_path):
    path = tmp_path / "a.jpg"
    content = saved(scene(), "JPEG", exif=exif_of())
    damaged = bytearray(content)
    place = damaged.index(b"Exif\0\0") + 6
    damaged[place + 8] = 0x40  # more entries than there are
    path.write_bytes(damaged)
    header = picture_header(path)
    assert header is not None
    assert colour_code(path) == ""


def test_a_mask_behind_a_picture_is_said(tmp_path):
    path = tmp_path / "a.tif"
    mask = tiff(alpha()[:, :, 0] > 128, subfiletype=4)
    path.write_bytes(with_a_second_page(tiff(scene()), mask))
    assert [one.text for one in read_metadata(path).remarks] == [
        "holds 2 pictures; the first is read, the others are left out"
    ]


@pytest.mark.parametrize(("kind", "pictures"), [(0, 2), (1, 1)])
def test_a_picture_inside_a_directory_is_said_unless_it_is_smaller(
    tmp_path, kind, pictures
):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(scene(), photometric="rgb", metadata=None, subifds=1)
        file.write(scene(1), photometric="rgb", metadata=None, subfiletype=kind)
    assert tiff_pictures(path.read_bytes()) == pictures
    said = [f"holds {pictures} pictures; the first is read, the others are left out"]
    expected = said[: pictures - 1]
    assert [one.text for one in read_metadata(path).remarks] == expected
    assert list(reading_of_files([path]).remarks) == expected
    header = picture_header(path)
    assert header is not None
    assert header.frames == pictures


def test_a_smaller_copy_behind_a_picture_is_no_frame(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(scene(), photometric="rgb", metadata=None)
        file.write(scene()[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    assert reading_of_files([path]).remarks == ()
    assert warnings_of([Pair("a", "a", "test", path, path)]) == ()


def with_a_second_page(first: bytes, second: bytes) -> bytes:
    """A TIFF file with the directory of another behind its own; the pixels of that are not read."""
    content = bytearray(first + second)
    (place,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, place)
    (directory,) = struct.unpack_from("<I", second, 4)
    struct.pack_into("<I", content, place + 2 + 12 * count, len(first) + directory)
    return bytes(content)


def test_an_animation_of_jpeg_xl_is_refused(tmp_path, refused):
    library = pytest.importorskip("imagecodecs", reason="needs the extra heif")
    path = tmp_path / "a.jxl"
    frames = np.stack([scene(), scene(1)])
    path.write_bytes(library.jpegxl_encode(frames, lossless=True))
    with refused(ImageError):
        read_stored(path)


@pytest.mark.parametrize("mode", ["RGBa", "RGBa;16"])
def test_colours_of_a_heic_that_are_multiplied_with_alpha_are_divided(tmp_path, mode):
    library = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    colours, dtype = (scene(), np.uint8) if mode == "RGBa" else (deep(), np.uint16)
    share = alpha() / 255
    most = np.iinfo(dtype).max
    stored = np.dstack([np.rint(colours * share), share * most]).astype(dtype)
    picture = library.from_bytes(mode, (WIDTH, HEIGHT), stored.tobytes())
    path = tmp_path / "a.heic"
    picture.save(path, quality=-1, chroma=444)
    seen = share[:, :, 0] > 0.4
    given = read_stored(path)[:, :, :3][seen].astype(float)
    np.testing.assert_allclose(given / most, colours[seen] / most, atol=0.02)


def grey_profile() -> bytes:
    """A profile of grey with a gamma of 2.2 (ICC.1:2010, 7.2 and 8.6)."""
    white = struct.pack(">3i", 63190, 65536, 54061)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"Grey\0" + bytes(81),
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"kTRC": b"curv" + bytes(4) + struct.pack(">IHH", 1, 563, 0),
    }
    place = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    for name, content in tags.items():
        table += name + struct.pack(">II", place, len(content))
        place += len(content)
    kinds = b"lcms" + bytes([2, 64, 0, 0]) + b"mntrGRAYXYZ "
    head = struct.pack(">I", place) + kinds + bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + b"".join(tags.values())


def test_a_profile_of_grey_makes_no_colours_grey(tmp_path, refused):
    path, plain = tmp_path / "a.webp", tmp_path / "plain.png"
    form = {"lossless": True, "icc_profile": grey_profile()}
    path.write_bytes(saved(scene(), "WEBP", **form))
    plain.write_bytes(opencv(scene(), ".png"))
    picture = read_image(path)
    np.testing.assert_array_equal(picture, scene())
    with refused(ImageError):
        in_srgb(path, picture)
    with refused(ImageError):
        read_pair(path, plain)
    shades = np.repeat(grey()[:, :, None], 3, axis=2)
    moved = in_srgb(path, shades)
    assert np.abs(moved.astype(int) - shades).max() < 10


@pytest.mark.parametrize("progressive", [False, True])
def test_inks_of_a_jpeg_are_the_colours_of_pillow(tmp_path, progressive):
    path = tmp_path / "a.jpg"
    Pillow.fromarray(inks(), "CMYK").save(path, quality=92, progressive=progressive)
    with Pillow.open(path) as opened:
        expected = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(read_stored(path), expected)
    assert is_read_anew(path)
    path.write_bytes(path.read_bytes()[:-400] + b"\xff\xd9")
    with pytest.raises(ImageError):
        read_stored(path)
