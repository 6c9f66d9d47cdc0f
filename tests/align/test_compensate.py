"""What compensation changes, and what it must not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.compensation.compensate import (
    Compensation,
    Release,
    compensate,
    compensated_sharp,
    plan_compensation,
    released_blurry,
    valid_mask,
)
from defocus.align.compensation.output import lost_gradient_energy
from defocus.align.flow.dense import DenseFlow
from defocus.align.measure import Field, Measurement
from defocus.align.misalignment import Misalignment
from defocus.align.photometry.gains import Photometry
from defocus.align.sampling.resample import Placement, Rectangle, ReleaseGrid
from defocus.errors import AlignmentError
from defocus.pictures.values import (
    Image,
    as_float,
    as_integer,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.scene.geometry import IDENTITY, Similarity
from tests.align.synthetic import homogeneous, rendered_pair

WIDTH, HEIGHT = 240, 180
SHAPE = (HEIGHT, WIDTH)


def made_measurement(
    residual: NDArray[np.float32],
    reliable: NDArray[np.bool_],
    similarity: Similarity = IDENTITY,
    asymmetric: NDArray[np.float32] | None = None,
    gain: float = 1.0,
) -> Measurement:
    """A measurement that says just that."""
    matrix = homogeneous(similarity, SHAPE)
    nothing = np.zeros(SHAPE, np.float32)
    total = residual + similarity.flow(WIDTH, HEIGHT).astype(np.float32)
    flow = DenseFlow(
        total, residual, reliable, ~reliable, nothing, nothing, nothing, reliable
    )
    light = Photometry((gain,) * 3, (0.0,) * 3, 0.0, (0.01,) * 3, (0.01,) * 3, 0.01)
    field = Field(
        flow, 1, reliable, np.zeros_like(residual) if asymmetric is None else asymmetric
    )
    misalignment = Misalignment(
        "ok", similarity, 0.0, 0.0, 1.0, 0.0, "dis", matrix=matrix, model="similarity",
        photometry=light,
    )  # fmt: skip
    return Measurement(misalignment, SHAPE, field)


def smooth_flow() -> NDArray[np.float32]:
    """Parallax of up to 2 px."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return np.stack([2 * np.sin(x / 60 + y / 90), np.cos(y / 50)]).astype(np.float32)


def everywhere() -> NDArray[np.bool_]:
    return np.ones(SHAPE, dtype=bool)


@pytest.fixture(scope="module")
def scene():
    return rendered_pair(4, 0.0, IDENTITY, (WIDTH, HEIGHT), bits=16).sharp


