"""Warnings where the files of a pair say different things of colours, orientation and frames."""

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from PIL import ImageCms

from defocus.datasets.audit.members import warnings_of
from defocus.datasets.audit.page import warnings_part
from defocus.datasets.audit.run import Audit
from defocus.datasets.pair import Pair
from defocus.progress import grouped
from defocus.reports.model import Paragraph, Table
from tests.datasets.conftest import write_folder
from tests.datasets.test_release_facts import linear_profile, wide_profile

PIXELS = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(path, mode="RGB", **tags: object):
    PillowImage.fromarray(PIXELS).convert(mode).save(path, **tags)
    return path


def said(blurry, sharp):
    warnings = warnings_of([Pair("a", "a", "test", blurry, sharp)])
    return [(one.what, one.text) for one in warnings]


def turned(orientation):
    exif = PillowImage.Exif()
    exif[274] = orientation
    return exif


def test_equal_members_say_nothing(tmp_path):
    plain = saved(tmp_path / "a.png")
    assert said(plain, saved(tmp_path / "b.jpg", icc_profile=SRGB)) == []
    both = [saved(tmp_path / f"{n}.jpg", exif=turned(6)) for n in "cd"]
    assert said(*both) == []
    assert said(tmp_path / "missing.png", plain) == []


def test_colours_that_differ_are_named(tmp_path):
    plain, wide = (
        saved(tmp_path / "a.png"),
        saved(tmp_path / "b.png", icc_profile=wide_profile()),
    )
    ((what, text),) = said(plain, wide)
    assert what == "colour space"
    assert text.startswith("the blurry file says sRGB or nothing, the sharp one Wide")
    assert "taken for sRGB" in said(wide, wide)[0][1]
    # its name says sRGB
    linear = saved(tmp_path / "e.png", icc_profile=linear_profile())
    assert "the blurry file says sRGB" in said(linear, plain)[0][1]
    assert "says CMYK" in said(saved(tmp_path / "c.jpg", "CMYK"), plain)[0][1]
    tifffile.imwrite(tmp_path / "d.tif", PIXELS.astype(np.uint16), photometric="cielab")
    assert "the sharp one Lab" in said(plain, tmp_path / "d.tif")[0][1]


def test_one_grey_member_is_named(tmp_path):
    plain, grey = saved(tmp_path / "a.png"), saved(tmp_path / "b.png", "L")
    findings = [("colour space", "the sharp file is grey, the blurry one has colours")]
    assert said(plain, grey) == findings
    tifffile.imwrite(tmp_path / "c.tif", PIXELS[..., 0], photometric="minisblack")
    assert said(plain, tmp_path / "c.tif") == findings
    assert "the blurry file is grey" in said(grey, plain)[0][1]
    assert said(grey, tmp_path / "c.tif") == []  # nothing is odd where both are


def test_orientation_and_frames_are_named(tmp_path):
    plain = saved(tmp_path / "a.jpg")
    assert said(saved(tmp_path / "b.jpg", exif=turned(6)), plain) == [
        ("orientation", "EXIF says 6 and 1 for blurry and sharp; both are ignored")
    ]
    extra = {"extratags": [(274, "H", 1, 3, False)], "metadata": None}
    tifffile.imwrite(
        tmp_path / "c.tif", PIXELS.astype(np.uint16), photometric="rgb", **extra
    )
    assert "says 1 and 3" in said(plain, tmp_path / "c.tif")[0][1]
    frames = [PillowImage.fromarray(PIXELS), PillowImage.fromarray(255 - PIXELS)]
    frames[0].save(
        tmp_path / "d.webp", save_all=True, append_images=frames[1:], lossless=True
    )
    assert said(tmp_path / "d.webp", plain) == [
        ("frames", "holds 2 pictures; the first is read, the others are left out")
    ]


@pytest.mark.parametrize(("number", "lines"), [(2, 2), (9, 1)])
def test_a_warning_of_many_pairs_is_one_line(tmp_path, number, lines):
    wide = saved(tmp_path / "b.png", icc_profile=wide_profile())
    warnings = warnings_of(
        [Pair(f"p{n}", "s", "test", wide, wide) for n in range(number)]
    )
    groups = grouped((one.finding for one in warnings), number, "pair")
    assert len(groups) == lines
    assert number < 3 or groups[0].startswith("all 9: colour space: Wide")
    assert isinstance(warnings_part(Audit("d", "h", "dis", (), (), warnings)), Table)
    assert isinstance(warnings_part(Audit("d", "h", "dis", (), ())), Paragraph)


@pytest.mark.parametrize("late", [False, True])
def test_exif_of_a_png_is_seen_wherever_it_stands(tmp_path, late):
    plain = saved(tmp_path / "a.png")
    other = saved(tmp_path / "b.png", exif=turned(6))
    content = other.read_bytes()
    if late:  # behind the pixels, where the format allows it too
        at = content.index(b"eXIf") - 4
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        last = len(content) - 12
        other.write_bytes(
            content[:at] + content[end:last] + content[at:end] + content[last:]
        )
    assert said(other, plain) == [
        ("orientation", "EXIF says 6 and 1 for blurry and sharp; both are ignored")
    ]


@pytest.mark.parametrize(
    "step", ["package --to folder", "patches --side 32", "split", "sidecar"]
)
def test_no_step_takes_members_that_disagree_silently(step, data, tmp_path):
    folder = write_folder(tmp_path / "set", ["a.png", "b.png"], bits=8)
    with PillowImage.open(folder / "blurry/a.png") as picture:
        picture.load()
        picture.save(folder / "blurry/a.png", exif=turned(6))
    name, *options = step.split()
    result = data(
        name, f"pairs:{folder}", "--out", tmp_path / "out", *options, code=None
    )
    assert "a: orientation: EXIF says 6 and 1 for blurry and sharp" in result.stderr
