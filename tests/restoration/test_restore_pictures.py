"""What stays of a restored picture: its kind, colours, transparency; masks, maps and folders."""

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps
from torch import nn

from defocus.blur import learned_map
from defocus.blur.learned_map import estimate_blur_map
from defocus.errors import ImageError
from defocus.pictures.blocks import Block
from defocus.pictures.metadata import Metadata, read_metadata
from defocus.pictures.png import png_chunk
from defocus.pictures.read import read_own_picture, read_stored
from defocus.pictures.tags import exif_blocks
from defocus.pictures.values import OwnPicture, StoredColours, as_shown, as_stored
from defocus.pictures.write import foreseen_remarks, write_picture
from defocus.progress import say
from defocus.restoration.files.sources import read_mask
from defocus.restoration.restoration import changed_share
from tests.capture.raw_sessions import bayer_dng
from tests.restoration.test_restore import made_in
from tests.restoration.test_restore_fidelity import PROFILE


def block_of(**tags: Any) -> bytes:
    """An EXIF block with some tags."""
    exif = Pillow.Exif()
    exif.update({int(tag.removeprefix("tag")): value for tag, value in tags.items()})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def remarks_on(path: Path) -> tuple[str, ...]:
    """What is said of a picture that is restored to its own kind of file."""
    picture = read_own_picture(path)
    return foreseen_remarks(picture.stored, picture.metadata, picture.metadata.kind)


