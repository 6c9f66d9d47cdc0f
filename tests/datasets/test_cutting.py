"""Patches: the counts of DPDD and SDD, which are kept, and that their pixels are the pictures'."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defocus.blur.gradients import sobel_products
from defocus.datasets import cutting
from defocus.datasets.api import open_dataset
from defocus.datasets.cutting import SCHEMES, Scheme, cut_dataset, kept, places
from defocus.datasets.patching import many_pairs
from defocus.datasets.patching.many_pairs import say_size
from defocus.datasets.release.details import require_redistributable
from defocus.errors import DatasetError, NotApplicableError
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import bayer_dng
from tests.datasets.conftest import picture, put
from tests.pictures.corpus import mosaic_light

SMALL = Scheme(side_px=16, overlap=0.5, validation_overlap=0.0)


def count(scheme, width, height, *, training=True):
    """How many patches a picture gives."""
    size = (int(height * scheme.scale + 1e-9), int(width * scheme.scale + 1e-9))
    stride = scheme.stride_px(training=training)
    corners = places(*size, scheme.side_px, stride, edges=scheme.edges)
    return len(kept(np.zeros(len(corners)), scheme.drop if training else 0.0))


def test_dpdd_and_sdd_have_the_patches_of_their_papers():
    dpdd = SCHEMES["dpdd"]
    assert (dpdd.stride_px(training=True), dpdd.stride_px(training=False)) == (204, 506)
    for size in ((1680, 1120), (1120, 1680)):
        assert 350 * count(dpdd, *size) == 7000
        assert 74 * count(dpdd, *size, training=False) == 888
    assert 115 * count(SCHEMES["sdd"], 4096, 2160) == 4830
    assert len(places(1512, 2867, 512, 204, edges=False)) == 12 * 5


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    side=st.integers(4, 64),
    stride=st.integers(3, 80),
)
def test_edges_cover_the_picture_alone(height, width, side, stride):
    corners = places(height, width, side, stride, edges=True)
    assert len(set(corners)) == len(corners)
    assert bool(corners) == (min(height, width) >= side)
    covered = np.zeros((height, width), bool)
    for place in corners:
        assert 0 <= place.top <= height - side
        assert 0 <= place.left <= width - side
        covered[place.top : place.top + side, place.left : place.left + side] = True
    if corners and stride <= side:
        assert covered.all()
    assert list(corners) == sorted(
        corners, key=lambda place: (place.top, place.left)
    ), "row by row"
    without = places(height, width, side, stride, edges=False)
    assert set(without) <= set(corners)
    assert all(place.top % stride == place.left % stride == 0 for place in without)


def test_the_blurred_patches_are_the_ones_that_go():
    patches = [picture(seed, 64, 64, bits=8) for seed in range(10)]
    for index in (2, 5, 7):
        patches[index] = cv2.GaussianBlur(patches[index], (0, 0), 4.0)
    products = sobel_products(patches)
    assert ((products >= 0) & (products <= 1)).all()
    assert kept(products, 0.3) == (0, 1, 3, 4, 6, 8, 9)
    assert kept(products, 0.39) == (0, 1, 3, 4, 6, 8, 9)  # 3.9 patches are 3


def test_patches_that_are_all_alike_are_no_division_by_zero():
    products = sobel_products([np.full((32, 32, 3), 7, np.uint8)] * 10)
    assert np.isfinite(products).all()
    assert len(kept(products, 0.3)) == 7
    assert kept(sobel_products([picture(1, 32, 32)]), 0.3) == (0,)


@pytest.fixture
def three(tmp_path):
    """A training, a validation and a test pair with all that a pair can have; one too small."""
    root = tmp_path / "three"
    for number, split in enumerate(("train", "validation", "test")):
        for role in ("blurry", "sharp", "truth"):
            put(root / split / role / "p.png", picture(10 * number + len(role), 40, 56))
    for role in ("blurry", "sharp", "truth"):
        write_image(root / "train" / role / "s.png", picture(1, 15, 40))
    dataset = open_dataset(f"pairs:{root}")
    flow = np.random.default_rng(1).normal(size=(2, 40, 56)).astype(np.float32)
    np.save(root / "flow.npy", flow)
    np.save(root / "map.npy", flow[0])
    more = {
        "flow": root / "flow.npy",
        "defocus_map": root / "map.npy",
        "metadata": {"f_number": 4},
    }
    full = {pair.id: pair for pair in dataset.pairs}
    full["train-p"] = replace(full["train-p"], **more)
    return replace(dataset, pairs=tuple(full.values()))


def test_patches_are_parts_of_the_pictures_to_the_bit(three, tmp_path):
    cuts = cut_dataset(three, tmp_path / "out", SMALL, where=1)
    assert cuts.too_small == ("train-s",)
    opened = open_dataset(f"manifest:{tmp_path / 'out'}")
    whole = {pair.id: pair for pair in three.pairs}
    training = opened.split("train")
    assert len(training) == 24 - int(0.3 * 24)  # 4 x 6 places
    assert len(opened.split("validation")) == 3 * 4
    (test,) = opened.split("test")
    assert test.id == "test-p"
    np.testing.assert_array_equal(
        read_image(test.blurry), read_image(whole["test-p"].blurry)
    )
    for pair in (*training, *opened.split("validation")):
        patch, original = pair.metadata["patch"], whole[str(pair.metadata["patch_of"])]
        assert (pair.scene, pair.split) == (original.scene, original.split)
        window = np.s_[
            patch["top"] : patch["top"] + 16, patch["left"] : patch["left"] + 16
        ]
        for role in ("blurry", "sharp", "truth"):
            pixels = read_image(getattr(pair, role))
            np.testing.assert_array_equal(
                pixels, read_image(getattr(original, role))[window]
            )
        if original.flow is not None:
            flow = np.load(original.flow)
            np.testing.assert_array_equal(np.load(pair.flow), flow[:, *window])
            np.testing.assert_array_equal(np.load(pair.defocus_map), flow[0][window])
            assert pair.metadata["f_number"] == 4


def test_how_much_disk_many_patches_take_is_said_first(
    three, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    said: list[int] = []

    def note(text, size, folder):
        assert not list(folder.iterdir())
        said.append(size)
        say_size(text, size, folder)

    monkeypatch.setattr(cutting, "say_size", note)
    monkeypatch.setattr(many_pairs, "MANY_BYTES", 10_000)
    cut_dataset(three, out, SMALL, where=1)
    patches = [path for path in out.rglob("*-*.png") if path.parent.name != "test-p"]
    assert said == [sum(read_image(path).nbytes for path in patches)]
    line = "patches of the pictures take up to 0.0 GB in "
    assert line in capsys.readouterr().err


def test_what_is_damaged_in_the_new_folder_is_named(three, tmp_path, refused):
    out = tmp_path / "out"
    cut_dataset(three, out, SMALL, where=1)
    next((out / "pairs").rglob("*-blurry.png")).unlink()
    with refused(DatasetError):
        cut_dataset(three, out, SMALL, where=1)
    next((out / "pairs").rglob("places.json")).write_text("{")
    with refused(DatasetError):
        cut_dataset(three, out, SMALL, where=1)


def test_pictures_are_reduced_in_linear_light_without_aliases(tmp_path):
    """Stripes finer than the smaller picture can show become the grey of their mean light."""
    root = tmp_path / "stripes"
    stripes = np.zeros((96, 96, 3), np.uint16)
    stripes[:, ::2] = 65535
    for role in ("blurry", "sharp"):
        put(root / "train" / role / "a.png", stripes)
    scheme = replace(SMALL, scale=0.4, overlap=0.0, drop=0.0)
    cuts = cut_dataset(open_dataset(f"pairs:{root}"), tmp_path / "out", scheme, where=1)
    assert len(cuts.pairs) == 9  # 38 px: two and one at the border
    grey = float(linear_to_srgb(np.array([0.5]))[0])
    for pair in cuts.pairs:
        assert pair.metadata["patch"]["scale"] == 0.4
        pixels = read_image(pair.blurry) / 65535
        assert srgb_to_linear(pixels).mean() == pytest.approx(0.5, abs=0.02)
        assert np.abs(pixels[4:-4, 4:-4] - grey).max() < 0.03


@pytest.mark.parametrize("knows", [{"source": "dpdd"}, {"name": "sdd:x"}])
def test_others_pictures_stay_theirs(three, tmp_path, knows, refused):
    cut_dataset(replace(three, **knows), tmp_path / "out", SMALL, where=1)
    opened = open_dataset(f"manifest:{tmp_path / 'out'}")
    assert opened.source in ("dpdd", "sdd")
    with refused(DatasetError):
        require_redistributable(opened)


def test_nothing_to_cut_is_said(three, tmp_path):
    for scheme, words in (
        ("dpdd", "validation is as large as 512"),
        ("sdd", "reduced to 0.7, is"),
    ):
        with pytest.raises(NotApplicableError, match=words):
            cut_dataset(three, tmp_path / "out", SCHEMES[scheme], where=1)
    assert not (tmp_path / "out").exists()


def test_the_command(data, three, tmp_path):
    arguments = ("patches", f"pairs:{three.root}", "--out", "out", "--side", "16")
    result = data(*arguments, "--overlap", "0.5", "--on", "1", "--json")
    counts = {"train": 17, "validation": 12, "test": 1}
    facts = {"root": "out", "counts": counts, "too_small": ["train-s"], "left_out": []}
    assert json.loads(result.stdout) == facts
    assert open_dataset(f"manifest:{tmp_path / 'out'}").split("train")
    data(*arguments, "--drop", "nan", code=2)


def test_two_raw_members_are_cut_with_one_white_balance(tmp_path):
    """As they are measured: each by its own would have the colours of another light."""
    balances = {"blurry": (0.3, 1.0, 0.9), "sharp": (0.5, 1.0, 0.6)}
    for role, neutral in balances.items():
        (tmp_path / "train" / role).mkdir(parents=True)
        bayer_dng(tmp_path / "train" / role / "a.dng", mosaic_light(), neutral=neutral)
    dataset = open_dataset(f"pairs:{tmp_path}")
    (pair,) = dataset.pairs
    expected = read_pair(pair.blurry, pair.sharp)
    for part in cut_dataset(dataset, tmp_path / "out", SMALL, 1).pairs:
        place = part.metadata["patch"]
        rows = slice(place["top"], place["top"] + 16)
        columns = slice(place["left"], place["left"] + 16)
        for path, whole in zip((part.blurry, part.sharp), expected, strict=True):
            assert np.array_equal(read_image(path), whole[rows, columns])


def test_pictures_behind_relative_links_are_kept_as_files(tmp_path):
    """A hard link of a relative link would lead elsewhere: test pictures stay whole."""
    for role in ("blurry", "sharp"):
        put(tmp_path / "store" / f"{role}.png", picture(len(role), 40, 56))
        folder = tmp_path / "set" / "test" / role
        folder.mkdir(parents=True)
        (folder / "a.png").symlink_to(Path("../../../store") / f"{role}.png")
    out = tmp_path / "out"
    cut_dataset(open_dataset(f"pairs:{tmp_path / 'set'}"), out, SMALL, 1)
    (pair,) = open_dataset(f"manifest:{out}").pairs
    for path, role in ((pair.blurry, "blurry"), (pair.sharp, "sharp")):
        assert not path.is_symlink()
        assert path.read_bytes() == (tmp_path / "store" / f"{role}.png").read_bytes()
