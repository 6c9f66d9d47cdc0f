"""The model through the shifts of tiles, without pictures."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.motion_limits import NO_LIMITS
from defocus.align.registration.asymmetry import ASYMMETRY
from defocus.align.registration.doubt import doubt
from defocus.align.registration.level import Level, measured_level
from defocus.align.registration.models import (
    EVEN,
    corner_distance_px,
    corners,
    fit_model,
    radial,
)
from defocus.align.registration.robust_fit import scatter_of
from defocus.align.registration.spread_shape import SpreadShape
from defocus.align.registration.tile_fit import Start, TileFit, fit_tiles
from defocus.align.registration.tile_shifts import TileShifts
from defocus.scene.geometry import Similarity, moved_points
from defocus.scene.pictures import texture
from tests.align.synthetic import homogeneous

Array = NDArray[np.float64]
SHAPE = (288, 384)
IDENTITY = np.eye(3)
SIMILARITY = Similarity(1.03, 0.7, (5.0, -3.0))


STRETCHED = homogeneous(SIMILARITY, SHAPE) @ np.diag([1.02, 0.98, 1.0])
TILTED = STRETCHED + np.array([[0, 0, 0], [0, 0, 0], [6e-5, -4e-5, 0]])
TRUTHS = {
    "translation": homogeneous(Similarity(shift_px=(4.25, -2.5)), SHAPE),
    "similarity": homogeneous(SIMILARITY, SHAPE),
    "affine": STRETCHED,
    "homography": TILTED,
}


def tiles(
    truth: Array, noise_px: float, seed: int, moved: NDArray[np.bool_] | None = None
) -> TileShifts:
    """Shifts of 99 tiles under a transform, with independent errors of a known size."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(32, 352, 11), np.linspace(32, 256, 9))
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    shifts = (
        moved_points(truth, centres) - centres + rng.normal(0, noise_px, centres.shape)
    )
    if moved is not None:
        shifts[moved] += (4.0, 0.0)
    numbers = {"peaks": 0.8, "noise_peak": 0.2, "errors_px": noise_px, "likeness": 0.95}
    return TileShifts(
        centres=centres,
        shifts=shifts,
        slopes=np.full((len(centres), 2), 0.02),
        chosen=np.zeros(len(centres), dtype=int),
        overlap=1.0,
        **{name: np.full(len(centres), value) for name, value in numbers.items()},
    )


def fitted(shifts: TileShifts) -> TileFit:
    result = fit_tiles(shifts, *everywhere(shifts), Start(IDENTITY, SHAPE))
    assert isinstance(result, TileFit), result
    return result


def everywhere(
    shifts: TileShifts, coc_px: float = 0.0
) -> tuple[NDArray[np.bool_], Array]:
    """All tiles are measurable and have one circle of confusion."""
    return np.ones(len(shifts.centres), dtype=bool), np.full(
        len(shifts.centres), coc_px
    )


@pytest.mark.parametrize("model", TRUTHS)
def test_exact_points_give_the_exact_transform(model):
    start = corners(SHAPE) * 0.9 + 11.0
    start = np.vstack([start, start.mean(axis=0) + np.array([20.0, -35.0])])
    fit = fit_model(
        model, start, moved_points(TRUTHS[model], start), np.ones((5, 2)), SHAPE
    )
    assert corner_distance_px(fit.matrix, TRUTHS[model], SHAPE) < 1e-6
    assert fit.residuals.max() < 1e-6


@pytest.mark.parametrize("model", TRUTHS)
def test_the_simplest_model_that_the_tiles_support(model):
    for seed in range(5):
        result = fitted(tiles(TRUTHS[model], 0.1, seed))
        assert result.fit.model == model
        assert corner_distance_px(result.fit.matrix, TRUTHS[model], SHAPE) < 0.35


def test_two_depths_do_not_make_an_affine_transform():
    """The right third lies nearer: a step, which an affine transform would turn into a slope."""
    shifts = tiles(TRUTHS["similarity"], 0.1, 0)
    shifts.shifts[shifts.centres[:, 0] > 256] += (0.6, 0.0)
    assert fitted(shifts).fit.model == "similarity"


