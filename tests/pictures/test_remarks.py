"""What is said of odd files, and levels of RAW files."""

import io
import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from defocus.capture.quality.pair_quality import _check_demands
from defocus.capture.quality.quick_look import read_look
from defocus.capture.quality.verdict import Quality
from defocus.datasets.audit.members import warnings_of
from defocus.datasets.opening import opened, reading_of_files
from defocus.datasets.pair import Pair
from defocus.errors import ImageError
from defocus.pictures.metadata import Metadata, read_metadata
from defocus.pictures.raw import develop_pair, dng_demands, raw_preview
from defocus.pictures.read import read_image, read_own_picture, read_stored
from defocus.pictures.remarks import MOSAIC, TRANSPARENT, is_mosaic, said_of_file
from defocus.pictures.values import is_read_anew, linear_to_srgb
from defocus.pictures.write import encoded_picture
from tests.pictures.corpus import (
    alpha,
    bmp_of_fields,
    deep,
    grey,
    linear_dng,
    opencv,
    png_with,
    saved,
    scene,
    tiff,
    write_corpus,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


def test_a_monochrome_dng_is_a_grey_picture_of_the_right_brightness(corpus):
    path = corpus / "monochrome.dng"
    light = deep(grey()) / 65535
    expected = linear_to_srgb(light)
    stored = read_stored(path)
    assert stored.shape == light.shape
    assert np.abs(stored / 65535 - expected).max() < 1e-3
    colours = read_image(path)
    assert colours.shape == (*light.shape, 3)
    assert np.array_equal(colours[:, :, 0], stored)
    assert np.array_equal(colours[:, :, 2], stored)
    for both in (develop_pair(path, path)[0], raw_preview(path)):
        assert both.shape[2] == 3
    np.testing.assert_allclose(read_look(path).linear[:, :, 1], light, atol=1e-3)


@pytest.mark.parametrize(("black", "white"), [(4000, 60000), (256, 4095), (0, 65535)])
def test_black_of_a_linear_dng_counts(tmp_path, black, white):
    light = scene() / 255
    path = tmp_path / "a.dng"
    levels = np.rint(light * (white - black) + black).astype(np.uint16)
    path.write_bytes(linear_dng(levels, black, white))
    whole = tmp_path / "whole.dng"
    whole.write_bytes(linear_dng(np.rint(light * 65535).astype(np.uint16)))
    apart = np.abs(read_stored(path).astype(float) - read_stored(whole)) / 65535
    assert apart.mean() < 1e-3
    assert np.abs(read_look(path).linear - read_look(whole).linear).mean() < 1e-3
    assert is_read_anew(path) == (black > 0)


def test_what_a_dng_asks_for_is_named(corpus):
    assert dng_demands(corpus / "bayer.dng") == ()
    assert dng_demands(corpus / "warped.dng") == ("WarpRectilinear",)
    assert dng_demands(corpus / "brighter.dng") == ("BaselineExposure +1 EV",)
    texts = [one.text for one in read_metadata(corpus / "brighter.dng").remarks]
    assert texts[-1] == "the DNG asks for what is not applied: BaselineExposure +1 EV"


@pytest.mark.parametrize(
    ("tag", "demands"),
    [
        ((50720, "H", 2, (40, 30), True), ("DefaultCrop to 40x30",)),
        ((50720, "2I", 2, (48, 1, 32, 1), True), ("DefaultCrop to 48x32",)),
        ((50720, "I", 2, (56, 40), True), ()),
        ((51125, "2I", 4, (1, 10, 0, 1, 1, 1, 9, 10), True), ("DefaultUserCrop",)),
        ((51125, "2I", 4, (0, 1, 0, 1, 1, 1, 9, 9), True), ()),
        ((50730, "2i", 1, (0, 1), True), ()),
        ((50730, "2i", 1, (1, 0), True), ()),
        ((51022, "B", 6, b"\xff" * 6, True), ()),
    ],
)
def test_other_demands_and_damaged_ones(tmp_path, tag, demands):
    path = tmp_path / "a.dng"
    path.write_bytes(linear_dng(deep(), 0, 65535, tag))
    assert dng_demands(path) == demands


@pytest.mark.parametrize(
    ("opcode", "compression", "demands"),
    [
        (8, 1, ("MapPolynomial",)),
        (8, 34892, ()),  # LibRaw applies it to a lossy DNG
        (13, 34892, ("ScalePerColumn",)),
        (14, 1, ("WarpRectilinear2",)),
        (4, 1, ()),  # single pixels of the sensor
    ],
)
def test_corrections_of_a_dng(tmp_path, opcode, compression, demands):
    path = tmp_path / "a.dng"
    opcodes = struct.pack(">5I", 1, opcode, 0x01030000, 0, 8) + bytes(8)
    asked = linear_dng(deep(), 0, 65535, (51009, "B", len(opcodes), opcodes, True))
    entry = struct.pack("<HHI", 259, 3, 1)
    place = asked.index(entry) + len(entry)
    given = struct.pack("<H", compression)
    path.write_bytes(asked[:place] + given + asked[place + 2 :])
    assert dng_demands(path) == demands


def test_members_that_ask_for_different_corrections_are_named(corpus):
    quality = Quality()
    _check_demands(quality, [corpus / "warped.dng", corpus / "linear.dng"])
    (finding,) = quality.findings
    assert finding.severity == "warn"
    assert finding.text.endswith(
        "applied: blurry for WarpRectilinear, sharp for nothing"
    )
    _check_demands(alike := Quality(), [corpus / "warped.dng"] * 2)
    assert alike.findings == []


def bayer(picture: np.ndarray) -> np.ndarray:
    mosaic = picture[:, :, 1].copy()
    mosaic[0::2, 0::2] = picture[0::2, 0::2, 0] // 2
    mosaic[1::2, 1::2] = picture[1::2, 1::2, 2] // 2
    return mosaic


X_TRANS = ("GBGGRG", "RGRBGB", "GBGGRG", "GRGGBG", "BGBRGR", "GRGGBG")
QUAD_BAYER = ("GGRR", "GGRR", "BBGG", "BBGG")


def of_sensor(picture: np.ndarray, filters: tuple[str, ...]) -> np.ndarray:
    """What each pixel of a sensor with these colour filters sees; red and blue are weaker."""
    light = picture * np.array([0.5, 1, 0.6])
    mosaic = np.empty(picture.shape[:2], np.uint8)
    side = len(filters)
    for row, column in np.ndindex(side, side):
        channel = "RGB".index(filters[row][column])
        mosaic[row::side, column::side] = light[row::side, column::side, channel]
    return mosaic


def large(seed: int) -> np.ndarray:
    return cv2.resize(scene(seed), (240, 160), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("seed", range(6))
def test_a_mosaic_is_known_from_a_picture(seed):
    picture = large(seed)
    noise = np.random.default_rng(seed).normal(0, 8, picture.shape[:2])
    plain = np.clip(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) + noise, 0, 255).astype(
        np.uint8
    )
    assert is_mosaic(bayer(picture))
    assert is_mosaic(np.repeat(bayer(picture)[:, :, None], 3, axis=2))
    assert is_mosaic(bayer(picture).astype(np.uint16) << 4)
    assert not is_mosaic(plain)
    assert not is_mosaic(picture)
    assert not is_mosaic(plain[:20])
    assert not is_mosaic(np.zeros_like(plain))


@pytest.mark.parametrize("filters", [X_TRANS, QUAD_BAYER])
@pytest.mark.parametrize("seed", range(4))
def test_other_mosaics_are_known_wherever_they_begin(seed, filters):
    mosaic = of_sensor(large(seed), filters)
    for top, left in ((0, 0), (1, 0), (2, 3), (1, 5)):
        assert is_mosaic(mosaic[top:, left:])
    assert not is_mosaic(mosaic[::7, ::7])
    blurred = cv2.blur(mosaic, (12, 12))
    assert not is_mosaic(blurred)


def test_lines_of_one_direction_are_no_mosaic():
    lines = np.zeros((128, 128), np.uint8)
    lines[:, ::2] = 200
    thirds = np.zeros((128, 128), np.uint8)
    thirds[:, ::3] = 200
    for one in (lines, thirds):
        assert not is_mosaic(one)
        assert not is_mosaic(one.T)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".jpg", ".jxl"])
