"""Dense flow of pairs whose true flow is known, and where it is believed."""

import numpy as np
import pytest
import torch

from defocus.align.flow import dense
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.align.flow.dense import dense_flow
from defocus.align.sampling.positions import pixel_grid, transformed
from defocus.errors import AlignmentError
from defocus.pictures.values import srgb_to_linear
from defocus.scene.pictures import texture
from research.alignment_truth.rendered.pair import (
    FULL,
    TruthPair,
    at_width,
    render_pair,
)
from research.alignment_truth.rendered.textures import load_textures

SIZE = 192, 256
PAIRS = (1, 2, 4, 5)
DEFAULT = flow_estimator()


def linear(encoded: np.ndarray) -> np.ndarray:
    return np.asarray(srgb_to_linear(encoded), np.float32)


def frame(encoded: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(encoded.transpose(2, 0, 1)))[None]


def global_transform(pair: TruthPair) -> np.ndarray:
    """The affine transform closest to the true flow."""
    grid = pixel_grid(*SIZE)
    x, y = (axis[pair.inside] for axis in grid)
    targets = np.stack([c[pair.inside] for c in grid + pair.flow], axis=1)
    fit = np.linalg.lstsq(
        np.stack([x, y, np.ones_like(x)], axis=1), targets, rcond=None
    )[0]
    return np.vstack([fit.T.astype(np.float64), [0, 0, 1]])


def errors(flow: np.ndarray, pair: TruthPair) -> np.ndarray:
    return np.asarray(np.hypot(*(flow - pair.flow)))


@pytest.fixture(scope="module")
def measured():
    textures = load_textures("choose")
    pairs = [
        render_pair(textures, at_width(FULL, SIZE[1]), *SIZE, 5, index)
        for index in PAIRS
    ]
    return [
        (p, dense_flow(linear(p.blurry), linear(p.sharp), global_transform(p), DEFAULT))
        for p in pairs
    ]


def test_errors_on_the_truth_set(measured):
    little = [
        errors(f.flow, p)[p.inside & ~p.edge & (p.coc_px <= 10)] for p, f in measured
    ]
    believed = [errors(f.flow, p)[p.inside & f.reliable] for p, f in measured]
    assert np.concatenate(little).mean() <= 0.25
    assert np.concatenate(believed).mean() <= 0.5
    assert np.mean([f.reliable[p.inside].mean() for p, f in measured]) >= 0.8


def test_believed_pixels_err_less(measured):
    """Over the pairs, error grows with the stated uncertainty, and is of its order."""
    stated = np.concatenate([f.uncertainty_px[p.inside] for p, f in measured])
    error = np.concatenate([errors(f.flow, p)[p.inside] for p, f in measured])
    sure = stated <= np.median(stated)
    assert error[sure].mean() < 0.7 * error[~sure].mean()
    assert 0.4 < error.mean() / stated.mean() < 2.5


def shifted_pair(
    shift: float, size: tuple[int, int] = (96, 128)
) -> tuple[np.ndarray, np.ndarray]:
    wide = texture("gravel", size[1] + 40, size[0] + 40).astype(np.float32)
    step = round(shift)
    blurry = wide[20 : 20 + size[0], 20 : 20 + size[1]]
    sharp = wide[20 : 20 + size[0], 20 - step : 20 - step + size[1]]
    return np.ascontiguousarray(blurry), np.ascontiguousarray(sharp)


def test_start_and_residual_make_the_flow():
    blurry, sharp = shifted_pair(6)
    start = np.array([[1, 0, 5.0], [0, 1, 0.5], [0, 0, 1]])
    flow = dense_flow(blurry, sharp, start, DEFAULT)
    inner = (slice(None), slice(16, -16), slice(16, -16))
    assert np.median(flow.flow[inner], axis=(1, 2)) == pytest.approx([6, 0], abs=0.1)
    plain = dense_flow(blurry, sharp, start, DEFAULT, equalise=False)
    assert np.median(plain.flow[inner], axis=(1, 2)) == pytest.approx([6, 0], abs=0.1)
    grid = pixel_grid(96, 128)
    assert flow.flow == pytest.approx(
        flow.residual + transformed(grid, start) - grid, abs=1e-3
    )


def test_what_lies_outside_of_the_sharp_frame_is_occluded():
    flow = dense_flow(
        *shifted_pair(12), np.array([[1, 0, 12.0], [0, 1, 0], [0, 0, 1]]), DEFAULT
    )
    assert flow.occluded[:, -11:].all()
    assert not flow.reliable[:, -11:].any()
    assert flow.reliable[16:-16, 16:-28].mean() > 0.9


def test_great_pictures_are_measured_reduced(monkeypatch):
    monkeypatch.setattr(dense, "LARGEST_SIDE", 100)
    blurry, sharp = shifted_pair(6, (181, 255))
    flow = dense_flow(blurry, sharp, np.eye(3), DEFAULT)
    assert flow.flow.shape == flow.residual.shape == (2, 181, 255)
    assert flow.reliable.shape == flow.coc_px.shape == (181, 255)
    inner = (slice(None), slice(30, -30), slice(30, -30))
    assert np.median(flow.flow[inner], axis=(1, 2)) == pytest.approx([6, 0], abs=0.3)


def test_a_flat_wall_is_believed_nowhere():
    noise = (
        np.random.default_rng(1).normal(0, 0.003, (2, 96, 128, 3)).astype(np.float32)
    )
    flow = dense_flow(0.3 + noise[0], 0.3 + noise[1], np.eye(3), DEFAULT)
    assert flow.reliable.mean() < 0.01
    assert np.abs(flow.flow).mean() < 1.0


def test_pictures_that_do_not_fit(refused):
    blurry, sharp = shifted_pair(0)
    with refused(AlignmentError):
        dense_flow(blurry, sharp[1:], np.eye(3), DEFAULT)
    sharp[0, 0, 0] = np.nan
    with refused(AlignmentError):
        dense_flow(blurry, sharp, np.eye(3), DEFAULT)


def test_an_estimator_that_equalises(measured):
    plain, equal = flow_estimator(), flow_estimator(equalise=True)
    assert equal.name == f"{DEFAULT_ESTIMATOR}-equalised"
    frames = [
        torch.cat([frame(m) for m in pair])
        for pair in zip(*[(p.blurry, p.sharp) for p, _ in measured[:2]], strict=True)
    ]
    flows = [e(*frames).numpy() for e in (plain, equal)]
    truths = [p for p, _ in measured[:2]]
    first, second = (
        np.mean(
            [errors(f, p)[p.inside].mean() for f, p in zip(flow, truths, strict=True)]
        )
        for flow in flows
    )
    assert second < first
