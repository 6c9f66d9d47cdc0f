"""Classical deconvolution: operators against skimage and against definitions, chains, limits."""

from functools import partial

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from defocus.baselines.operators.chain import published_stage
from defocus.baselines.operators.chain_cards import PRESETS, Prior
from defocus.baselines.operators.deconvolution import (
    richardson_lucy,
    tvl2_levels,
    wiener_levels,
)
from defocus.baselines.operators.domain import Mirrored, Periodic, fade_to_blurry
from defocus.baselines.operators.krishnan_fergus import (
    krishnan_fergus,
    krishnan_fergus_levels,
)
from defocus.baselines.operators.varying import (
    blur_levels,
    deconvolve,
    hat_weights,
    kernel,
    sigma_of,
    varying_blur,
)
from defocus.baselines.registry import baseline
from defocus.errors import ImageError
from defocus.pictures.values import linear_to_srgb
from defocus.scene.aperture import Aperture, aperture_psf, disc_psf
from defocus.scene.pictures import texture

CLASSICAL = ("jnb", "ebdb", "tvl2-2016", "wiener", "richardson-lucy", "krishnan-fergus")


def scene(height: int = 96, width: int = 128) -> NDArray[np.float64]:
    """One channel of linear light."""
    return np.ascontiguousarray(texture("astronaut", width, height)[:, :, 1])


def mirrored(
    picture: NDArray[np.float64], psf: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(cv2.filter2D(picture, -1, psf, borderType=cv2.BORDER_REFLECT))


def error(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean((first - second) ** 2)))