def test_a_mosaic_in_equal_colours_is_named_by_a_dataset_of_any_kind(tmp_path, suffix):
    colours = np.repeat(bayer(large(0))[:, :, None], 3, axis=2)
    path = tmp_path / f"a{suffix}"
    if suffix == ".jxl":
        codecs = pytest.importorskip("imagecodecs")
        path.write_bytes(codecs.jpegxl_encode(colours, lossless=True))
    else:
        form = {".webp": {"lossless": True}, ".jpg": {"quality": 95}}
        Pillow.fromarray(colours).save(path, **form.get(suffix, {}))
    assert MOSAIC in reading_of_files([path]).remarks


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp"])
def test_transparency_is_said_where_it_is_not_read(tmp_path, suffix):
    """``restore`` keeps it, so it says nothing."""
    opaque = np.full((*scene().shape[:2], 1), 255, np.uint8)
    shown = opaque.copy()
    shown[:5] = 90
    said = []
    for layer in (opaque, shown):
        path = tmp_path / f"{layer[0, 0, 0]}{suffix}"
        pixels = np.dstack([scene(), layer])
        path.write_bytes(encoded_picture(pixels, Metadata(), KINDS[suffix]))
        said.append(reading_of_files([path]).remarks)
        assert read_own_picture(path).metadata.remarks == ()
    assert said == [(), (TRANSPARENT,)]


@pytest.mark.parametrize("suffix", [".webp", ".bmp", ".png"])
def test_transparency_behind_an_opaque_picture_is_said(tmp_path, suffix):
    opaque, transparent = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    lossless = Metadata(lossless=True)
    both = np.dstack([scene(), alpha()])
    opaque.write_bytes(encoded_picture(scene(), lossless, KINDS[suffix]))
    transparent.write_bytes(encoded_picture(both, lossless, KINDS[suffix]))
    assert reading_of_files([opaque, opaque]).remarks == ()
    assert reading_of_files([opaque, transparent]).remarks == (TRANSPARENT,)