def spread(shifts: TileShifts, asymmetry: float, coc_px: Array) -> TileShifts:
    """The same tiles as a lens with an asymmetric point spread shows them."""
    moved = asymmetry * radial(shifts.centres, coc_px, SHAPE)
    return replace(shifts, shifts=shifts.shifts + moved)


def test_the_error_is_that_of_the_worst_corner():
    """Points on the left alone say little about the right: over 400 draws, as stated."""
    truth, rng = TRUTHS["similarity"], np.random.default_rng(4)
    start = np.stack([rng.uniform(0, 90, 40), rng.uniform(0, 287, 40)], axis=1)
    weights, places = np.ones((40, 2)), corners(SHAPE)
    squares = np.zeros(4)
    for _ in range(400):
        end = moved_points(truth, start) + rng.normal(0, 0.1, start.shape)
        fit = fit_model("similarity", start, end, weights, SHAPE)
        apart = moved_points(fit.matrix, places) - moved_points(truth, places)
        squares += np.square(apart).sum(axis=1) / 400
    assert squares.max() > 4 * squares.min()
    assert 0.1 * fit.corner_factor_px == pytest.approx(np.sqrt(squares.max()), rel=0.1)


def test_zoom_and_asymmetry_are_told_apart_where_the_circle_of_confusion_varies():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        shifts = tiles(TRUTHS["similarity"], 0.1, seed)
        coc = rng.uniform(0, 20, len(shifts.centres))
        start = Start(IDENTITY, SHAPE)
        result = fit_tiles(spread(shifts, 0.15, coc), everywhere(shifts)[0], coc, start)
        assert result.asymmetry.taken == pytest.approx(0.15, abs=0.02)
        assert corner_distance_px(result.fit.matrix, TRUTHS["similarity"], SHAPE) < 0.35
        # by what it moves the corners: less than 2.4 px, as sharp tiles tell the zoom without it
        assert 0.4 < result.asymmetry_px < 2.4


def test_one_circle_of_confusion_leaves_the_asymmetry_unknown():
    shifts = tiles(TRUTHS["similarity"], 0.1, 0)
    measurable, coc = everywhere(shifts, 20.0)
    result = fit_tiles(
        spread(shifts, 0.15, coc), measurable, coc, Start(IDENTITY, SHAPE)
    )
    # all of it is taken for zoom, and the fit says by how much it may be wrong
    assert corner_distance_px(result.fit.matrix, TRUTHS["similarity"], SHAPE) > 2.5
    assert result.asymmetry_px == pytest.approx(ASYMMETRY * 20.0, rel=0.1)


def test_tiles_that_moved_on_their_own_are_outvoted():
    rng = np.random.default_rng(3)
    truth = TRUTHS["similarity"]
    result = fitted(tiles(truth, 0.1, 0, moved=rng.random(99) < 0.3))
    assert result.inlier_share == pytest.approx(0.7, abs=0.1)
    assert corner_distance_px(result.fit.matrix, truth, SHAPE) < 0.35


def test_parallax_along_one_direction_leaves_zoom_and_rotation():
    """Tiles at any depth: what they share along the parallax is free, everything else is not."""
    along, truth = np.array((0.6, 0.8)), TRUTHS["similarity"]
    for seed in range(5):
        shifts = tiles(truth, 0.1, seed)
        depth = np.random.default_rng(seed).uniform(-1.5, 1.5, (len(shifts.centres), 1))
        result = fitted(replace(shifts, shifts=shifts.shifts + depth * along))
        assert result.inlier_share > 0.9
        apart = moved_points(result.fit.matrix, corners(SHAPE)) - moved_points(
            truth, corners(SHAPE)
        )
        common = apart.mean(axis=0) @ along * along
        assert np.abs(common).max() < 0.5
        error = np.linalg.norm(apart - common, axis=1).max()
        assert error < 0.25
        assert error < 3 * result.scatter_px * result.fit.corner_factor_px


