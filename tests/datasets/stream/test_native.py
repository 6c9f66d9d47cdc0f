"""Test pairs of the size of a camera's pictures: which photographs, what size, which blur."""

import math
from dataclasses import replace

import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.datasets.stream import native
from defocus.datasets.stream.dataset import training_identity
from defocus.datasets.stream.native import (
    NativeBlur,
    NativeRenderer,
    draw_blur,
    full_size,
)
from defocus.datasets.stream.photographs import find_photographs
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.scene.camera import StreamCamera
from defocus.scene.depth import Focus
from tests.datasets.stream.conftest import write_photographs

NOTHING = StreamCamera()
"""A camera without noise."""


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Small photographs count as full-size ones, in a cache of their own."""
    monkeypatch.setattr(native, "LEAST_PIXELS", 40_000)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def renderer(small, photographs):
    return NativeRenderer(photographs, full_size(photographs))


def uniform(diameter_px):
    return NativeBlur(
        "constant", Focus(diameter_px, diameter_px), (diameter_px, diameter_px)
    )


def test_every_held_out_photograph_makes_a_pair_of_its_size(small, photographs, capsys):
    folder = photographs.files[0][0].parent
    dataset = open_dataset(f"stream-native:{folder}")
    assert "from 2 held-out photographs at 1:1, once" in capsys.readouterr().err
    assert dataset.name == "stream-native:photographs"
    assert dataset.rendered
    assert [pair.id for pair in dataset.split("test")] == ["native-00", "native-01"]
    assert len(dataset.pairs) == 2
    for pair in dataset.pairs:
        blurry, sharp = read_image(pair.blurry), read_image(pair.sharp)
        assert blurry.shape == sharp.shape == (200, 240, 3)
        bits = 8 if pair.metadata["camera"]["quality"] else 16
        assert blurry.dtype == sharp.dtype == np.dtype(f"uint{bits}")
        assert pair.truth == pair.sharp
        diameters = np.load(pair.defocus_map)
        assert diameters.shape == (200, 240)
        assert pair.metadata["circle_of_confusion_px"]["max"] == pytest.approx(
            diameters.max()
        )
    assert dataset.training_hash == training_identity(photographs)
    again = open_dataset(f"stream-native:{folder}")
    assert capsys.readouterr().err == ""
    assert again == dataset
    patches = training_patches(dataset, "train", "sharp", PatchForm(32))
    assert patches.batch(0, 1, 0).blurry.shape == (1, 3, 32, 32)


def test_a_mapping_file_names_photographs_and_lens(
    small, photographs, tmp_path, monkeypatch
):
    monkeypatch.setattr(native, "MOST_PIXELS", 900)
    mapping = tmp_path / "stream.toml"
    mapping.write_text(f"photographs = {str(photographs.files[0][0].parent)!r}")
    dataset = open_dataset(f"stream-native:{mapping}")
    assert read_image(dataset.pairs[0].blurry).shape == (27, 33, 3)


def test_without_a_photograph_of_that_size_there_is_no_dataset(photographs, refused):
    with refused(DatasetError):
        full_size(photographs)


def test_a_photograph_that_cannot_be_read_is_left_out_by_name(small, tmp_path, capsys):
    folder = tmp_path / "photographs"
    before = full_size(write_photographs(folder))
    first = before[0].path
    for number in range(1000):  # until the hash of a damaged copy is held out, too
        damaged = folder / "damaged.png"
        damaged.write_bytes(
            first.read_bytes()[:500] + bytes([number % 256, number // 256])
        )
        files = find_photographs(folder)
        if damaged in files.of("held-out"):
            break
    assert full_size(files) == before
    assert "damaged.png" in capsys.readouterr().err


def test_one_number_shows_the_same_scene_behind_every_blur(renderer):
    sharp, soft = (
        renderer.picture(0, 12_000, uniform(px), NOTHING) for px in (4.0, 48.0)
    )
    assert np.array_equal(sharp.sharp, soft.sharp)
    assert sharp.blurry.shape == (100, 120, 3)
    errors = [float(np.abs(one.blurry - one.sharp).mean()) for one in (sharp, soft)]
    assert errors[1] > 2 * errors[0] > 0
    assert (soft.diameters == 48).all()
    again = renderer.picture(0, 12_000, uniform(48.0), NOTHING)
    assert np.array_equal(again.blurry, soft.blurry)


def test_a_ramp_begins_in_focus_and_ends_at_its_blur(renderer):
    ramp = NativeBlur("plane", Focus(96.0, 0.0), (48.0, 0.0))
    pair = renderer.picture(1, 12_000, ramp, NOTHING)
    assert pair.diameters.min() == 0
    assert 90 < pair.diameters.max() <= 96
    in_focus = pair.diameters < 0.5
    errors = np.abs(pair.blurry - pair.sharp).max(axis=2)
    assert np.median(errors[in_focus]) < 0.02 < np.median(errors[pair.diameters > 60])


def test_the_middle_of_a_photograph_is_taken_and_more_is_mirrored(renderer):
    (behind, *_) = renderer.photographs(0)
    part = renderer.picture(0, 30_000, replace(uniform(4.0), in_front=()), NOTHING)
    height, width, _ = part.sharp.shape
    assert height * width == pytest.approx(30_000, rel=0.01)
    top, left = (200 - height) // 2, (240 - width) // 2
    middle = behind.pixels[top : top + height, left : left + width] / 255
    assert np.abs(part.sharp - middle).max() < 0.01
    more = renderer.picture(
        0, 60_000, replace(uniform(4.0), in_front=()), NOTHING
    ).sharp
    height, width, _ = more.shape
    edge = (width - 240) // 2
    wider = -(-(width - 240) // 2)
    assert np.array_equal(more[:, wider + 1], more[:, wider - 1])
    assert edge > 5


def test_the_largest_blurs_of_many_pairs_are_spread_from_4_to_128_px():
    random = np.random.default_rng(0)
    blurs = [draw_blur(random, number) for number in range(12)]
    octaves = sorted(math.log2(blur.focus.far / 4) for blur in blurs)
    assert octaves[0] >= 0
    assert octaves[-1] <= 5
    assert max(np.diff(octaves)) < 1
    assert {blur.kind for blur in blurs} == {"constant", "plane", "curved"}
    for blur in blurs:
        assert list(blur.in_front) == sorted(blur.in_front, reverse=True)
        assert max(blur.in_front) <= blur.focus.near