def smooth(*shape: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(len(shape)).random(shape).astype(np.float32)
    soft = cv2.GaussianBlur(drawn, (0, 0), 2.0)
    return np.asarray((soft - soft.min()) / np.ptp(soft), np.float32)


def stored(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    values = smooth(*shape)
    if np.dtype(dtype).kind == "f":
        return np.asarray(1.5 * values - 0.2, dtype)
    return np.asarray(np.rint(values * np.iinfo(dtype).max), dtype)


@pytest.mark.parametrize(
    ("suffix", "shape", "dtype"),
    [
        *(
            (suffix, shape, dtype)
            for suffix in (".png", ".tif")
            for shape in ((33, 40), (33, 40, 2), (33, 40, 4))
            for dtype in (np.uint8, np.uint16)
        ),
        (".tif", (33, 40), np.float32),
        (".tif", (33, 40, 3), np.float32),
        (".tif", (33, 40, 4), np.float64),
    ],
)
def test_a_picture_is_written_as_it_was_read(tmp_path, suffix, shape, dtype):
    """Colours that are given back unchanged change nothing, beyond [0, 1] neither."""
    path, again = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    pixels = stored(shape, dtype)
    profile = PROFILE if len(shape) == 3 else b""
    write_picture(path, pixels, Metadata(exif=block_of(tag271="Maker"), icc=profile))
    picture = read_own_picture(path)
    np.testing.assert_array_equal(picture.stored, pixels)
    written = picture.with_colours(picture.colours())
    np.testing.assert_allclose(written, pixels, rtol=1e-6, atol=1e-6)
    write_picture(again, written, picture.metadata)
    assert (read_stored(again).dtype, read_stored(again).shape) == (dtype, shape)
    assert Block("EXIF", "Make", b"Maker\0") in exif_blocks(read_metadata(again).exif)
    assert read_metadata(again).icc == profile


@pytest.mark.parametrize("shape", [(300, 40), (300, 40, 2), (300, 40, 3), (300, 40, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_parts_of_a_picture_are_those_of_the_whole(shape, dtype):
    picture = OwnPicture(stored(shape, dtype), Metadata())
    parts, whole = StoredColours(picture), picture.colours()
    assert parts.shape == whole.shape == (300, 40, 3)
    rows, columns = slice(10, 290), slice(3, 17)
    np.testing.assert_array_equal(parts[rows], whole[rows])
    np.testing.assert_array_equal(parts[rows, columns], whole[rows, columns])
    np.testing.assert_array_equal(
        picture.with_colours(parts), picture.with_colours(whole)
    )


def test_what_cannot_be_seen_and_transparency_stay():
    pixels = stored((20, 20, 4), np.uint8)
    pixels[:5, :, 3] = 0
    written = OwnPicture(pixels, Metadata()).with_colours(
        np.zeros((20, 20, 3), np.float32)
    )
    np.testing.assert_array_equal(written[:5], pixels[:5])
    np.testing.assert_array_equal(written[:, :, 3], pixels[:, :, 3])
    assert written[5:, :, :3].max() == 0


def test_layouts_that_opencv_misreads(tmp_path):
    """Colours that lie apart, and half floats."""
    apart, halves = stored((9, 12, 3), np.uint16), stored((9, 12, 3), np.float16)
    planes = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "a.tif", apart.transpose(2, 0, 1), **planes)
    tifffile.imwrite(tmp_path / "b.tif", halves, photometric="rgb")
    np.testing.assert_array_equal(read_stored(tmp_path / "a.tif"), apart)
    np.testing.assert_array_equal(
        read_stored(tmp_path / "b.tif"), halves.astype(np.float32)
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_what_has_no_colour_gets_no_tint(tmp_path, mode):
    path, grey = tmp_path / "a.png", Pillow.fromarray(stored((20, 30), np.uint8))
    grey.convert(mode).save(path)
    picture = read_own_picture(path)
    tinted = picture.colours() * np.array([1.0, 0.8, 0.6], np.float32)
    write_picture(tmp_path / "b.png", picture.with_colours(tinted), picture.metadata)
    with Pillow.open(tmp_path / "b.png") as image:
        assert image.mode == mode
        colours = np.asarray(image.convert("RGB"))
    assert not np.ptp(colours, axis=2).any()
    assert colours.mean() == pytest.approx(0.8 * np.asarray(grey).mean(), rel=0.02)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp"])
def test_the_resolution_in_dots_per_inch_stays(tmp_path, suffix):
    given, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    Pillow.fromarray(stored((20, 30, 3), np.uint8)).save(given, dpi=(300, 240))
    picture = read_own_picture(given)
    write_picture(target, picture.stored, picture.metadata)
    with Pillow.open(target) as opened:
        assert opened.info["dpi"] == pytest.approx((300, 240), rel=1e-3)


@pytest.mark.parametrize(
    "name", ["frames.tif", "frames.png", "frames.webp", "frames.jpg"]
)
def test_frames_that_are_left_out_are_told(tmp_path, name):
    frames = [
        Pillow.fromarray(stored((20, 30, 3), np.uint8)[::step]) for step in (1, -1)
    ]
    kind = {"format": "MPO"} if name.endswith(".jpg") else {}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **kind)
    (remark,) = remarks_on(tmp_path / name)
    others = "holds 2 pictures; the first is read, the others are left out"
    assert remark == ("its further picture stays as it was" if kind else others)
    frames[0].save(tmp_path / name)
    assert remarks_on(tmp_path / name) == ()


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_inks_that_become_colours_are_told(tmp_path, suffix, run):
    path = tmp_path / f"a{suffix}"
    Pillow.fromarray(stored((20, 30, 3), np.uint8)).convert("CMYK").save(path)
    result = run(
        "defocus-restore",
        path,
        "--baseline",
        "wiener",
        "--out",
        tmp_path / "out",
        code=0,
    )
    assert (
        result.stderr.count(f"{path}: CMYK becomes RGB without its colour profile") == 1
    )
    assert read_stored(tmp_path / "out" / path.name).shape == (20, 30, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_lies_over_the_picture_as_it_is_shown(tmp_path, orientation, refused):
    exif = Pillow.Exif()
    exif[274] = orientation
    Pillow.fromarray(stored((20, 30, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    picture = read_own_picture(tmp_path / "a.jpg")
    wanted = np.zeros((20, 30), np.uint8)
    wanted[2:9, 4:25] = 255
    shown = as_shown(wanted, orientation)
    cv2.imwrite(str(tmp_path / "mask.png"), shown)
    np.testing.assert_array_equal(as_stored(shown, orientation), wanted)
    np.testing.assert_array_equal(
        read_mask(tmp_path / "mask.png", picture) * 255, wanted
    )
    with Pillow.open(tmp_path / "a.jpg") as opened:
        assert ImageOps.exif_transpose(opened).size == shown.shape[::-1]
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((7, 7), np.uint8))
    with refused(ImageError):
        read_mask(tmp_path / "other.png", picture)


def test_a_tiff_with_a_smaller_copy_or_values_that_are_not_finite(tmp_path, refused):
    """A smaller copy is no second picture; the values are refused."""
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(stored((20, 30, 3), np.uint8), photometric="rgb")
        file.write(stored((10, 15, 3), np.uint8), photometric="rgb", subfiletype=1)
    assert remarks_on(tmp_path / "a.tif") == ()
    pixels = np.full((20, 20, 3), np.nan, np.float32)
    tifffile.imwrite(tmp_path / "b.tif", pixels, photometric="rgb")
    with refused(ImageError):
        read_own_picture(tmp_path / "b.tif")


def lettering() -> NDArray[np.uint8]:
    """Sharp letters on the left, the same behind a disc on the right."""
    sharp = np.full((160, 160, 3), 225, np.uint8)
    for line in range(20, 160, 22):
        cv2.putText(
            sharp,
            "defocus 0815",
            (6, line),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            (30, 35, 40),
            1,
        )
    y, x = np.mgrid[-4:5, -4:5]
    disc = (np.hypot(x, y) <= 4.2).astype(np.float32)
    blurred = cv2.filter2D(sharp, -1, disc / disc.sum())
    return np.hstack([sharp, blurred])


def test_a_folder_a_mask_and_a_map_from_the_command_line(tmp_path, run):
    picture, folder = lettering(), tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), picture)
    (folder / "notes.txt").write_text("no picture")
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:, 200:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    words = (
        "--mask",
        tmp_path / "mask.png",
        "--map",
        tmp_path / "blur.png",
        "--no-guard",
    )
    result = run(
        "defocus-restore", folder, "--out", tmp_path / "out", *words, "--json", code=0
    )
    (row,) = json.loads(result.stdout)
    assert (row["image"], row["checked"]) == (str(folder / "a.png"), 0)
    restored = cv2.imread(str(tmp_path / "out" / "a.png"))
    np.testing.assert_array_equal(restored[:, :200], picture[:, :200])
    assert np.abs(restored[:, 210:].astype(int) - picture[:, 210:]).mean() > 1
    diameters = tifffile.imread(tmp_path / "blur.tif")
    assert (diameters.shape, diameters.dtype) == (picture.shape[:2], np.float32)
    assert diameters[:, 220:300].mean() > diameters[:, 20:100].mean() + 2
    assert cv2.imread(str(tmp_path / "blur.png")).shape == picture.shape
    again = run("defocus-restore", folder, "--out", tmp_path / "out", *words, code=0)
    maps = f"{tmp_path / 'blur.png'} and {tmp_path / 'blur.tif'}"
    assert again.stdout.endswith(
        f"; map of blur: {maps}; the picture was done before\n"
    )
    other = run("defocus-restore", folder, "--out", tmp_path / "new", *words)
    assert (
        "blur.png: exists already; choose another name for the map, which"
        in other.stderr
    )
    assert not (tmp_path / "new").exists()


def test_tags_without_a_place_get_no_empty_one(tmp_path):
    metadata = Metadata(exif=block_of(tag271="Maker"))
    write_picture(tmp_path / "a.jpg", stored((20, 30, 3), np.uint8), metadata)
    with Pillow.open(tmp_path / "a.jpg") as picture:
        assert dict(picture.getexif()) == {271: "Maker"}


def test_the_line_says_who_changed_how_much(tmp_path, run):
    cv2.imwrite(str(tmp_path / "a.png"), lettering())
    words = ("restore", tmp_path / "a.png", "--out", tmp_path / "out")
    whole = run("defocus-bench", *words, "--no-guard").stdout
    line = r"a\.png: 320x160, 8 bits; defocus-m changed \d+ % of the pixels\n"
    assert re.search(line, whole), whole
    unseen = np.dstack([lettering(), np.zeros((160, 320), np.uint8)])
    cv2.imwrite(str(tmp_path / "b.png"), unseen)
    clear = run("defocus-restore", tmp_path / "b.png", *words[2:], "--no-guard").stdout
    for nothing in (run("defocus-bench", *words, "--strength", "0").stdout, clear):
        assert (
            "; defocus-m changed hardly anything (under 1 % of the pixels)" in nothing
        )


def test_the_sharp_part_can_be_left():
    picture = np.asarray(lettering() / np.float32(255), np.float32)
    blur_map = estimate_blur_map(picture)
    share = blur_map.sharp()
    assert share[:, 10:130].mean() > share[:, 190:310].mean() + 0.4
    assert not blur_map.too_blurred


def points_of_light() -> NDArray[np.float32]:
    return (np.random.default_rng(3).random((512, 512, 3)) > 0.995).astype(np.float32)


def nothing_but_blur() -> NDArray[np.float32]:
    """Points of light behind a disc of 40 px with a soft rim."""
    y, x = np.mgrid[-20:21, -20:21]
    disc = (np.hypot(x, y) <= 20).astype(np.float32)
    blurred = cv2.GaussianBlur(cv2.filter2D(points_of_light(), -1, disc), (0, 0), 3)
    return np.asarray(blurred / blurred.max(), np.float32)


class Talking(nn.Module):
    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        say("the network starts")
        return blurry


def test_that_a_picture_is_too_blurred_is_said_before_the_network_starts(
    tmp_path, capfd, monkeypatch
):
    # a real one takes a large picture
    monkeypatch.setattr(learned_map, "RESCUED_TO_PX", 20.0)
    for name, picture in (("fog", nothing_but_blur()), ("stars", points_of_light())):
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), np.rint(255 * picture).astype(np.uint8))
        (restoration,) = made_in(tmp_path / "out", path, network=Talking, tile=0)
        assert restoration.to_json()["too_blurred"] == (name == "fog")
        before, _, _ = capfd.readouterr().err.partition("the network starts")
        wanted = rf"{path}: too blurred to rescue: .* about \d\d px or more in its sharpest parts; "
        assert bool(re.search(wanted, before)) == (name == "fog")


def test_that_a_picture_was_enlarged_is_said(tmp_path, capfd):
    photograph = skimage.data.coffee()[:160, 100:300]
    given = tmp_path / "given.png"
    larger = tmp_path / "larger.png"
    enlarged = cv2.resize(photograph, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(given), photograph)
    cv2.imwrite(str(larger), enlarged)
    (plain,) = made_in(tmp_path / "plain", given, network=Talking, tile=0)
    assert plain.to_json()["enlarged"] == 1
    assert "was enlarged" not in capfd.readouterr().err
    (known,) = made_in(tmp_path / "known", larger, network=Talking, tile=0)
    assert known.to_json()["enlarged"] == 2
    sentence = f"{larger}: was enlarged by 2: restored at half its size\n"
    assert sentence in capfd.readouterr().err


def test_a_dataset_is_restored_under_names_that_score_takes(run, tmp_path):
    for name in ("cafe", "park"):
        for role in ("blurry", "sharp"):
            path = tmp_path / "mine" / role / "test" / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(stored((48, 64, 3), np.uint8)).save(path)
    dataset = ("--dataset", "pairs:mine")
    run("defocus-restore", *dataset, "--baseline", "wiener", "--out", "out", code=0)
    names = {"test-cafe.png", "test-park.png"}
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == names
    words = ("--restored", "out", *dataset, "--profile", "dpdd8", "--json")
    scored = run("defocus-bench", "score", *words, code=0)
    assert set(json.loads(scored.stdout)["files"].values()) == names
    wrong = run("defocus-restore", *dataset, "a.png", code=2)
    assert "--dataset gives the pictures; omit IMAGES" in wrong.stderr


@pytest.mark.filterwarnings("error")
def test_metadata_of_a_picture_that_pillow_takes_for_a_bomb(tmp_path):
    """182 MP: the pixels are read by OpenCV, up to 400 MP; of Pillow only the header is wanted."""
    exif = Pillow.Exif()
    exif[271] = "a maker"
    head = struct.pack(">IIBBBBB", 13_500, 13_500, 8, 0, 0, 0, 0)
    pieces = {b"IHDR": head, b"eXIf": exif.tobytes().removeprefix(b"Exif\0\0")}
    pieces |= {b"IDAT": zlib.compress(b""), b"IEND": b""}
    whole = b"".join(png_chunk(*piece) for piece in pieces.items())
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + whole)
    metadata = read_metadata(tmp_path / "a.png")
    assert exif_blocks(metadata.exif) == [Block("EXIF", "Make", b"a maker\0")]


def test_an_orientation_that_is_no_number_is_left_out(tmp_path):
    """A RAW file whose tag says that its orientation is text; found by fuzzing."""
    raw = bayer_dng(tmp_path / "a.dng", np.full((64, 64), 0.25))
    content = raw.read_bytes()
    entry = struct.pack("<HHIH", 274, 3, 1, 6)
    assert content.count(entry) == 1
    assert read_metadata(raw).orientation == 6
    raw.write_bytes(content.replace(entry, struct.pack("<HHIH", 274, 2, 1, 6)))
    assert read_metadata(raw).orientation == 1
    content += struct.pack("<II", 6, 1)
    wanted = struct.pack("<HHII", 274, 5, 1, len(content) - 8)
    raw.write_bytes(content.replace(content[content.index(entry) :][:12], wanted))
    assert read_metadata(raw).orientation == 6


def test_the_share_of_changed_pixels():
    blurry = np.full((300, 10, 3), 0.5, np.float32)
    restored = blurry.copy()
    restored[:, :5, 1] += 0.1
    restored[:, 5:] += 1 / 255
    assert changed_share(blurry, restored) == 0.5
