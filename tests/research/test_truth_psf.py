"""Point spread functions of the truth set: energy, size, where their centroid lies; splits."""

from dataclasses import replace

import numpy as np
import pytest

from defocus.errors import DatasetError
from defocus.pictures.write import write_image
from defocus.scene.geometry import Similarity
from defocus.scene.window import Window
from defocus.storage.files import sha256_file
from research.alignment_truth.rendered.labels import edge_class
from research.alignment_truth.rendered.layout import (
    OUTLINES_OF,
    RELIEFS_OF,
    Outline,
    Relief,
    draw_outline,
)
from research.alignment_truth.rendered.psf import (
    ASYMMETRIC,
    FAMILIES_OF,
    KINDS,
    PSF,
    draw_psf,
    kernel,
)
from research.alignment_truth.rendered.rendering import (
    Defocus,
    blurry_picture,
    sharp_picture,
)
from research.alignment_truth.rendered.scene import TEXELS_PER_PX, TruthSurface, View
from research.alignment_truth.rendered.textures import SPLITS, load_textures

FRAME = Window(0, 0, 96, 80)
DISC = PSF("disc", 0.0, 6, 0.0)


def centroid(psf: np.ndarray) -> tuple[float, float]:
    steps = np.arange(len(psf)) - len(psf) // 2
    return float((psf.sum(axis=0) * steps).sum()), float(
        (psf.sum(axis=1) * steps).sum()
    )


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize("diameter", [-17.3, -2.0, 0.0, 0.7, 9.0, 30.0])
def test_every_kernel_is_odd_sums_to_one_and_is_no_wider_than_its_circle(
    family, diameter
):
    psf = draw_psf((family,), np.random.default_rng(1))  # type: ignore[arg-type]
    weights = kernel(psf, diameter, (0.0, 0.0), 30.0)
    assert weights.shape[0] == weights.shape[1]
    assert weights.shape[0] % 2 == 1
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    y, x = np.mgrid[: len(weights), : len(weights)] - len(weights) // 2
    allowed = abs(diameter) / 2 * (1.4 if family == "soft-disc" else 1.0) + 1.5
    assert np.hypot(x, y)[weights > 1e-7].max(initial=0) <= allowed


@pytest.mark.parametrize("family", [kind for kind in KINDS if kind not in ASYMMETRIC])
@pytest.mark.parametrize("diameter", [-12.4, 20.0])
def test_symmetric_kernels_keep_the_chief_ray(family, diameter):
    psf = replace(draw_psf((family,), np.random.default_rng(2)), blades=6)  # type: ignore[arg-type]
    assert centroid(kernel(psf, diameter, (0.7, 0.7), 30.0)) == pytest.approx(
        (0, 0), abs=0.05
    )


def test_a_disc_has_the_second_moment_of_its_diameter():
    weights = kernel(DISC, 24.0, (0, 0), 24.0)
    steps = np.arange(len(weights)) - len(weights) // 2
    assert (weights.sum(axis=0) * steps**2).sum() == pytest.approx(
        24.0**2 / 16, rel=0.02
    )


def test_cats_eye_moves_the_centroid_with_field_height_and_the_sign_of_the_defocus():
    psf = PSF("cats-eye", 0.0, 6, 0.4)
    behind, before = (centroid(kernel(psf, d, (0.8, 0.0), 20.0)) for d in (20.0, -20.0))
    # cut from both sides it is narrow, but its middle is hardly off: real corners have 0.9 px
    assert 0.3 < abs(behind[0]) < 1
    assert before[0] == pytest.approx(-behind[0], abs=0.05)
    assert behind[1] == pytest.approx(0, abs=0.05)
    assert centroid(kernel(psf, 20.0, (0, 0), 20.0))[0] == pytest.approx(0, abs=0.05)
    half = centroid(kernel(psf, 20.0, (0.4, 0.0), 20.0))
    assert abs(half[0]) < abs(behind[0])


def test_coma_moves_the_centroid_by_its_tail_whatever_the_defocus():
    """The mean of rho^2 (2 + cos 2 theta) over the pupil is 1."""
    psf = PSF("coma", 0.0, 6, 0.2)
    for diameter in (0.0, 10.0, -20.0):
        centre = centroid(kernel(psf, diameter, (0.0, 0.5), 20.0))
        assert centre == pytest.approx((0, 0.2 * 10 * 0.5), abs=0.05)


def test_a_spherical_aberration_turns_with_the_sign_of_the_defocus():
    psf = PSF("spherical", 0.0, 6, 0.8)
    behind, before = (kernel(psf, d, (0, 0), 20.0) for d in (20.0, -20.0))
    assert behind[10, 10] > 2 * before[10, 10]


@pytest.mark.parametrize("families", [FAMILIES_OF, OUTLINES_OF, RELIEFS_OF])
def test_families_belong_to_one_split_each(families):
    everything = [name for split in SPLITS for name in families[split]]
    assert len(everything) == len(set(everything))
    assert not set(FAMILIES_OF["train"] + FAMILIES_OF["choose"]) & set(ASYMMETRIC)


@pytest.mark.parametrize(
    "kind", [kind for split in SPLITS for kind in OUTLINES_OF[split]]
)
def test_outlines_fill_a_part_of_their_circle_and_nothing_else(kind):
    outline = Outline(kind, (45.0, 38.0), 30.0, 0.7, 5, 0.6, (0.1, 2.0, 4.0, 5.0))  # type: ignore[arg-type]
    x, y = FRAME.grid()
    coverage = outline.coverage(x, y)
    assert 0 <= coverage.min() <= coverage.max() <= 1
    distance = np.hypot(x - 45, y - 38)
    assert not coverage[distance > 31].any()
    assert 0.15 < coverage[distance < 30].mean() < 1
    assert coverage[:, -1].max() == coverage[-1].max() == 0
    # the edge is one pixel wide: few pixels are covered in part
    partly = (coverage > 0) & (coverage < 1)
    assert partly.mean() < 0.15


