"""Numbers with an uncertainty that is true, and what a measurement shows of itself."""

import json

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.compensation.evidence import EVIDENCE_NAMES, write_evidence
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.misalignment import mean_displacement
from defocus.align.photometry.gains import GainMatch, photometry
from defocus.align.registration.asymmetry import Asymmetry, asymmetry
from defocus.align.registration.register import Uncertainty
from defocus.align.sampling.positions import pixel_grid, transformed
from defocus.align.uncertainty import BlockDraws, blocks_of
from defocus.errors import AlignmentError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer, as_linear, linear_to_srgb
from defocus.scene.aperture import disc_psf
from defocus.scene.geometry import IDENTITY, Similarity
from defocus.scene.pictures import texture
from tests.align.synthetic import homogeneous, rendered_pair

SIZE = (256, 192)
GAIN = np.array([1.15, 0.95, 1.04], np.float32)
OFFSET = np.array([0.004, 0.002, 0.006], np.float32)


def share_within_two_sigma(ratios: list[float]) -> float:
    return float((np.abs(ratios) < 2).mean())


@pytest.mark.full
def test_transforms_and_their_mean_displacement_lie_within_two_sigma():
    """The error of the mean is its own: that of the worst corner is larger."""
    ratios, mean_ratios, widths, mean_widths = [], [], [], []
    for seed in range(200, 210):
        pair = rendered_pair(seed, 6.0, size=SIZE)
        measurement = measure(pair.blurry, pair.sharp, flow_estimator("dis"))
        answer, field = measurement.misalignment, measurement.field
        model, sigma = answer.similarity, answer.sigma
        if (
            model is None
            or sigma is None
            or field is None
            or answer.misalignment_px is None
        ):
            continue
        ratios += list(
            np.subtract(model.shift_px, pair.truth.shift_px) / sigma.shift_px
        )
        ratios.append((model.zoom - pair.truth.zoom) / sigma.zoom)
        ratios.append(
            (model.rotation_deg - pair.truth.rotation_deg) / sigma.rotation_deg
        )
        widths.append(sigma.shift_px)
        assert answer.residual_median_px < 2 * sigma.residual_median_px + 0.15
        grid = pixel_grid(*field.flow.reliable.shape)
        matrix = homogeneous(pair.truth, SIZE[::-1])
        moved = np.hypot(*(transformed(grid, matrix) - grid))[field.flow.reliable]
        mean_ratios.append(
            (answer.misalignment_px - float(moved.mean())) / sigma.misalignment_px
        )
        mean_widths.append(sigma.misalignment_px)
        assert sigma.misalignment_px < sigma.corner_px
    assert len(widths) >= 7, "too many unknown to say anything"
    for each in (ratios, mean_ratios):
        assert share_within_two_sigma(each) >= 0.85
    for width in (widths, mean_widths):
        assert np.median(width) < 0.2, "an uncertainty that is always true says nothing"


def test_the_frame_errs_by_a_third_of_its_corners_variance_over_a_whole_picture():
    """The squared distance from the centre is on average a third of that of a corner."""
    whole, still = np.ones((60, 80), bool), np.zeros((2, 60, 80), np.float32)
    frame = Uncertainty(shift_px=0.0, zoom=0.0, rotation_deg=0.0, corner_px=3.0)
    _, sigma = mean_displacement(still, still[0], whole, frame)
    assert sigma == pytest.approx(3.0 / 3**0.5, rel=0.01)


@pytest.mark.full
def test_gains_and_offsets_lie_within_two_sigma():
    ratios, widths = [], []
    whole = np.ones(SIZE[::-1], bool)
    for seed in range(10):
        pair = rendered_pair(300 + seed, 4.0 + seed, IDENTITY, SIZE, bits=16)
        light = (as_linear(pair.blurry) * GAIN + OFFSET).astype(np.float32)
        match = photometry(np.minimum(light, 1.0), as_linear(pair.sharp), whole, whole)
        gains, offsets = (
            np.array(s, float) for s in (match.gain_sigma, match.offset_sigma)
        )
        ratios += list((np.array(match.gain) - GAIN) / gains)
        ratios += list((np.array(match.offset) - OFFSET) / offsets)
        widths += list(gains)
    assert share_within_two_sigma(ratios) >= 0.85
    assert np.median(widths) < 0.01