def test_blurred_tiles_that_err_along_one_direction_are_no_parallax():
    """What they are off by, their own errors explain; the sharp ones all lie where they should."""
    truth = TRUTHS["similarity"]
    shifts = tiles(truth, 0.03, 0)
    blurred = np.arange(len(shifts.centres)) % 5 < 2
    coc = np.where(blurred, 25.0, 0.0)
    off = np.random.default_rng(0).uniform(0.8, 2.0, (len(coc), 1)) * np.array(
        (0.6, 0.8)
    )
    moved = replace(shifts, shifts=shifts.shifts + np.where(blurred[:, None], off, 0.0))
    result = fit_tiles(moved, everywhere(shifts)[0], coc, Start(IDENTITY, SHAPE))
    assert not result.parallax
    assert corner_distance_px(result.fit.matrix, truth, SHAPE) < 0.1


def test_tiles_that_lie_within_their_own_errors_are_no_parallax():
    """Along some direction more of them lie within reach, however the tiles err."""
    apart = np.random.default_rng(0).normal(0, (0.9, 0.3), (99, 2))
    assert not scatter_of(apart, np.full(99, 1.0), EVEN).parallax
    assert scatter_of(apart, np.full(99, 0.3), EVEN).parallax


def test_random_shifts_agree_on_nothing_and_one_part_has_no_error_bound():
    shifts = tiles(IDENTITY, 15.0, 0)
    result = fit_tiles(shifts, *everywhere(shifts), Start(IDENTITY, SHAPE))
    assert "do not agree" in result.reason
    shifts = tiles(TRUTHS["similarity"], 0.05, 0)
    corner = (shifts.centres[:, 0] < 128) & (shifts.centres[:, 1] < 96)
    result = fit_tiles(shifts, corner, everywhere(shifts)[1], Start(IDENTITY, SHAPE))
    assert result.scatter_px == float("inf")


def with_blur(shifts: TileShifts, coc: Array, error: Array) -> TileShifts:
    """The same tiles with errors in proportion to their circle of confusion, as real lenses make
    them, which the height of the peaks does not tell."""
    return replace(shifts, shifts=shifts.shifts + coc[:, None] * error)


@pytest.mark.parametrize("name", ["translation", "similarity"])
def test_a_tile_in_focus_counts_more_than_one_under_strong_blur(name):
    """A third of the tiles is in focus; what all others err would be 0.1 px at the corners."""
    truth, errors = TRUTHS[name], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shifts = tiles(truth, 0.02, seed)
        blurred = rng.random(len(shifts.centres)) > 1 / 3
        coc = np.where(blurred, rng.uniform(6, 20, len(blurred)), 0.0)
        shifts = with_blur(shifts, coc, 0.03 * rng.standard_normal(shifts.shifts.shape))
        result = fit_tiles(shifts, coc < 40, coc, Start(IDENTITY, SHAPE))
        assert result.fit.model == name
        errors.append(corner_distance_px(result.fit.matrix, truth, SHAPE))
    assert np.median(errors) < 0.03


@pytest.mark.parametrize("seed", [1, 2])
def test_a_sharp_object_before_a_blurred_background_does_not_turn_the_picture(seed):
    """Its few tiles all lie off by one parallax, and by their weight alone they would decide."""
    truth, parallax = TRUTHS["similarity"], np.array([0.2, -1.2])
    exact, rng = tiles(truth, 0.05, seed), np.random.default_rng(seed)
    object_ = (exact.centres[:, 0] > 210) & (exact.centres[:, 1] > 160)
    coc = np.where(object_, 1.0, 16.0)
    shifts = with_blur(exact, coc, 0.02 * rng.standard_normal(exact.shifts.shape))
    shifts = replace(
        shifts, shifts=shifts.shifts + np.where(object_[:, None], parallax, 0.0)
    )
    fit = fit_tiles(shifts, everywhere(shifts)[0], coc, Start(IDENTITY, SHAPE))
    apart = moved_points(fit.fit.matrix, corners(SHAPE)) - moved_points(
        truth, corners(SHAPE)
    )
    depth = np.clip(apart @ parallax / (parallax @ parallax), 0, 1)  # any is right
    assert np.linalg.norm(apart - depth[:, None] * parallax, axis=1).max() < 0.2


def level_of(coc: Array, coma: float, sigma: float = 0.02) -> Level:
    """Tiles at rest with a blur and a coma that is seen in its shape."""
    shifts = tiles(IDENTITY, 0.02, 1)
    spread = SpreadShape(cats_eye=0.0, cats_eye_sigma=0.05, coma=coma, coma_sigma=sigma)
    return measured_level(1, fitted(shifts), shifts.centres, coc, 0.0, SHAPE, spread)