def _opaque_and_transparent():
    """Kinds of files, each without and with pixels that are not opaque."""
    both = np.dstack([scene(), alpha()])
    for kind in ("AVIF", "HEIF"):
        if kind == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        yield kind, saved(scene(), kind), saved(both, kind)
    for name, picture in (("grey", grey()), ("colour", scene()), ("deep", deep())):
        png = opencv(picture, ".png")
        named = struct.pack(f">{picture[0, 0].size}H", *np.ravel(picture[0, 0]))
        yield name, png, png_with(png, (b"tRNS", named))


def test_transparency_of_every_kind_is_said_behind_an_opaque_picture(tmp_path):
    for kind, without, with_it in _opaque_and_transparent():
        opaque, transparent = tmp_path / f"{kind}-a", tmp_path / f"{kind}-b"
        opaque.write_bytes(without)
        transparent.write_bytes(with_it)
        said = [
            TRANSPARENT in reading_of_files([opaque, p]).remarks
            for p in (opaque, transparent)
        ]
        assert said == [False, True], kind
        assert read_stored(transparent).shape[-1] in {2, 4}


def _refused_files():
    yield (
        "inks16.tif",
        tiff(deep(np.dstack([scene(), grey()])), photometric="separated"),
    )
    codecs = pytest.importorskip("imagecodecs")
    floats = (scene() / 255).astype(np.float32)
    yield "float.jxl", codecs.jpegxl_encode(floats, lossless=True)
    asking = (51125, "2I", 4, (1, 10, 0, 1, 1, 1, 9, 10), True)
    uncompressed, jpeg_xl = (struct.pack("<HHIH", 259, 3, 1, c) for c in (1, 52546))
    dng = linear_dng(deep(), 0, 65535, asking).replace(uncompressed, jpeg_xl)
    yield "jpeg-xl.dng", dng


def test_of_a_refused_file_nothing_else_is_said(tmp_path):
    good = tmp_path / "a.png"
    good.write_bytes(encoded_picture(scene(), Metadata(), "PNG"))
    for name, content in _refused_files():
        path = tmp_path / name
        path.write_bytes(content)
        assert said_of_file(path)
        with pytest.raises(ImageError):
            read_image(path)
        assert reading_of_files([path], [good, path]).remarks == (), name


TEN_BITS = bmp_of_fields(
    32, (0x3FF00000, 0xFFC00, 0x3FF, 0), deep()[:, :, 0].astype("<u4").tobytes()
)
FILLED = bmp_of_fields(
    32, (0xFF0000, 0xFF00, 0xFF, 0), np.dstack([scene(), alpha()]).tobytes()
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ten-bits.bmp", TEN_BITS),
        ("filled.bmp", FILLED),
        ("unstated.tif", tiff(np.dstack([scene(), alpha()]), extrasamples=[0])),
    ],
)
def test_values_that_are_not_read_are_said_by_each_verb(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    said = tuple(one.text for one in read_own_picture(path).metadata.remarks)
    assert len(said) == 1
    assert said_of_file(path) == said
    assert reading_of_files([path]).remarks == said


KINDS = {".png": "PNG", ".tif": "TIFF", ".webp": "WebP", ".bmp": "BMP"}


def test_a_mosaic_is_asked_about_by_each_verb(tmp_path, capsys):
    for role in ("blurry", "sharp"):
        (tmp_path / role).mkdir()
        cv2.imwrite(str(tmp_path / role / "a.png"), bayer(large(0)))
    pair = Pair(
        "a", "a", "test", tmp_path / "blurry" / "a.png", tmp_path / "sharp" / "a.png"
    )
    dataset = opened("pairs", tmp_path, (pair,))
    assert MOSAIC in capsys.readouterr().err
    assert [one.text for one in warnings_of(dataset.pairs) if one.what == "mosaic"] == [
        MOSAIC
    ]
    read_image(pair.blurry)
    assert f"{pair.blurry}: {MOSAIC}" in capsys.readouterr().err
    assert [one.text for one in read_own_picture(pair.blurry).metadata.remarks] == [
        MOSAIC
    ]


OME = (
    '<?xml version="1.0"?><OME><Image><Pixels SizeC="{}" SizeT="1" SizeX="56" SizeY="40" '
    'SizeZ="{}"/></Image></OME>'
)


@pytest.mark.parametrize(
    ("colours", "planes", "stays"), [(1, 1, True), (1, 5, False), (3, 1, False)]
)
def test_an_ome_description_of_other_pixels_is_left_out(
    tmp_path, colours, planes, stays
):

    path = tmp_path / "a.tif"
    path.write_bytes(tiff(grey(), description=OME.format(colours, planes)))
    own = read_own_picture(path)
    content = encoded_picture(own.stored, own.metadata, "TIFF")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert (270 in file.pages.first.tags) == stays