@pytest.mark.parametrize("lit", [(1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 1e-5)])
@pytest.mark.parametrize("where", ["both", "sharp", "blurry"])
def test_light_is_fitted_by_channels_that_have_it(lit, where):
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(
        rng.uniform(0, 0.8, (96, 128, 3)).astype(np.float32), (0, 0), 4
    )
    light = scene * np.array(lit, np.float32)
    whole = np.ones((96, 128), bool)
    blurry, sharp = (
        light if where in (name, "both") else scene for name in ("blurry", "sharp")
    )
    gains = photometry(0.8 * blurry, sharp, whole, whole)
    assert gains.gain_ev == pytest.approx(np.log2(0.8), abs=0.05)
    for channel, level in enumerate(lit):
        numbers = (gains.gain[channel], gains.offset[channel])
        sigmas = (gains.gain_sigma[channel], gains.offset_sigma[channel])
        if level < 1:
            assert (numbers, sigmas) == ((1.0, 0.0), (None, None))
        else:
            assert numbers == pytest.approx((0.8, 0.0), abs=0.05)
            assert None not in sigmas


@pytest.mark.parametrize("every", [24, 14])
def test_light_is_compared_between_what_is_saturated(every):
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(
        rng.uniform(0.1, 0.7, (120, 160, 3)).astype(np.float32), (0, 0), 4
    )
    scene[::every, ::every] = scene[1::every, ::every] = 1.0
    whole = np.ones((120, 160), bool)
    gains = photometry(
        np.where(scene < 1, np.float32(0.8) * scene, scene), scene, whole, whole
    )
    assert gains.gain_ev == pytest.approx(np.log2(0.8), abs=0.05)


def test_vignetting_is_no_gain_or_offset():
    """Dark things in the middle and light ones around them: an offset would imitate the falloff."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:180j, -1:1:240j].astype(np.float32)
    radius = (x * x + y * y) / 2
    scene = cv2.GaussianBlur(
        rng.uniform(0.2, 0.6, (180, 240, 3)).astype(np.float32), (0, 0), 3
    )
    scene *= np.where(radius < 0.12, np.float32(0.15), np.float32(1))[..., None]
    falloff = (2.0 ** (-1.5 * radius**2)).astype(np.float32)[..., None]
    whole = np.ones((180, 240), bool)
    gains = photometry(0.9 * scene * falloff, scene, whole, whole)
    assert gains.offset == pytest.approx((0.0,) * 3, abs=0.002)
    assert np.ptp(gains.gain) < 0.02
    assert gains.gain[1] == pytest.approx(0.9 * falloff.mean(), abs=0.03)


def test_without_light_that_tells_nothing_is_compared():
    """Black, saturated, unreliable or outside of the frame."""
    black, whole = np.zeros((96, 128, 3), np.float32), np.ones((96, 128), bool)
    light = black + np.float32(0.3)
    for blurry, sharp, inside, reliable in (
        *((black, black, whole, whole), (black, light, whole, whole)),
        (np.full_like(light, 0.99), light, whole, whole),
        *((light, light, whole, ~whole), (light, light, ~whole, whole)),
    ):
        assert photometry(blurry, sharp, inside, reliable) is None


def test_a_match_adds_its_offset_and_is_cut_at_black():
    light = np.full((1, 1, 3), 0.2, np.float32)
    applied = GainMatch((2.0, 1.0, 0.5), (0.1, 0.0, -0.2)).applied(light)
    assert applied.ravel().tolist() == pytest.approx([0.5, 0.2, 0.0])


def test_sigma_of_correlated_samples_is_that_of_their_blocks():
    """Pixels of a block share one error: only the number of blocks makes the mean better."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:60, 0:80].reshape(2, -1)
    blocks = blocks_of(y, x, (60, 80))
    assert len(np.unique(blocks)) == 48
    ratios = []
    for _ in range(60):
        values = rng.normal(0, 1, 48)[blocks] + 0.01 * rng.normal(size=blocks.size)
        draws = BlockDraws.of(blocks)
        sigma = draws.sigma([float(values[drawn].mean()) for drawn in draws])
        ratios.append(float(values.mean() / sigma))
    assert share_within_two_sigma(ratios) >= 0.85
    assert np.std(ratios) > 0.7
    nothing = draws.sigma(
        [
            np.nan if 3 in blocks[drawn] else float(values[drawn].mean())
            for drawn in draws
        ]
    )
    assert np.isfinite(nothing)


