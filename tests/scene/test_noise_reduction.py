"""Noise reduction of a camera: noise goes, edges stay."""

import numpy as np
import pytest

from defocus.pictures.values import LUMA
from defocus.scene.camera import StreamCamera, recorded
from defocus.scene.noise_reduction import NoiseReduction, denoised

STRONG = NoiseReduction(luma=0.12, luma_px=2.0, chroma_px=2.0)


def noisy_edge():
    edge = np.full((64, 64, 3), 0.25, np.float32)
    edge[:, 32:] = 0.75
    noise = np.random.default_rng(0).normal(0, 0.04, edge.shape)
    return edge, (edge + noise).astype(np.float32)


def test_noise_goes_and_edges_stay():
    edge, noisy = noisy_edge()
    smooth = denoised(noisy, STRONG)
    assert smooth.dtype == np.float32
    apart, left = noisy - edge, smooth - edge
    assert (left @ np.array(LUMA)).std() < 0.5 * (apart @ np.array(LUMA)).std()
    steps = np.diff(smooth @ np.array(LUMA), axis=1)
    assert steps[:, 31].mean() > 0.4


def test_colours_are_smoothed_more_than_luma():
    edge, noisy = noisy_edge()
    smooth = denoised(noisy, NoiseReduction(luma=0.001, luma_px=1.0, chroma_px=2.0))
    luma = (smooth - noisy) @ np.array(LUMA)
    assert np.abs(luma).max() < 0.02
    chroma = [np.diff(one - edge, axis=2).std() for one in (noisy, smooth)]
    assert chroma[1] < 0.4 * chroma[0]


def test_a_camera_smooths_before_it_sharpens():
    light = np.full((96, 96, 3), 0.2, np.float32)
    camera = StreamCamera(mosaic=True, shot=2e-3, read=1e-5, sharpening=1.0)

    def deviation(reduction):
        return recorded(camera, light, np.random.default_rng(1), reduction)[
            8:-8, 8:-8
        ].std()

    assert deviation(STRONG) < 0.5 * deviation(None)
    sharp = recorded(camera, light, None, STRONG)
    assert sharp.std() == pytest.approx(0, abs=1e-3)