def psnr(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    return -20 * np.log10(error(first, second))


def wiener(blurry, psf, domain, noise_to_signal):
    transfers = [domain.transfer(psf)]
    return next(
        wiener_levels(blurry, transfers, domain, noise_to_signal=noise_to_signal)
    )


def tvl2(blurry, psf, domain):
    return next(
        tvl2_levels(blurry, [domain.transfer(psf)], domain, weight=5000, iterations=30)
    )


def test_mirrored_domain_convolves_and_differentiates_as_defined(refused):
    picture, psf = scene(37, 50), disc_psf(7.0)
    domain = Mirrored((37, 50))
    blurred = domain.inverse(domain.forward(picture) * domain.transfer(psf))
    np.testing.assert_allclose(blurred, mirrored(picture, psf), atol=1e-12)
    right, below = domain.gradient(picture)
    rough = domain.inverse(domain.forward(picture) * domain.roughness())
    np.testing.assert_allclose(domain.adjoint(right, below), rough, atol=1e-12)
    with refused(ValueError):
        domain.transfer(np.eye(3) + np.eye(3, k=1))


@pytest.mark.parametrize("kind", [Mirrored, Periodic])
def test_adjoints_are_adjoints(kind):
    rng, domain = np.random.default_rng(0), kind((21, 34))
    x, p, q = rng.standard_normal((3, 21, 34))
    right, below = domain.gradient(x)
    if kind is Mirrored:  # there is no difference beyond the last pixel
        p[:, -1], q[-1] = 0, 0
    np.testing.assert_allclose(
        np.vdot(right, p) + np.vdot(below, q), np.vdot(x, domain.adjoint(p, q))
    )
    blur = varying_blur(np.abs(5 * x), shape="disc", count=4)
    padded = rng.standard_normal((2, *blur.domain.shape))
    np.testing.assert_allclose(
        np.vdot(blur.apply(padded[0]), padded[1]),
        np.vdot(padded[0], blur.adjoint(padded[1])),
        rtol=1e-4,
    )


def test_acceleration_reaches_in_few_steps_what_takes_many():
    picture, psf, domain = scene(), disc_psf(6.0), Mirrored((96, 128))
    blurry = mirrored(picture, psf)
    fast = error(richardson_lucy(blurry, psf, 10, domain, accelerated=True), picture)
    assert fast < error(richardson_lucy(blurry, psf, 20, domain), picture)


@pytest.mark.parametrize(
    "restore",
    [
        partial(wiener, noise_to_signal=0.002),
        partial(krishnan_fergus, prior=Prior(2 / 3, 3000)),
        partial(krishnan_fergus, prior=Prior(1.5, 300)),
        tvl2,
        partial(richardson_lucy, iterations=15),
    ],
)
def test_each_method_undoes_a_known_blur_and_keeps_flat_areas(restore):
    picture, psf, domain = scene(), disc_psf(5.0), Mirrored((96, 128))
    noise = 0.002 * np.random.default_rng(0).standard_normal(picture.shape)
    blurry = (mirrored(picture, psf) + noise).astype(np.float32)
    restored = restore(blurry, psf=psf, domain=domain)
    assert restored.dtype == np.float32
    assert error(restored, picture) < 0.75 * error(blurry, picture)
    flat = np.full((96, 128), 0.4, np.float32)
    np.testing.assert_allclose(restore(flat, psf=psf, domain=domain), flat, atol=2e-3)


def test_kernels_of_both_shapes_have_the_same_second_moment():
    moments = []
    for shape in ("disc", "gaussian"):
        psf = kernel(12.0, shape)
        offsets = np.arange(len(psf)) - len(psf) // 2
        moments.append(float(np.sqrt((psf.sum(axis=0) * offsets**2).sum())))
    assert moments[0] == pytest.approx(sigma_of(12.0), rel=0.01)
    assert moments[1] == pytest.approx(sigma_of(12.0), rel=0.01)


def test_levels_are_what_occurs_or_evenly_spaced_and_weights_add_up():
    assert blur_levels(np.array([0.0, 0.6, 4.1, 9.0]), 4).tolist() == [1.0, 4.0, 9.0]
    many = np.linspace(0, 12, 600).reshape(20, 30)
    levels = blur_levels(many, 5)
    np.testing.assert_allclose(levels, [1, 3.75, 6.5, 9.25, 12])
    weights = list(hat_weights(many, levels))
    np.testing.assert_allclose(sum(weights), 1, atol=1e-6)
    assert max((weight > 0).sum() for weight in weights) < many.size / 2


def test_blended_levels_have_no_seam():
    """On a smooth map the result has no jump where the nearest level changes; hard levels do."""
    picture = np.repeat(scene()[:, :, None], 3, axis=2)
    blurry = cv2.GaussianBlur(picture, (0, 0), 2.0)
    ramp = np.tile(np.linspace(4, 12, 128), (96, 1))
    method = partial(krishnan_fergus_levels, prior=Prior(2 / 3, 500))
    smooth = deconvolve(blurry, ramp, method, shape="gaussian", count=3)
    nearest = np.select([ramp < 6, ramp < 10], [4.0, 8.0], 12.0)
    hard = deconvolve(blurry, nearest, method, shape="gaussian", count=3)
    seams = np.flatnonzero(np.diff(nearest[0]))
    jumps = [
        np.abs(np.diff(one - blurry, axis=1)[:, seams]).mean() for one in (smooth, hard)
    ]
    assert jumps[0] < 0.6 * jumps[1]


def test_one_level_of_the_varying_form_is_the_plain_one():
    blurry = mirrored(scene(40, 60), disc_psf(6.0)).astype(np.float32)
    method = partial(krishnan_fergus_levels, prior=Prior(2 / 3, 500))
    varying = deconvolve(
        blurry[:, :, None], np.full((40, 60), 6.0), method, shape="disc", count=8
    )
    plain = krishnan_fergus(
        blurry, disc_psf(6.0), Prior(2 / 3, 500), Mirrored((40, 60))
    )
    np.testing.assert_allclose(varying[:, :, 0], plain, atol=1e-5)


def test_saturated_lights_do_not_ring():
    light = 0.3 * np.ones((80, 80, 3), np.float32)
    light[36:44, 36:44] = 20.0
    seen = cv2.filter2D(light, -1, disc_psf(9.0), borderType=cv2.BORDER_REFLECT).clip(
        0, 1
    )
    spread = np.full((80, 80), 9.0)
    method = partial(krishnan_fergus_levels, prior=Prior(2 / 3, 3000))
    restored = deconvolve(seen, spread, method, shape="disc", count=2).clip(0, 1)
    kept = fade_to_blurry(restored, seen, spread)
    around = (np.hypot(*(np.mgrid[:80, :80] - 39.5)) < 16) & (seen[:, :, 0] < 0.98)
    assert (
        np.abs(kept - seen)[around].max() < 0.8 * np.abs(restored - seen)[around].max()
    )
    np.testing.assert_array_equal(kept[seen >= 0.98], seen[seen >= 0.98])


def test_the_cards_of_the_variants_name_their_strength():
    follows = {
        preset.name: baseline(f"jnb-{preset.name}").card.follows for preset in PRESETS
    }
    assert "power 2, weight 2.016;" in follows["dpdd-squares"]
    assert "power 1.5, weight 4.2;" in follows["realdof"]


def test_the_published_stage_leaves_sharp_pixels_and_sharpens_blurred_ones():
    picture = np.repeat(linear_to_srgb(scene(48, 64))[:, :, None], 3, axis=2)
    blurry = cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.float32)
    sigma = np.zeros((48, 64))
    sigma[:, 32:] = 1.5
    right = np.s_[:, 40:56]
    errors = {}
    for preset in (PRESETS[0], PRESETS[2]):
        restored = published_stage(blurry, sigma, preset.prior)
        np.testing.assert_array_equal(restored[:, :32], blurry[:, :32])
        errors[preset.name] = error(restored[right], picture[right])
    # too smooth
    assert errors["dpdd"] < error(blurry[right], picture[right]) < errors["realdof"]