def coc_and_place() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Circles of confusion of both signs, and the position in half diagonals."""
    y, x = np.mgrid[0:180, 0:240].astype(np.float32)
    coc = (8 * np.sin(x / 31) * np.cos(y / 23) + 2).astype(np.float32)
    half = np.hypot(239, 179) / 2
    return coc, np.stack([(x - 119.5) / half, (y - 89.5) / half]).astype(np.float32)


@pytest.mark.parametrize("radial", [0.0, 0.06, -0.1])
def test_displacement_that_grows_with_signed_defocus_is_found(radial):
    coc, place = coc_and_place()
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        noise = cv2.GaussianBlur(
            rng.normal(0, 1.5, (180, 240, 2)), (0, 0), 5
        ).transpose(2, 0, 1)
        affine = 0.01 * np.stack([place[1], -place[0]]) + 0.05
        residual = (radial * coc * place + 0.01 * coc + affine + noise).astype(
            np.float32
        )
        residual[:, 40:60, 40:60] += 5.0  # something that moved
        growth = asymmetry(residual, coc, np.ones(coc.shape, bool), signed=True)
        assert growth.signed
        ratios.append((growth.radial - radial) / growth.radial_sigma)
        ratios.append((growth.common[0] - 0.01) / growth.common_sigma[0])
        assert growth.significant == (radial != 0)
    assert share_within_two_sigma(ratios) >= 0.8
    unsigned = asymmetry(residual, np.abs(coc), np.ones(coc.shape, bool), signed=False)
    assert abs(unsigned.radial) <= abs(growth.radial) + 0.02, (
        "both signs together hide it"
    )


def test_the_asymmetric_part_as_a_field():
    coc, place = coc_and_place()
    part = Asymmetry(0.05, (0.0, 0.0), 0.01, (0.01, 0.01), True)
    assert part.significant
    assert np.abs(part.field(coc) - 0.05 * coc * place).max() < 1e-5
    assert not Asymmetry(0.05, (0.0, 0.0), 0.02, (0.01, 0.01), True).significant
    whole = np.ones(coc.shape, bool)
    assert asymmetry(place, np.full_like(coc, 6.0), whole, signed=True) is None
    assert asymmetry(place, coc, ~whole, signed=True) is None


@pytest.mark.parametrize("outwards", [0.1, -0.1])
def test_points_that_defocus_moves_outwards_have_a_positive_sign(outwards):
    """Patches of discs of 2 and 10 px whose centroids lie off the chief rays."""
    size = (384, 288)
    scene = (0.02 + 0.7 * texture("gravel", *size)).astype(np.float32)
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    half = float(np.hypot(size[0] - 1, size[1] - 1)) / 2
    place = (x - (size[0] - 1) / 2) / half, (y - (size[1] - 1) / 2) / half
    coc = np.where((x // 96 + y // 96) % 2 == 0, np.float32(10), np.float32(2))
    coc = cv2.GaussianBlur(coc, (0, 0), 8)
    light = np.zeros_like(scene)
    for diameter in range(2, 11):
        blurred = cv2.filter2D(
            scene, -1, disc_psf(float(diameter)), borderType=cv2.BORDER_REFLECT
        )
        light += np.clip(1 - np.abs(coc - diameter), 0, 1)[..., None] * blurred
    # a point of the scene at x lies at x + outwards · CoC · place in the blurry picture
    at = (x - outwards * coc * place[0], y - outwards * coc * place[1])
    moved = cv2.remap(light, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    pair = [as_integer(linear_to_srgb(np.clip(p, 0, 1)), 16) for p in (moved, scene)]
    facts = measure(
        *pair, flow_estimator("dis"), defocus_map=coc
    ).misalignment.to_json()
    assert facts["asymmetry"] is not None, facts["reason"]
    assert facts["asymmetry"]["radial"] == pytest.approx(outwards, abs=0.05)
    assert facts["uncertainty"]["asymmetry"]["radial"] < 0.05


@pytest.fixture(scope="module")
def measured():
    pair = rendered_pair(8, 6.0, Similarity(1.01, 0.4, (3.0, -2.0)), (321, 239))
    return (
        pair.blurry,
        pair.sharp,
        measure(pair.blurry, pair.sharp, flow_estimator("dis")),
    )


def test_everything_has_an_uncertainty(measured):
    document = json.loads(
        json.dumps(measured[2].misalignment.to_json(), allow_nan=False)
    )
    assert document["model"] in {"translation", "similarity", "affine", "homography"}
    values = {
        key for key, value in document.items() if isinstance(value, float | list | dict)
    }
    without = values - set(document["uncertainty"]) - {"uncertainty"}
    assert without == {"calibration_share", "unexplained", "vignetting_ev"}
    assert len(document["gain"]) == len(document["offset"]) == 3
    for value in (document["uncertainty"]["zoom"], *document["uncertainty"]["gain"]):
        assert value > 0
    assert 0 < document["uncertainty"]["corner_px"] < 0.4
    assert 0 < document["consistency_px"] < 0.5
    assert 0 <= document["occluded_share"] < 0.2
    assert 0 < document["calibration_share"] <= 1


@pytest.mark.full
def test_evidence_is_shown(measured, tmp_path):
    blurry, sharp, measurement = measured
    assert write_evidence(tmp_path / "seen", blurry, sharp, measurement) == list(
        EVIDENCE_NAMES
    )
    picture, calibration, occlusion = (
        read_image(tmp_path / "seen" / n) for n in EVIDENCE_NAMES
    )
    assert picture.shape[1] >= 3 * 321
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000
    assert measurement.field is not None
    for mask, share in (
        (calibration, measurement.misalignment.calibration_share),
        (occlusion, measurement.misalignment.occluded_share),
    ):
        assert mask.shape == blurry.shape
        assert set(np.unique(mask)) <= {0, 255}
        assert (mask == 255).mean() == pytest.approx(share, abs=0.01)


def test_of_an_unknown_misalignment_nothing_is_shown(tmp_path):
    wall = np.full((96, 128, 3), 90, np.uint8)
    unknown = measure(wall, wall, flow_estimator("dis"))
    assert write_evidence(tmp_path / "seen", wall, wall, unknown) == []
    assert not (tmp_path / "seen").exists()


@pytest.mark.parametrize(
    "coc_px",
    [
        np.zeros((63, 64), np.float32),
        np.zeros((64, 64), np.int32),
        np.full((64, 64), np.nan, np.float32),
    ],
)
def test_a_foreign_defocus_map_is_refused(coc_px, refused):
    picture = np.zeros((64, 64, 3), np.uint8)
    with refused(AlignmentError):
        measure(picture, picture, flow_estimator("dis"), defocus_map=coc_px)
