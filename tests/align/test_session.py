"""Pairs of one session share a zoom: surer than their own, and enough for a pair without one."""

import math
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.flow.estimator import DISFlow
from defocus.align.measure import measure
from defocus.align.registration.asymmetry import TileAsymmetry
from defocus.align.registration.doubt import SESSION_HINT
from defocus.align.registration.level import LENS_SHARE
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import Registration, register
from defocus.align.registration.session import (
    OwnZoom,
    PairInSession,
    SessionLens,
    Shared,
    register_in_session,
    session_lens,
    shared_zoom,
)
from defocus.pictures.values import Image, as_integer, linear_to_srgb
from defocus.scene.aperture import disc_psf
from defocus.scene.geometry import Similarity
from defocus.scene.pictures import texture
from research.alignment_truth.methods import Members
from research.alignment_truth.rendered.pair import STILL, render_pair
from research.alignment_truth.rendered.textures import load_textures
from tests.align.synthetic import homogeneous

WIDTH, HEIGHT, MARGIN = 320, 240, 40
ZOOM = 1.006
KNOWN = (("gravel", 5.0), ("coffee", 7.0), ("astronaut", 9.0), ("gravel", 12.0))
UNKNOWN = ("gravel", 30.0)
Pair = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]


@cache
def pair(name: str, diameter_px: float, zoom: float = ZOOM) -> Pair:
    """An evenly blurred picture, the same sharp, zoomed, turned and shifted, and the transform."""
    rng = np.random.default_rng(int(10 * diameter_px))
    wide = (
        texture(name, WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
        .mean(axis=2)
        .astype(np.float32)
    )
    placed = Similarity(zoom, rng.uniform(-0.2, 0.2), tuple(rng.uniform(-4, 4, 2)))
    matrix = homogeneous(placed, (HEIGHT, WIDTH))
    inner = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    blurry = cv2.filter2D(wide, -1, disc_psf(diameter_px).astype(np.float32))[inner]
    back = np.linalg.inv(matrix)
    back[:2, 2] += MARGIN
    sharp = cv2.warpAffine(
        wide, back[:2], (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    noisy = (
        np.maximum(one + rng.normal(0, 0.004, one.shape), 0) for one in (blurry, sharp)
    )
    first, second = (np.asarray(one, np.float32) for one in noisy)
    return first, second, matrix


def error_px(registration: Registration, truth: NDArray[np.float64]) -> float:
    assert registration.matrix is not None
    return corner_distance_px(registration.matrix, truth, (HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ("columns", "other"),
    [
        (slice(0, 160), lambda sharp: np.roll(sharp, 8, axis=1)),
        (slice(160, None), lambda _: pair("astronaut", 9.0)[1]),
        (slice(None), lambda sharp: sharp[:, ::-1]),
        (slice(None), lambda _: pair("astronaut", 9.0)[1]),
    ],
    ids=["half moved", "half of another scene", "mirrored", "another scene"],
)
@pytest.mark.parametrize("blurred", [KNOWN[3], UNKNOWN])
def test_tiles_that_disagree_stay_unknown_in_a_session(blurred, columns, other):
    blurry, sharp, _ = pair(*blurred)
    lens = SessionLens(Shared(ZOOM, 2e-4, 3))
    assert register_in_session(blurry, sharp, lens)[0].matrix is not None
    spoilt = sharp.copy()
    spoilt[:, columns] = other(sharp)[:, columns]
    registration, _ = register_in_session(blurry, spoilt, lens)
    assert registration.matrix is None
    assert registration.reason


@pytest.mark.parametrize("one", [KNOWN[0], UNKNOWN])
def test_a_translation_at_most_has_no_shared_zoom(one):
    blurry, sharp, _ = pair(*one, zoom=1.0)
    registration, used = register_in_session(
        blurry, sharp, SessionLens(Shared(1.002, 1e-5, 4)), at_most="translation"
    )
    assert used is None
    alone = register(blurry, sharp, at_most="translation")
    assert (registration.similarity, registration.reason) == (
        alone.similarity,
        alone.reason,
    )
    assert registration.model == ("translation" if registration.similarity else "")


def test_only_the_aperture_changed():
    assert shared_zoom([], [], same_focus=True) == Shared(1.0, 0.0, 0)
    assert shared_zoom([1.0004], [0.0005], same_focus=True) == Shared(1.0, 0.0, 0), (
        "not measured"
    )
    assert shared_zoom([1.005, 1.0052], [0.0005, 0.0005], same_focus=True) is None
    moved = shared_zoom([1.005, 1.0052, 1.0049], [0.0005] * 3, same_focus=True)
    assert moved.value == pytest.approx(1.005, abs=2e-4)
    zooms = [0.994, 1.0059, 1.0118]
    zoom = shared_zoom(zooms, [0.0006, 0.0009, 0.0011], same_focus=True)
    assert zoom.sigma > 0.004
    assert shared_zoom(zooms[:2], [0.0006, 0.0009], same_focus=True) is None


@pytest.mark.parametrize(
    ("sigma", "is_known"), [(5e-4, True), (5e-3, False), (0.02, False)]
)
def test_an_unknown_pair_is_known_in_a_sure_session(sigma, is_known):
    blurry, sharp, truth = pair(*UNKNOWN)
    shared = SessionLens(Shared(ZOOM - sigma, sigma, 3))
    registration, used = register_in_session(blurry, sharp, shared)
    assert (registration.matrix is not None, used == shared) == (is_known, is_known)
    assert bool(registration.reason) != is_known
    if is_known:
        assert error_px(registration, truth) < 2 * registration.corner_error_px < 1.5


@pytest.mark.full
@pytest.mark.parametrize("index", [1, 2, 3])
def test_a_coma_is_no_doubt_where_only_the_aperture_changed(index):
    """Nothing moved; the lens alone moves the corners outwards, by 2 px and more."""
    lens = replace(STILL, coc_px=(8.0, 20.0), families=("coma",))
    rendered = render_pair(
        load_textures("test", ()), lens, HEIGHT, WIDTH, seed=5, index=index
    )
    blurry, sharp = Members(rendered.blurry, rendered.sharp).light
    reason = register(blurry, sharp).reason
    assert "skewed as by a coma" in reason
    assert reason.endswith(SESSION_HINT)
    registration, used = register_in_session(
        blurry, sharp, SessionLens(Shared(1.0, 0.0, 0))
    )
    assert used == SessionLens(Shared(1.0, 0.0, 0))
    assert error_px(registration, np.eye(3)) < min(
        0.15, 2 * registration.corner_error_px
    )
    assert registration.corner_error_px < 0.3
    elsewhere, used = register_in_session(
        blurry, sharp, SessionLens(Shared(1.05, 0.0005, 3))
    )
    assert used is None
    assert "skewed as by a coma" in elsewhere.reason
    assert not elsewhere.reason.endswith(SESSION_HINT)


SPREAD = TileAsymmetry(0.06, 1 / 0.03**2, 0.2, 0.0, 10.0)
OWN = OwnZoom(1.01, 0.012, 200.0, SPREAD)


def test_an_asymmetry_of_the_session_is_taken_from_the_zoom():
    """It moves the corners outwards, as a zoom does, by 10 px for an asymmetry of one."""
    moved = OWN.with_asymmetry(Shared(0.05, 1e-6, 4))
    assert moved.zoom == pytest.approx(1.01 - 0.05 * 10 / 200, abs=1e-9)
    assert moved.sigma == pytest.approx(
        math.sqrt(0.012**2 - (LENS_SHARE * 10 / 200 * SPREAD.doubt) ** 2)
    )
    taken = replace(OWN, asymmetry=replace(SPREAD, taken=0.05)).with_asymmetry(
        Shared(0.05, 0, 4)
    )
    assert taken.zoom == pytest.approx(1.01, abs=1e-12)
    symmetric = replace(OWN, asymmetry=replace(SPREAD, prior=0.02))
    moved = symmetric.with_asymmetry(Shared(0.05, 0.02, 4))
    assert moved.zoom == pytest.approx(1.01 - 0.025 * 10 / 200, abs=1e-9), (
        "most is kept out"
    )


@pytest.mark.parametrize("shared", [Shared(0.2, 0.01, 4), Shared(0.06, 0.05, 4), None])
def test_an_asymmetry_that_is_no_surer_or_elsewhere_is_not_taken(shared):
    assert OWN.with_asymmetry(shared) == OWN
    assert OwnZoom(None, None, 200.0).with_asymmetry(shared).zoom is None


def test_pairs_without_a_common_zoom_may_share_an_asymmetry():
    lens = session_lens([OWN] * 3)
    assert lens.asymmetry is not None
    registration, used = OWN.in_session(SessionLens(asymmetry=lens.asymmetry))
    assert used == SessionLens(asymmetry=lens.asymmetry)
    assert registration.sigma < OWN.sigma
    two = session_lens([OWN] * 2)
    assert two is None


def test_what_all_pairs_err_by_alike_is_in_the_shared_error():
    plain, coma = (
        session_lens([replace(OWN, asymmetry=replace(SPREAD, coma_px=px))] * 3)
        for px in (0.0, 2.0)
    )
    assert coma.zoom.sigma == pytest.approx(math.hypot(plain.zoom.sigma, 2.0 / 200))
    many = shared_zoom([1.002] * 400, [0.001] * 400)
    assert many.sigma == pytest.approx(0.0005)
    assert shared_zoom([1.002] * 2, [0.001] * 2) is None


@pytest.mark.full
def test_a_pair_that_was_registered_is_not_registered_again(monkeypatch):
    members: list[Image] = [
        as_integer(
            linear_to_srgb(np.repeat(np.minimum(one, 1)[:, :, None], 3, axis=2)), 8
        )
        for one in pair(*KNOWN[0])[:2]
    ]
    blurry, sharp = members
    own = measure(blurry, sharp, DISFlow())
    shared = SessionLens(Shared(ZOOM, 1e-5, 4))
    again = measure(
        blurry, sharp, DISFlow(), session=PairInSession(shared)
    ).misalignment
    for module in ("measure", "registration.session"):
        monkeypatch.delattr(f"defocus.align.{module}.register")
    answer = measure(
        blurry, sharp, DISFlow(), session=PairInSession(shared, own.registration)
    ).misalignment
    assert answer.shared == shared
    assert answer.similarity == again.similarity != own.misalignment.similarity
    assert answer.sigma == again.sigma != own.misalignment.sigma