def moved_away(scene: Image, flow: NDArray[np.float32]) -> Image:
    """The picture that shows at x + flow(x) what the scene shows at x."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    u, v = x, y
    for _ in range(8):
        at = [
            cv2.remap(c, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for c in flow
        ]
        u, v = x - at[0], y - at[1]
    light = srgb_to_linear(as_float(scene))
    seen = cv2.remap(light, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return as_integer(linear_to_srgb(seen), 16)


def error(first: Image, second: Image) -> float:
    inner = np.s_[30:-30, 30:-30]
    return float(np.abs(as_float(first) - as_float(second))[inner].mean())


def released(sharp: Image, measurement: Measurement, release: Release) -> Image:
    return compensated_sharp(
        sharp, plan_compensation(measurement, sharp.shape, release)
    )


def test_the_local_flow_is_compensated_where_it_is_believed(scene):
    flow = smooth_flow()
    sharp = moved_away(scene, flow)
    whole = made_measurement(flow, everywhere())
    errors = {
        model: error(compensate(scene, sharp, whole, model=model).sharp, scene)
        for model in ("none", "global", "flow")
    }
    assert errors["none"] == errors["global"], "the global transform is the identity"
    assert errors["flow"] < 0.25 * errors["global"]
    half = everywhere()
    half[:, WIDTH // 2 :] = False
    partly = compensate(scene, sharp, made_measurement(flow, half), model="flow")
    left, right = np.s_[30:-30, 30:80], np.s_[30:-30, 130:-10]
    untouched = compensate(scene, sharp, whole, model="global").sharp
    assert np.array_equal(partly.sharp[right], untouched[right])
    apart = [
        np.abs(as_float(one) - as_float(scene))[left].mean()
        for one in (partly.sharp, untouched)
    ]
    assert apart[0] < 0.3 * apart[1]
    assert not partly.valid_mask[right].any()
    assert partly.valid_mask[left].all()


def test_the_transition_is_smooth(scene):
    half = everywhere()
    half[:, WIDTH // 2 :] = False
    flow = np.full((2, *SHAPE), 2.0, np.float32)
    plan = plan_compensation(made_measurement(flow, half), SHAPE, Release("flow"))
    across = plan.placement.local.field[0, HEIGHT // 2]
    assert across[:60] == pytest.approx(2.0)
    assert across[WIDTH // 2 :] == pytest.approx(0.0)
    assert np.abs(np.diff(across)).max() < 0.1


def test_what_an_asymmetric_point_spread_moves_is_left(scene):
    """It is no displacement of the scene: the mask believes the pixels, and they stay."""
    flow = 3.0 * smooth_flow()
    measurement = made_measurement(flow, everywhere(), asymmetric=flow)
    plan = compensate(scene, scene, measurement, model="flow")
    assert np.array_equal(plan.sharp, scene)
    assert plan.valid_mask.all()


def test_the_mask_knows_what_each_model_leaves():
    shift = Similarity(shift_px=(1.5, 0.0))
    flow = np.full((2, *SHAPE), 0.0, np.float32)
    flow[0, :, :120] = -1.2
    measurement = made_measurement(flow, everywhere(), shift)
    sharp = np.full((*SHAPE, 3), 30000, np.uint16)
    shares = {}
    for model in ("none", "global", "flow"):
        plan = plan_compensation(measurement, SHAPE, Release(model))
        mask = valid_mask(sharp, measurement, plan)
        shares[model] = mask[:, 10:100].mean(), mask[:, 140:-10].mean()
    assert shares == {"none": (1.0, 0.0), "global": (0.0, 1.0), "flow": (1.0, 1.0)}


def test_blurry_pixels_are_never_resampled(scene):
    measurement = made_measurement(
        np.zeros((2, *SHAPE), np.float32),
        everywhere(),
        Similarity(1.03, 0.5, (4.0, -3.0)),
    )
    plan = plan_compensation(measurement, SHAPE, Release())
    crop = plan.grid.crop
    assert np.array_equal(released_blurry(scene, plan), crop.of(scene))


@pytest.mark.parametrize("gain", [0.7, 1.4])
def test_light_is_matched_and_what_saturated_is_no_reference(scene, gain):
    sharp = scene.copy()
    sharp[80:100, 80:110] = 65535
    nothing = np.zeros((2, *SHAPE), np.float32)
    measurement = made_measurement(nothing, everywhere(), gain=gain)
    light = srgb_to_linear(as_float(released(sharp, measurement, Release())))
    expected = np.minimum(srgb_to_linear(as_float(sharp)) * gain, 1.0)
    assert np.abs(light - expected).max() < 1e-4
    unmatched = released(sharp, measurement, Release(photometric="none"))
    assert np.array_equal(unmatched, sharp)
    plan = plan_compensation(measurement, SHAPE, Release())
    mask = valid_mask(sharp, measurement, plan)
    assert mask[80:100, 80:110].all() == (gain > 1)
    assert mask[80:100, 80:110].any() == (gain > 1)


@pytest.mark.parametrize("scale", [0.5, 0.3])
def test_both_members_of_a_reduced_release_show_the_same(scene, scale):
    similarity = Similarity(1.02, 0.6, (5.0, -2.0))
    sharp = moved_away(scene, similarity.flow(WIDTH, HEIGHT).astype(np.float32))
    measurement = made_measurement(
        np.zeros((2, *SHAPE), np.float32), everywhere(), similarity
    )
    plan = plan_compensation(
        measurement, SHAPE, Release(scale=scale, photometric="none")
    )
    blurry, aligned = released_blurry(scene, plan), compensated_sharp(sharp, plan)
    crop = plan.grid.crop
    assert blurry.shape[:2] == (int(crop.height * scale), int(crop.width * scale))
    mask = valid_mask(sharp, measurement, plan)
    assert blurry.shape == aligned.shape == (*mask.shape, 3)
    assert mask.mean() > 0.9
    apart = np.abs(as_float(blurry) - as_float(aligned))[4:-4, 4:-4].mean()
    assert apart < 0.01
    shifted = np.abs(as_float(blurry)[:, 1:] - as_float(aligned)[:, :-1])[
        4:-4, 4:-4
    ].mean()
    assert apart < 0.25 * shifted


def test_a_scale_that_leaves_no_pixel_is_refused():
    measurement = made_measurement(np.zeros((2, *SHAPE), np.float32), everywhere())
    with pytest.raises(
        AlignmentError,
        match=r"a scale of 0\.0001 leaves no pixel of the common area of 240×180",
    ):
        plan_compensation(measurement, (*SHAPE, 3), Release("global", scale=1e-4))


def test_lost_gradient_energy(scene):
    nothing = np.zeros((2, *SHAPE), np.float32)

    def lost(similarity: Similarity, release: Release) -> float:
        measurement = made_measurement(nothing, everywhere(), similarity)
        energy = lost_gradient_energy(
            scene, plan_compensation(measurement, SHAPE, release)
        )
        assert energy is not None
        return energy

    assert lost(IDENTITY, Release()) == pytest.approx(0.0, abs=1e-9)
    assert lost(Similarity(shift_px=(3.0, -2.0)), Release()) == pytest.approx(
        0.0, abs=1e-9
    )
    half = Similarity(shift_px=(0.5, 0.5))
    kernels = [
        lost(half, Release(kernel=kernel))
        for kernel in ("lanczos", "bicubic", "bilinear")
    ]
    assert -0.1 < kernels[0] < kernels[1] < kernels[2] < 0.8
    assert abs(lost(Similarity(zoom=1.04), Release(kernel="lanczos"))) < 0.2
    flat = np.full((*SHAPE, 3), 9000, np.uint16)
    plan = plan_compensation(made_measurement(nothing, everywhere()), SHAPE, Release())
    assert lost_gradient_energy(flat, plan) is None


def test_a_keystone_of_smooth_detail_loses_no_sharpness():
    """Zoom 1 at the centre and 0.92 in a corner: each tile is compared at its own zoom."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (360, 480, 3)), (0, 0), 3)
    picture = as_integer(np.clip(0.5 + 0.12 * texture / texture.std(), 0, 1), 16)
    centre = np.array([[1, 0, 239.5], [0, 1, 179.5], [0, 0, 1]])
    keystone = np.array([[1, 0, 0], [0, 1, 0], [2.5e-4, 0, 1]])
    placement = Placement(centre @ keystone @ np.linalg.inv(centre))
    grid = ReleaseGrid(Rectangle(40, 40, 400, 280))
    energy = lost_gradient_energy(
        picture, Compensation(placement, grid, "bicubic", None)
    )
    assert energy == pytest.approx(0.0, abs=0.01)


def test_pictures_that_share_nothing_are_refused(refused):
    far = made_measurement(
        np.zeros((2, *SHAPE), np.float32),
        everywhere(),
        Similarity(shift_px=(500.0, 0.0)),
    )
    with refused(AlignmentError):
        plan_compensation(far, SHAPE, Release())
    unknown = replace(
        far, misalignment=Misalignment("unknown", *(None,) * 5, "dis", "why")
    )
    with refused(AlignmentError):
        plan_compensation(unknown, SHAPE, Release())