@pytest.mark.parametrize("name", CLASSICAL)
def test_values_that_are_not_finite_are_named(name, refused):
    blurry = torch.rand(1, 3, 32, 32)
    blurry[0, 1, 5, 7] = torch.nan
    with refused(ImageError):
        baseline(name).build()(blurry)


def layered(psfs: list[NDArray[np.float64]]) -> tuple[NDArray[np.float32], ...]:
    """Blurry and sharp sRGB pictures and the map of two halves, the right one out of focus."""
    sharp = texture("coffee", 160, 120)
    blurry = sharp.copy()
    blurry[:, 80:] = cv2.filter2D(
        sharp, -1, psfs[0][::-1, ::-1], borderType=cv2.BORDER_REFLECT
    )[:, 80:]
    diameter = np.zeros((120, 160), np.float32)
    diameter[:, 80:] = 8.0
    pictures = (linear_to_srgb(blurry), linear_to_srgb(sharp))
    return (*(one.astype(np.float32) for one in pictures), diameter)


def oracle(
    blurry: NDArray[np.float32], diameter: NDArray[np.float32]
) -> NDArray[np.float32]:
    picture = torch.from_numpy(blurry).permute(2, 0, 1)[None]
    restored = baseline("oracle-map").build()(
        picture, torch.from_numpy(diameter)[None, None]
    )
    return restored[0].permute(1, 2, 0).numpy()


def test_the_true_map_restores_a_disc_and_less_of_other_apertures_and_of_noise():
    gains = {}
    for name, aperture in (
        ("disc", Aperture()),
        ("polygon", Aperture(blades=5)),
        ("cat's eye", Aperture(cats_eye=0.4)),
    ):
        blurry, sharp, diameter = layered([aperture_psf(8.0, aperture, (0.9, 0.6))])
        gains[name] = psnr(oracle(blurry, diameter), sharp) - psnr(blurry, sharp)
        if name == "disc":
            noise = 0.02 * np.random.default_rng(0).standard_normal(blurry.shape)
            noisy = np.clip(blurry + noise, 0, 1).astype(np.float32)
            gains["noise"] = psnr(oracle(noisy, diameter), sharp) - psnr(noisy, sharp)
    assert gains["disc"] > 3
    assert min(gains["disc"], gains["polygon"]) > gains["cat's eye"]
    assert gains["disc"] > gains["noise"]
