"""Steps that write pictures again hand on what their numbers mean."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from defocus.datasets.release.pictures.colour import give_profile, in_srgb, profile_of
from defocus.images import read_image, write_image
from tests.conftest import Run
from tests.datasets.test_release_facts import wide_profile

WIDE = wide_profile()  # made once: a profile has the second of its making
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A sharp picture with coloured texture, and a blurry one."""
    noise = np.random.default_rng(0).normal(0.5, 0.25, (128, 160, 3))
    sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
    sharp = (sharp - sharp.min()) / np.ptp(sharp) * np.array([0.9, 0.6, 0.3])
    blurry = cv2.GaussianBlur(sharp, (0, 0), 2.0)
    return (255 * sharp).astype(np.uint8), (255 * blurry).astype(np.uint8)


@pytest.fixture
def wide(pictures: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    """A folder with one pair of another colour space than sRGB."""
    for role, picture in zip(("sharp", "blurry"), pictures, strict=True):
        (tmp_path / "wide" / role).mkdir(parents=True)
        path = tmp_path / "wide" / role / "a.png"
        PillowImage.fromarray(picture).save(path, icc_profile=WIDE)
    return tmp_path / "wide"


def test_a_compensated_pair_has_the_colours_of_its_files(
    wide: Path, run: Run, tmp_path: Path
) -> None:
    told = run("defocus-data", "compensate", f"pairs:{wide}", "--out", tmp_path / "out")
    assert told.returncode == 0, told.stderr
    assert "a: colour space: Wide built-in, taken for sRGB" in told.stderr
    made = tmp_path / "out" / "pairs" / "a"
    for role in ("blurry", "sharp"):
        assert profile_of(made / f"{role}.png") == WIDE
        stored = read_image(made / f"{role}.png")
        converted = in_srgb(made / f"{role}.png", stored)  # as a release has it
        assert np.abs(converted.astype(int) - stored[:, :, ::-1]).max() <= 3  # red for blue


def test_an_aligned_pair_has_them_and_is_repeated_to_the_byte(
    wide: Path, run: Run, tmp_path: Path
) -> None:
    members = wide / "blurry/a.png", wide / "sharp/a.png"
    assert run("defocus-data", "align", *members, "--out", tmp_path / "out").returncode == 0
    record = tmp_path / "out/misalignment.json"
    again = ("align", *members, "--out", tmp_path / "again", "--from-record", record)
    told = run("defocus-data", *again)
    assert told.returncode == 0, told.stderr
    for role in ("blurry", "sharp"):
        made = tmp_path / "out" / f"{role}.png"
        assert profile_of(made) == WIDE
        assert (tmp_path / "again" / f"{role}.png").read_bytes() == made.read_bytes()


def test_patches_have_the_colours_of_their_picture(wide: Path, run: Run, tmp_path: Path) -> None:
    (wide / "train").mkdir()
    for role in ("blurry", "sharp"):
        shutil.move(wide / role, wide / "train" / role)
    told = run(
        "defocus-data", "patches", f"pairs:{wide}", "--out", tmp_path / "out", "--side", "64"
    )
    assert told.returncode == 0, told.stderr
    made = sorted((tmp_path / "out").rglob("*.png"))
    assert len(made) >= 2
    assert {profile_of(path) for path in made} == {WIDE}


def test_a_fused_picture_has_the_colours_of_its_frames(
    pictures: tuple[np.ndarray, np.ndarray], run: Run, tmp_path: Path
) -> None:
    sharp, blurry = pictures
    (tmp_path / "stack").mkdir()
    middle = sharp.shape[1] // 2
    for name, left, right in (("1", sharp, blurry), ("2", blurry, sharp)):
        frame = np.concatenate([left[:, :middle], right[:, middle:]], axis=1)
        path = tmp_path / "stack" / f"{name}.png"
        PillowImage.fromarray(frame).save(path, icc_profile=WIDE)
    told = run("defocus-data", "fuse", tmp_path / "stack", "--out", tmp_path / "out")
    assert told.returncode == 0, told.stderr
    (made,) = (tmp_path / "out").rglob("all-in-focus.png")
    assert profile_of(made) == WIDE


@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_stay_and_only_profiles_of_rgb_are_given(bits: int, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (9, 8, 3), np.uint8)
    made = tmp_path / "made.png"
    grey = bytearray(WIDE)
    grey[16:20] = b"GRAY"
    for profile in (SRGB, b"no profile at all" * 20, bytes(grey), b"", WIDE):
        PillowImage.fromarray(picture).save(tmp_path / "a.png", icc_profile=profile or None)
        write_image(made, picture if bits == 8 else picture.astype(np.uint16) * 257)
        before, pixels = made.read_bytes(), read_image(made)
        give_profile(tmp_path / "a.png", made)
        assert (made.read_bytes() == before) == (profile != WIDE)
        np.testing.assert_array_equal(read_image(made), pixels)
    with PillowImage.open(made) as opened:
        opened.load()  # checks the checksums of chunks
        assert opened.info["icc_profile"] == WIDE
    (tmp_path / "a.png").rename(tmp_path / "a.nef")  # RAW: what it holds besides says nothing
    write_image(made, picture)
    give_profile(tmp_path / "a.nef", made)
    assert not profile_of(made)
