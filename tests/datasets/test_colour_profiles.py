"""Steps that write pictures again hand on what their numbers mean."""

import json
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from defocus.align.sampling.resample import Rectangle
from defocus.capture.planning.exposure import make_exposure
from defocus.capture.quality.pair_quality import judge_pair
from defocus.capture.quality.shot_findings import PairShots
from defocus.datasets.audit.members import warnings_of
from defocus.datasets.pair import Pair
from defocus.datasets.release.pictures import released_members
from defocus.errors import ImageError
from defocus.pictures.carried import give_blocks
from defocus.pictures.metadata import Exif
from defocus.pictures.png import PNG_HEAD_BYTES, png_chunk
from defocus.pictures.profiles import colour_code, in_srgb, in_two_spaces, profile_of
from defocus.pictures.read import read_blurry, read_image, read_pair, read_sharp
from defocus.pictures.write import write_image
from tests.datasets.test_release_facts import wide_profile

WIDE = wide_profile()  # made once: a profile has the second of its making
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def pictures():
    """A sharp picture with coloured texture, and a blurry one."""
    noise = np.random.default_rng(0).normal(0.5, 0.25, (128, 160, 3))
    sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
    sharp = (sharp - sharp.min()) / np.ptp(sharp) * np.array([0.9, 0.6, 0.3])
    blurry = cv2.GaussianBlur(sharp, (0, 0), 2.0)
    return (255 * sharp).astype(np.uint8), (255 * blurry).astype(np.uint8)


def folder_of(root, sharp, blurry, of_blurry):
    """One pair; the sharp member has its colours by a profile."""
    for role, picture, profile in (
        ("sharp", sharp, WIDE),
        ("blurry", blurry, of_blurry),
    ):
        (root / role).mkdir(parents=True)
        PillowImage.fromarray(picture).save(root / role / "a.png", icc_profile=profile)
    return root


@pytest.fixture
def wide(pictures, tmp_path):
    """A folder with one pair of another colour space than sRGB."""
    return folder_of(tmp_path / "wide", *pictures, WIDE)


def test_a_compensated_pair_keeps_its_colours(wide, data, tmp_path):
    result = data("compensate", f"pairs:{wide}", "--out", tmp_path / "out")
    assert "a: colour space: Wide built-in, taken for sRGB" in result.stderr
    folder = tmp_path / "out" / "pairs" / "a"
    for role in ("blurry", "sharp"):
        assert profile_of(folder / f"{role}.png") == WIDE
        stored = read_image(folder / f"{role}.png")
        converted = in_srgb(folder / f"{role}.png", stored)  # as a release has it
        # red for blue
        assert np.abs(converted.astype(int) - stored[:, :, ::-1]).max() <= 3


@pytest.fixture
def mixed(pictures, tmp_path):
    """A folder with one pair whose sharp member alone has its colours by a profile."""
    sharp, blurry = pictures
    # red for blue
    return folder_of(tmp_path / "mixed", sharp[:, :, ::-1], blurry, None)


def colour_error(blurry, sharp):
    """Of each channel: root mean square of the smoothed difference, of 255."""
    apart = cv2.GaussianBlur(blurry.astype(float) - sharp, (0, 0), 8)
    return np.sqrt(np.square(apart).mean(axis=(0, 1)))


def test_two_colour_spaces_become_one_before_anything_is_measured(
    pictures, mixed, data, tmp_path
):
    command = (
        "compensate",
        f"pairs:{mixed}",
        "--out",
        tmp_path / "out",
        "--photometric",
        "none",
    )
    result = data(*command)
    assert "the sharp one Wide built-in; both are converted to sRGB" in result.stderr
    folder = tmp_path / "out" / "pairs" / "a"
    members = [folder / f"{role}.png" for role in ("blurry", "sharp")]
    assert [profile_of(one) for one in members] == [b"", b""]
    document = json.loads((folder / "misalignment.json").read_text())
    captured = Rectangle(**document["crop_px"]).of(pictures[0])
    assert colour_error(captured, read_image(members[1])).max() < 0.8
    assert np.ptp(document["gain"]) < 0.05
    again = tmp_path / "again"
    files = mixed / "blurry/a.png", mixed / "sharp/a.png"
    repeat = (
        "align",
        *files,
        "--out",
        again,
        "--from-record",
        folder / "misalignment.json",
    )
    data(*repeat)
    assert (again / "sharp.png").read_bytes() == members[1].read_bytes()


def test_a_release_has_no_pair_of_two_colour_spaces(pictures, mixed, refused):
    blurry, sharp = mixed / "blurry/a.png", mixed / "sharp/a.png"
    pair = Pair("a", "a", "test", blurry, sharp)
    with refused(ImageError):
        released_members(pair)
    whole = read_pair(blurry, sharp)
    # what a network gets, and what its output is compared with
    np.testing.assert_array_equal(read_blurry(blurry, sharp), whole[0])
    np.testing.assert_array_equal(read_sharp(sharp, blurry), whole[1])
    for one, plain in zip(whole, pictures[::-1], strict=True):
        assert (
            colour_error(one, plain).max()
            < 0.8
            < colour_error(plain, plain[:, :, ::-1]).max()
        )


