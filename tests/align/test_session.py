"""Pairs of one session share a zoom: surer than their own, and enough for a pair without one."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.flow.dis import DISFlow
from defocus.align.measure import measure
from defocus.align.registration.doubt import SESSION_HINT
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import Registration, register
from defocus.align.registration.session import SharedZoom, register_in_session, shared_zoom
from defocus.align.truth.methods import Members
from defocus.align.truth.rendered.pair import STILL, render_pair
from defocus.align.truth.rendered.textures import load_textures
from defocus.images import Image, as_integer, linear_to_srgb
from defocus.optics.geometry import Similarity
from defocus.optics.pictures import texture
from defocus.optics.psf import disc_psf

WIDTH, HEIGHT, MARGIN = 320, 240, 40
ZOOM = 1.006
KNOWN = (("gravel", 5.0), ("coffee", 7.0), ("astronaut", 9.0), ("gravel", 12.0))
UNKNOWN = ("gravel", 30.0)

Pair = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]


@cache
def pair(name: str, diameter_px: float, zoom: float = ZOOM) -> Pair:
    """An evenly blurred picture, the same sharp, zoomed, turned and shifted, and the transform."""
    rng = np.random.default_rng(int(10 * diameter_px))
    wide = texture(name, WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN).mean(axis=2).astype(np.float32)
    placed = Similarity(zoom, rng.uniform(-0.2, 0.2), tuple(rng.uniform(-4, 4, 2)))
    matrix = np.vstack([placed.matrix(WIDTH, HEIGHT), [0.0, 0.0, 1.0]])
    inner = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    blurry = cv2.filter2D(wide, -1, disc_psf(diameter_px).astype(np.float32))[inner]
    back = np.linalg.inv(matrix)
    back[:2, 2] += MARGIN
    sharp = cv2.warpAffine(
        wide, back[:2], (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    noisy = (np.maximum(one + rng.normal(0, 0.004, one.shape), 0) for one in (blurry, sharp))
    first, second = (np.asarray(one, np.float32) for one in noisy)
    return first, second, matrix


@cache
def alone(name: str, diameter_px: float, zoom: float = ZOOM) -> Registration:
    return register(*pair(name, diameter_px, zoom)[:2])


def zoom_of(pairs: list[Registration], *, same_focus: bool = False) -> SharedZoom | None:
    zooms, sigmas = [], []
    for one in pairs:
        assert one.similarity is not None
        assert one.uncertainty is not None
        zooms.append(one.similarity.zoom)
        sigmas.append(one.uncertainty.zoom)
    return shared_zoom(zooms, sigmas, same_focus=same_focus)


def error_px(found: Registration, truth: NDArray[np.float64]) -> float:
    assert found.matrix is not None
    return corner_distance_px(found.matrix, truth, (HEIGHT, WIDTH))


def test_a_session_is_measured_better_than_its_pairs() -> None:
    singles = [alone(*one) for one in KNOWN]
    shared = zoom_of(singles)
    assert shared is not None
    assert shared.zoom == pytest.approx(ZOOM, abs=2 * shared.sigma)
    both = [register_in_session(*pair(*one)[:2], shared) for one in KNOWN]
    assert all(used == shared for _, used in both)
    pooled = [found for found, _ in both]
    truths = [pair(*one)[2] for one in KNOWN]
    errors = [
        [error_px(found, truth) for found, truth in zip(way, truths, strict=True)]
        for way in (singles, pooled)
    ]
    assert np.linalg.norm(errors[1]) < 0.9 * np.linalg.norm(errors[0])
    for one, other, error in zip(singles, pooled, errors[1], strict=True):
        assert one.corner_error_px is not None
        assert other.corner_error_px is not None
        assert error < 2 * other.corner_error_px < 2 * one.corner_error_px


def test_a_pair_that_is_unknown_alone_is_known_in_its_session() -> None:
    shared = zoom_of([alone(*one) for one in KNOWN])
    assert shared is not None
    assert alone(*UNKNOWN).matrix is None
    blurry, sharp, truth = pair(*UNKNOWN)
    found, _ = register_in_session(blurry, sharp, shared)
    assert found.model == "similarity"
    assert error_px(found, truth) < 0.3


@pytest.mark.parametrize("one", [KNOWN[0], UNKNOWN])
def test_a_translation_at_most_has_no_shared_zoom(one: tuple[str, float]) -> None:
    blurry, sharp, _ = pair(*one, zoom=1.0)
    found, used = register_in_session(
        blurry, sharp, SharedZoom(1.002, 1e-5, 4), at_most="translation"
    )
    assert used is None
    alone = register(blurry, sharp, at_most="translation")
    assert (found.similarity, found.reason) == (alone.similarity, alone.reason)
    assert found.model == ("translation" if found.similarity else "")


def test_pairs_whose_truths_differ_keep_their_own() -> None:
    zooms = (1.0, 1.006, 1.012)
    singles = [alone(*one, zoom) for one, zoom in zip(KNOWN, zooms, strict=False)]
    shared = zoom_of(singles)
    assert shared is not None
    assert shared.sigma > 0.004
    for one, zoom, single in zip(KNOWN, zooms, singles, strict=False):
        found, used = register_in_session(*pair(*one, zoom)[:2], shared)
        assert used is None
        assert found.similarity == single.similarity


def test_only_the_aperture_changed() -> None:
    assert shared_zoom([], [], same_focus=True) == SharedZoom(1.0, 0.0, 0)
    assert shared_zoom([1.0004], [0.0005], same_focus=True) == SharedZoom(1.0, 0.0, 1)
    assert shared_zoom([1.005, 1.0052], [0.0005, 0.0005], same_focus=True) is None
    moved = shared_zoom([1.005, 1.0052, 1.0049], [0.0005] * 3, same_focus=True)
    assert moved is not None
    assert moved.zoom == pytest.approx(1.005, abs=2e-4)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_a_coma_is_no_doubt_where_only_the_aperture_changed(index: int) -> None:
    """Nothing moved; the lens alone moves the corners outwards, by 2 px and more."""
    lens = replace(STILL, coc_px=(8.0, 20.0), families=("coma",))
    rendered = render_pair(load_textures("test", ()), lens, HEIGHT, WIDTH, seed=5, index=index)
    blurry, sharp = Members(rendered.blurry, rendered.sharp).light
    reason = register(blurry, sharp).reason
    assert "skewed as by a coma" in reason
    assert reason.endswith(SESSION_HINT)
    found, used = register_in_session(blurry, sharp, SharedZoom(1.0, 0.0, 0))
    assert used == SharedZoom(1.0, 0.0, 0)
    assert found.corner_error_px is not None
    assert error_px(found, np.eye(3)) < min(0.15, 2 * found.corner_error_px)
    assert found.corner_error_px < 0.3
    elsewhere, used = register_in_session(blurry, sharp, SharedZoom(1.05, 0.0005, 3))
    assert used is None
    assert "skewed as by a coma" in elsewhere.reason
    assert not elsewhere.reason.endswith(SESSION_HINT)


def test_what_all_pairs_err_by_alike_stays() -> None:
    many = shared_zoom([1.002] * 400, [0.001] * 400)
    assert many is not None
    assert many.sigma == pytest.approx(0.0005)
    assert shared_zoom([1.002] * 2, [0.001] * 2) is None


def test_a_pair_that_was_registered_is_not_registered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members: list[Image] = [
        as_integer(linear_to_srgb(np.repeat(np.minimum(one, 1)[:, :, None], 3, axis=2)), 8)
        for one in pair(*KNOWN[0])[:2]
    ]
    blurry, sharp = members
    own = measure(blurry, sharp, DISFlow())
    shared = SharedZoom(ZOOM, 1e-5, 4)
    again = measure(blurry, sharp, DISFlow(), shared=shared).misalignment
    for module in ("measure", "registration.session"):
        monkeypatch.delattr(f"defocus.align.{module}.register")
    found = measure(blurry, sharp, DISFlow(), shared=shared, own=own.registration).misalignment
    assert found.shared == shared
    assert found.similarity == again.similarity != own.misalignment.similarity
    assert found.sigma == again.sigma != own.misalignment.sigma