def test_a_coma_counts_by_the_blur_that_shows_it():
    """Tiles in focus do not show it, and it moves them as far."""
    blurred = np.arange(99) % 3 == 0
    level = level_of(np.where(blurred, 9.0, 3.0), 0.14)
    assert level.blur_px < 6.0
    assert level.skew_px == pytest.approx(0.14 * 9.0)
    level = level_of(np.where(np.arange(99) % 3 == 0, 16.0, 0.0), 0.14)
    assert 0.5 < level.skew_px < 0.8


def test_a_coma_that_may_hide_in_the_blur_is_no_answer():
    """Each of its causes is small enough, and together they are not."""
    grey = texture("gravel", SHAPE[1], SHAPE[0]).mean(axis=2).astype(np.float32)
    sure, hidden = (level_of(np.full(99, 16.0), 0.0, sigma) for sigma in (0.02, 0.1))
    assert doubt(grey, grey, sure, NO_LIMITS, 1) == ""
    assert doubt(grey, grey, hidden, NO_LIMITS, 1) == (
        "a coma of 1.6 px at the corners may hide in the blur; other pairs of its session may "
        "give the zoom (align --session)"
    )


def waves(rng: np.random.Generator, centres: Array) -> Array:
    """A smooth random field: neighbours err alike."""
    x, y = centres.T / 70
    parts = (
        rng.normal() * np.cos(rng.normal() * x + rng.normal() * y + rng.uniform(0, 6.3))
        for _ in range(3)
    )
    return np.sum(list(parts), axis=0)


@pytest.mark.parametrize("seed", [0, 16, 70, 246])
def test_what_a_similarity_says_otherwise_is_in_the_error_of_a_richer_model(seed):
    """Tiles that err alike look like an affine transform, off by 5 to 6 standard errors here."""
    rng, shifts = np.random.default_rng(seed), tiles(TRUTHS["similarity"], 0.03, seed)
    error = 0.1 * np.stack(
        [waves(rng, shifts.centres), waves(rng, shifts.centres)], axis=1
    )
    result = fitted(replace(shifts, shifts=shifts.shifts + error))
    assert result.fit.model in {"affine", "homography"}
    apart = corner_distance_px(result.fit.matrix, TRUTHS["similarity"], SHAPE)
    assert apart < 3 * result.scatter_px * result.fit.corner_factor_px


@pytest.mark.parametrize("seed", [18, 51, 61])
def test_an_asymmetry_must_predict_parts_that_it_was_not_fitted_to(seed):
    """Taken for real at 3 standard errors alone, it moved the corners by 0.9 to 1.5 px here."""
    rng = np.random.default_rng(100 + seed)
    shifts = tiles(TRUTHS["similarity"], 0.03, seed)
    coc = np.clip(8 + 6 * waves(rng, shifts.centres), 0, 20)
    error = 0.045 * np.stack(
        [waves(rng, shifts.centres), waves(rng, shifts.centres)], axis=1
    )
    result = fit_tiles(
        with_blur(shifts, coc, error), coc < 40, coc, Start(IDENTITY, SHAPE)
    )
    assert result.asymmetry.taken == 0
    assert corner_distance_px(result.fit.matrix, TRUTHS["similarity"], SHAPE) < 0.8


@pytest.mark.parametrize("seed", [10, 23, 31])
def test_blur_that_errs_smoothly_makes_no_homography_of_a_still_pair(seed):
    """Accepted like a similarity, it moved a corner by 0.3 to 0.4 px here."""
    rng = np.random.default_rng(200 + seed)
    shifts = tiles(IDENTITY, 0.03, seed)
    coc = np.clip(8 + 6 * waves(rng, shifts.centres), 0, 20)
    error = 0.08 * np.stack(
        [waves(rng, shifts.centres), waves(rng, shifts.centres)], axis=1
    )
    blurred = replace(
        shifts, shifts=shifts.shifts + np.where(coc[:, None] > 4, error, 0.0)
    )
    result = fit_tiles(blurred, coc < 40, coc, Start(IDENTITY, SHAPE))
    assert result.fit.model == "translation"
    assert corner_distance_px(result.fit.matrix, IDENTITY, SHAPE) < 0.1