def test_profiles_of_one_meaning_are_one_colour_space(wide, tmp_path, refused):
    files = wide / "blurry/a.png", wide / "sharp/a.png"
    plain, named, damaged = (
        tmp_path / f"{name}.png" for name in ("plain", "named", "damaged")
    )
    picture = PillowImage.fromarray(read_image(files[0]))
    for path, profile in (
        (plain, None),
        (named, SRGB),
        (damaged, b"no profile at all" * 20),
    ):
        picture.save(path, icc_profile=profile)
    assert not in_two_spaces(*files)
    assert not in_two_spaces(plain, named)
    assert in_two_spaces(plain, files[1])
    with refused(ImageError):
        read_pair(plain, damaged)
    np.testing.assert_array_equal(read_pair(*files)[0], read_image(files[0]))


def with_code(path, picture, *chunks: tuple[bytes, bytes]):
    """A PNG with chunks, or a JPEG of a camera that was set to Adobe RGB."""
    exif = PillowImage.Exif()
    exif.get_ifd(34665)[40965] = {1: "R03"}
    options = {"exif": exif, "quality": 95} if path.suffix == ".jpg" else {}
    PillowImage.fromarray(picture).save(path, **options)
    if chunks:
        png, added = path.read_bytes(), b"".join(png_chunk(*one) for one in chunks)
        path.write_bytes(png[:PNG_HEAD_BYTES] + added + png[PNG_HEAD_BYTES:])
    return path


LINEAR, OF_SRGB = struct.pack(">I", 100_000), struct.pack(">I", 45_455)
PLACES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_PLACES = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ([(b"cICP", bytes([12, 13, 0, 1]))], "cICP primaries 12, curve 13"),
        ([(b"gAMA", LINEAR)], "gAMA 1"),
        ([(b"gAMA", OF_SRGB), (b"cHRM", P3_PLACES)], "cHRM 0.3127 0.329 0.68"),
        ((), "Adobe RGB by its EXIF"),
        ([(b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", LINEAR)], ""),
        ([(b"gAMA", OF_SRGB), (b"cHRM", PLACES)], ""),
        ([(b"sRGB", b"\0"), (b"gAMA", LINEAR)], ""),
        ([(b"gAMA", b"short")], ""),
    ],
)
def test_colours_named_by_a_code_are_not_mixed_with_others(
    pictures, tmp_path, chunks, code, refused
):
    sharp = with_code(tmp_path / ("a.png" if chunks else "a.jpg"), pictures[0], *chunks)
    plain = with_code(tmp_path / "b.png", pictures[1])
    assert colour_code(sharp).startswith(code)
    assert bool(colour_code(sharp)) == in_two_spaces(plain, sharp) == bool(code)
    pair = Pair("a", "a", "test", plain, sharp)
    warned = [one.text for one in warnings_of([pair])]
    if not code:
        assert warned == []
        read_pair(plain, sharp)
        return
    assert code in warned[0]
    assert warned[0].endswith("convert both to sRGB")
    for read in (lambda: read_pair(plain, sharp), lambda: read_sharp(sharp, plain)):
        with refused(ImageError):
            read()
    with pytest.raises(
        ImageError, match=f"the sharp one in {code}.*convert both to sRGB"
    ):
        released_members(pair)
    read_pair(sharp, sharp)  # both name the same
    (warning,) = warnings_of([Pair("a", "a", "test", sharp, sharp)])
    assert "not converted but read as sRGB" in warning.text


def test_a_verdict_compares_colours_and_not_codes(mixed):
    exposure = make_exposure(("8", 8.0), ("1/60", 1 / 60), ("100", 100.0))
    paths = {role: mixed / role / "a.png" for role in ("blurry", "sharp")}
    asked, exif = dict.fromkeys(paths, exposure), dict.fromkeys(paths, Exif())
    judgement = judge_pair(PairShots(paths, asked, exif, writes_exif=False))
    assert "compared in sRGB" in judgement.reason
    assert max(map(abs, judgement.numbers["colour_ev"])) < 0.05, judgement.reason


@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_stay_and_only_profiles_of_rgb_are_given(bits, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (9, 8, 3), np.uint8)
    target = tmp_path / "made.png"
    grey = bytearray(WIDE)
    grey[16:20] = b"GRAY"
    for profile in (b"no profile at all" * 20, bytes(grey), b"", SRGB, WIDE):
        PillowImage.fromarray(picture).save(
            tmp_path / "a.png", icc_profile=profile or None
        )
        write_image(target, picture if bits == 8 else picture.astype(np.uint16) * 257)
        before, pixels = target.read_bytes(), read_image(target)
        give_blocks(tmp_path / "a.png", target)
        assert (target.read_bytes() == before) == (profile not in (SRGB, WIDE))
        np.testing.assert_array_equal(read_image(target), pixels)
    with PillowImage.open(target) as opened:
        opened.load()  # checks the checksums of chunks
        assert opened.info["icc_profile"] == WIDE
    # RAW: what it holds besides says nothing
    (tmp_path / "a.png").rename(tmp_path / "a.nef")
    write_image(target, picture)
    give_blocks(tmp_path / "a.nef", target)
    assert not profile_of(target)