def scene(half: float, edge: bool = True) -> list[TruthSurface]:
    """A black background, and a white ellipse or all-white surface before it."""
    x, y = FRAME.grown(40).shape[1], FRAME.grown(40).shape[0]
    texture = np.ones((y * TEXELS_PER_PX, x * TEXELS_PER_PX, 3), np.float32)
    back = Relief("plane", 0.1, 0.0, (48, 40), 60, 0.0, 0.0)
    front = Relief("plane", 0.9 - half, half, (48, 40), 60, 0.4, 0.0)
    outline = Outline("ellipse", (48, 40), 24, 0.3, 5, 0.7, ()) if edge else None
    return [
        TruthSurface(back, None, 0 * texture, FRAME.grown(40)),
        TruthSurface(front, outline, texture, FRAME.grown(40)),
    ]


@pytest.mark.parametrize("focus", [0.1, 0.5, 0.9])
def test_light_is_neither_lost_nor_made_at_the_edges_of_a_surface(focus):
    defocus = Defocus(DISC, 16.0, focus, FRAME.shape)
    window = FRAME.grown(20)
    blurry = blurry_picture(scene(0.0), defocus, window).linear
    still = View(Similarity(), (0.0, 0.0), FRAME.shape)
    sharp = sharp_picture(scene(0.0), still).linear
    assert blurry.sum() == pytest.approx(sharp.sum(), rel=0.01)
    assert -1e-6 < blurry.min() < blurry.max() <= 1.001


def test_a_slanted_surface_stays_opaque_and_even():
    defocus = Defocus(DISC, 24.0, 0.5, FRAME.shape)
    window = FRAME.grown(20)
    blurry = blurry_picture(scene(0.35, edge=False), defocus, window).linear
    np.testing.assert_allclose(blurry[FRAME.slices(window)], 1.0, atol=2e-3)


@pytest.mark.parametrize("focus", [0.0, 0.6, 1.0])
def test_beyond_the_edge_class_a_pixel_shows_one_surface(focus):
    surfaces = scene(0.2)
    defocus = Defocus(DISC, 14.0, focus, FRAME.shape)
    window = FRAME.grown(20)
    picture = blurry_picture(surfaces, defocus, window)
    edge = edge_class(surfaces, defocus, picture.front, window)
    white = picture.front == 1
    assert 0 < edge.mean() < 0.5
    np.testing.assert_allclose(picture.linear[white & ~edge], 1.0, atol=0.03)
    np.testing.assert_allclose(picture.linear[~white & ~edge], 0.0, atol=0.03)
    assert np.ptp(picture.linear[edge]) > 0.5


def test_parallax_moves_what_is_near_in_its_direction():
    view = View(Similarity(), (6.0, 0.0), FRAME.shape)
    moved = sharp_picture(scene(0.0), view).linear[:, :, 0]
    still = sharp_picture(
        scene(0.0), View(Similarity(), (0.0, 0.0), FRAME.shape)
    ).linear[:, :, 0]
    x, _ = FRAME.grid()
    shift = (moved * x).sum() / moved.sum() - (still * x).sum() / still.sum()
    assert shift == pytest.approx(6.0 * (0.9 - 0.5), abs=0.05)


def test_the_way_back_undoes_the_way_there():
    view = View(Similarity(1.08, 1.0, (5.0, -7.0)), (9.0, 4.0), FRAME.shape)
    relief = Relief("wave", 0.5, 0.4, (40, 30), 60, 1.0, 0.5)
    x, y = FRAME.grid()
    flow = view.flow(x, y, relief.inverse_depth(x, y))
    back_x, back_y = view.back(x + flow[0], y + flow[1], relief)
    np.testing.assert_allclose(back_x, x, atol=1e-3)
    np.testing.assert_allclose(back_y, y, atol=1e-3)


def test_no_picture_is_in_two_splits(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(12):
        write_image(tmp_path / f"{k}.png", rng.integers(0, 255, (40, 50, 3), np.uint8))
    write_image(tmp_path / "copy of 3.png", rng.integers(0, 255, (40, 50, 3), np.uint8))
    (tmp_path / "copy of 3.png").write_bytes((tmp_path / "3.png").read_bytes())
    (tmp_path / "notes.txt").write_text("no picture")
    names = {split: set(load_textures(split, [tmp_path]).names) for split in SPLITS}
    assert sum(len(part) for part in names.values()) == len(
        set().union(*names.values())
    )
    assert all(names.values())
    home = {name: split for split, part in names.items() for name in part}
    assert home["3.png"] == home["copy of 3.png"]  # by content, not by name
    assert sha256_file(tmp_path / "3.png") == sha256_file(tmp_path / "copy of 3.png")


def test_a_folder_without_pictures_is_one_clear_line(tmp_path, refused):
    with refused(DatasetError):
        load_textures("train", [tmp_path])
    with refused(DatasetError):
        load_textures("train", [tmp_path / "absent"])


def test_outlines_are_drawn_within_the_frame_for_every_split():
    for split in SPLITS:
        outline = draw_outline(split, (60, 80), np.random.default_rng(3))
        assert outline.kind in OUTLINES_OF[split]
        assert 0 <= outline.centre[0] <= 80
