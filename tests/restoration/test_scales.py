"""A picture is restored at the size that its blur asks for."""

import math

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.blur.learned_map import (
    CELL_PX,
    BlurMap,
    enlarged,
    enlarged_rows,
    estimate_blur_map,
)
from defocus.restoration import restoration as restoration_module
from defocus.restoration.guard.guard import Guarded
from defocus.restoration.restoration import (
    CodedColours,
    Restoration,
    ScaleChange,
    restore_colours,
)
from defocus.restoration.restorer import make_restorer
from defocus.restoration.scales import (
    follow_scale,
    plan_scales,
    reduced_map,
    reduced_picture,
    restored_at_scales,
)
from defocus.scene.aperture import disc_psf
from defocus.strips import Colours

Array = NDArray[np.float32]
REACH_PX = 24.0


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def map_of(diameter_px: Array, size: tuple[int, int]) -> BlurMap:
    """A map that is sure of what it says."""
    return BlurMap(diameter_px, 1.2 * diameter_px, np.ones_like(diameter_px), size)


def uniform(diameter_px: float, height: int = 256, width: int = 320) -> BlurMap:
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    return map_of(np.full((rows, columns), diameter_px, np.float32), (height, width))


def ramp(
    height: int, width: int, largest_px: float = 200, least_px: float = 0
) -> BlurMap:
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    across = np.linspace(least_px, largest_px, columns, dtype=np.float32)
    return map_of(np.tile(across, (rows, 1)), (height, width))


class Darker(nn.Module):
    """Takes a tenth of the light away, and remembers the sizes that it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        self.sizes.append((blurry.shape[2], blurry.shape[3]))
        return 0.9 * blurry


def restored_by(
    network: nn.Module, picture: Array, blur_map: BlurMap, tile_px: int = 0
) -> Array:
    restorer = make_restorer(network, tile_px, torch.device("cpu"))
    return restore_colours(restorer, picture, blur_map, guard=False).restored


@pytest.mark.parametrize(
    ("diameter_px", "factors"),
    [
        (0, (1,)),
        (20, (1,)),
        (25, (1, 2)),
        (36, (2,)),
        (70, (4,)),
        (128, (8,)),
        (400, (8,)),
    ],
)
def test_the_blur_chooses_the_scale(diameter_px, factors):
    assert plan_scales(uniform(diameter_px), REACH_PX).factors == factors
    assert plan_scales(uniform(2 * diameter_px), 2 * REACH_PX).factors == factors


def test_the_weights_of_the_scales_add_up_to_one_everywhere():
    plan = plan_scales(ramp(256, 640), REACH_PX)
    assert plan.factors == (1, 2, 4, 8)
    np.testing.assert_allclose(sum(plan.weights.values()), 1, atol=1e-6)


def test_a_map_that_is_not_sure_changes_nothing():
    blur_map = uniform(80)
    unsure = BlurMap(
        blur_map.diameter_px,
        blur_map.highest_px,
        np.zeros_like(blur_map.strong),
        blur_map.size,
    )
    assert plan_scales(unsure, REACH_PX).factors == (1,)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("width", [1, 2, 9])
def test_a_map_that_reaches_beyond_a_narrow_picture_is_reduced(width, factor):
    # the map of such a picture has four columns, as its network needs 32 px
    cells = np.full((250, 4), 40, np.float32)
    reduced = reduced_map(map_of(cells, (2000, width)), factor)
    height, columns = reduced.size
    assert (height, columns) == (2000 // factor, -(-width // factor))
    assert reduced.diameter_px.shape == (-(-height // CELL_PX), -(-columns // CELL_PX))
    assert set(reduced.diameter_px.flat) == {40 / factor}


def test_a_network_without_an_end_to_its_reach_sees_the_whole_picture_alone():
    assert plan_scales(uniform(100), math.inf).factors == (1,)


def test_scales_that_no_part_needs_are_not_computed(rng):
    picture = rng.random((256, 320, 3), np.float32)
    network = Darker()
    restored_by(network, picture, uniform(70))
    assert network.sizes == [(64, 80)]


def test_what_is_within_reach_is_what_the_network_gives(rng):
    picture = rng.random((131, 203, 3), np.float32)
    network = Darker()
    plain = np.float32(0.9) * picture
    np.testing.assert_array_equal(
        restored_by(network, picture, uniform(20, 131, 203)), plain
    )
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None]
    together = restored_at_scales(network, torch.cat([batch, batch]), REACH_PX)
    np.testing.assert_array_equal(together[1].permute(1, 2, 0).numpy(), plain)


@pytest.mark.parametrize("size", [(256, 320), (263, 331), (40, 52)])
def test_reducing_keeps_the_light_and_strips_are_as_the_whole(rng, size):
    picture = rng.random((*size, 3), np.float32)
    for factor in (2, 4, 8):
        small = reduced_picture(picture, factor)
        assert small.shape[:2] == (-(-size[0] // factor), -(-size[1] // factor))
        block = picture[:factor, :factor].mean(axis=(0, 1))
        np.testing.assert_allclose(small[0, 0], block, atol=1e-6)
    blur_map = ramp(*size)
    assert reduced_map(blur_map, 4).size == (-(-size[0] // 4), -(-size[1] // 4))
    whole = enlarged(blur_map.diameter_px, size)
    strips = [
        enlarged_rows(
            blur_map.diameter_px, CELL_PX, top, min(top + 56, size[0]), size[1]
        )
        for top in range(0, size[0], 56)
    ]
    np.testing.assert_array_equal(np.concatenate(strips), whole)


@pytest.mark.parametrize("size", [(1000, 320), (515, 333)])
@pytest.mark.parametrize("factor", [2, 8])
def test_changes_of_a_reduced_picture_are_made_some_rows_at_a_time(rng, size, factor):
    blurry = rng.random((*size, 3), np.float32)
    given = np.asarray(reduced_picture(blurry, factor))
    restored = rng.random(given.shape, np.float32)
    changes = ScaleChange(blurry, factor, restored)
    assert changes.shape == given.shape
    np.testing.assert_array_equal(changes[:], restored - given)
    for first in range(0, len(given), 33):
        rows = slice(first, first + 35)
        np.testing.assert_array_equal(changes[rows], (restored - given)[rows])
    part = np.s_[3:9, 5:20]
    np.testing.assert_array_equal(changes[part], (restored - given)[part])


def gradient() -> Array:
    across = np.linspace(0.2, 0.8, 768, dtype=np.float32)
    return np.repeat(np.tile(across, (512, 1))[:, :, None], 3, axis=2)


def starfield() -> Array:
    stars = np.random.default_rng(3).random((512, 768)) > 0.999
    return np.repeat(stars[:, :, None], 3, axis=2).astype(np.float32)


def grid() -> Array:
    lines = np.full((512, 768), 0.8, np.float32)
    lines[::16] = 0.2
    lines[:, ::16] = 0.2
    return np.repeat(lines[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    "picture", [gradient(), starfield(), grid()], ids=["gradient", "stars", "grid"]
)
def test_no_seam_shows_between_scales_tiles_or_strips(picture):
    blur_map = ramp(512, 768)
    whole = restored_by(Darker(), picture, blur_map)
    tiles = restored_by(Darker(), picture, blur_map, tile_px=256)
    assert np.abs(tiles - whole).max() < 1 / 255
    # what is taken away is a tenth of the light around: smooth wherever the scales change
    taken = cv2.GaussianBlur(picture - whole, (0, 0), 16)
    light = cv2.GaussianBlur(picture, (0, 0), 16)
    assert np.abs(taken - 0.1 * light)[64:-64, 64:-64].max() < 1 / 255


class Negative(nn.Module):
    """Turns the light around: the largest change that keeps a gradient straight."""

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return 1 - blurry


def test_a_straight_gradient_stays_straight_at_every_scale():
    picture = gradient()
    restored = restored_by(Negative(), picture, ramp(512, 768))
    inside = np.s_[64:-64, 64:-64]
    assert np.abs(restored - (1 - picture))[inside].max() < 1 / 255


class Levelled(nn.Module):
    """Takes away a share of the mean, so that each tile gives a result of its own."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry - self.share * blurry.mean(dim=(2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("guard", "leave_sharp", "share", "least_px"),
    [
        (False, False, 0.3, 3),  # nothing is in focus
        (False, False, 0.1, 0),
        (True, False, 0.1, 0),
        (False, True, 0.1, 0),
        (True, True, 0.1, 0),
    ],
)
@pytest.mark.parametrize("strength", [1.0, 2.0])
def test_neighbouring_pixels_never_step_where_tiles_and_scales_meet(
    guard, leave_sharp, share, least_px, strength
):
    picture = gradient()
    restorer = make_restorer(Levelled(share), 256, torch.device("cpu"))
    blur_map = ramp(512, 768, 60, least_px)
    restoration = restore_colours(restorer, picture, blur_map, guard=guard)
    assert restoration.plan.factors == (1, 2, 4)
    assert restoration.tiles > 4
    mask = np.tile(np.linspace(1, 0, 512, dtype=np.float32)[:, None], (1, 768))
    change = restoration.at(strength, mask, leave_sharp=leave_sharp) - picture
    assert guard or np.abs(change).max() > 4 / 255
    for axis in (0, 1):
        assert np.abs(np.diff(change, axis=axis)).max() < strength / 255


def test_beside_a_strong_blur_what_is_in_focus_stays(rng):
    picture = rng.random((256, 512, 3), np.float32)
    diameter_px = np.full((256 // CELL_PX, 512 // CELL_PX), 70, np.float32)
    diameter_px[:, : 256 // CELL_PX] = 0.5
    restored = restored_by(Darker(), picture, map_of(diameter_px, (256, 512)))
    np.testing.assert_allclose(restored[:, :240], picture[:, :240], atol=1e-6)
    assert (picture - restored)[:, 300:].mean() > 0.04
    alone = restored_by(Darker(), picture, uniform(0.5, 256, 512))
    assert (picture - alone).mean() > 0.04  # without a strong blur all is restored


def test_strips_of_a_result_are_its_rows(rng):
    picture = rng.random((600, 320, 3), np.float32)
    restorer = make_restorer(Darker(), 0, torch.device("cpu"))
    restoration = restore_colours(restorer, picture, ramp(600, 320), guard=False)
    np.testing.assert_allclose(restoration.at(1.0), restoration.restored, atol=1e-6)
    np.testing.assert_array_equal(restoration.at(0.0), picture)
    assert isinstance(restoration, Restoration)
    doubled = np.clip(picture + 2 * (restoration.restored - picture), 0, 1)
    np.testing.assert_allclose(restoration.at(2.0), doubled, atol=2e-3)


def test_a_large_picture_is_kept_in_sixteen_bits_while_smaller_sizes_are_restored(
    rng, monkeypatch
):
    picture = rng.random((600, 320, 3), np.float32)
    restorer = make_restorer(Darker(), 0, torch.device("cpu"))
    usual = restore_colours(restorer, picture, ramp(600, 320), guard=False)
    monkeypatch.setattr(restoration_module, "LARGE_PIXELS", 600 * 320)
    large = restore_colours(restorer, picture, ramp(600, 320), guard=False)
    *first, last = large.scales
    assert all(isinstance(scale.restored, CodedColours) for scale in first)
    assert isinstance(last.restored, np.ndarray)
    for strength in (1.0, 2.0):
        error = np.abs(large.at(strength) - usual.at(strength)).max()
        assert error <= strength * 1.1 / 65535


def test_progress_over_several_scales_is_in_percent_and_ends():
    heard: list[tuple[int, int]] = []

    def follow(tile: int, tiles: int) -> None:
        heard.append((tile, tiles))

    for factor in (1, 2, 4):
        hear = follow_scale(follow, (1, 2, 4), factor)
        hear(0, 3)
        hear(3, 3)
    assert heard[0] == (0, 100)
    assert heard[-1] == (100, 100)
    assert heard == sorted(heard)
    follow_scale(follow, (2,), 2)(1, 3)
    assert heard[-1] == (1, 3)


def behind_a_disc(sharp: Array, diameter_px: float) -> Array:
    light = cv2.pow(sharp, 2.2)
    kernel = disc_psf(diameter_px).astype(np.float32)
    blurred = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    stored = cv2.pow(np.clip(blurred, 0, 1), 1 / 2.2)
    return np.asarray(np.rint(255 * stored) / 255, np.float32)


def psnr(first: Array, second: Array) -> float:
    return float(-10 * np.log10(np.square(first - second).mean()))


def photograph() -> Array:
    picture = skimage.data.coffee()
    return np.asarray(picture / np.float32(255), np.float32)


@pytest.mark.full
@pytest.mark.parametrize("diameter_px", [40, 64])
def test_a_photograph_behind_a_strong_blur_comes_back(own, diameter_px):
    sharp = photograph()
    blurry = behind_a_disc(sharp, diameter_px)
    restoration = restore_colours(own, blurry)
    assert 1 not in restoration.plan.factors
    assert psnr(restoration.restored, sharp) > psnr(blurry, sharp) + 1
    plain = own.whole(torch.from_numpy(blurry).permute(2, 0, 1)[None])
    alone = plain[0].permute(1, 2, 0).numpy()
    assert psnr(restoration.restored, sharp) > psnr(alone, sharp) + 1


@pytest.mark.full
@pytest.mark.parametrize("diameter_px", [32, 48, 64])
def test_the_map_knows_strong_blurs(diameter_px):
    blur_map = estimate_blur_map(behind_a_disc(photograph(), diameter_px))
    median_px = float(np.median(blur_map.diameter_px[blur_map.reliable]))
    assert median_px == pytest.approx(diameter_px, rel=0.3)


def points(size_px: int) -> Array:
    """Bright points of a size on a grey ground, 24 times as far from each other."""
    shown = np.full((512, 768, 3), 0.2, np.float32)
    shown[12 * size_px :: 24 * size_px, 12 * size_px :: 24 * size_px] = 1.0
    return np.asarray(
        cv2.dilate(shown, np.ones((2 * size_px + 1, 2 * size_px + 1), np.uint8))
    )


@pytest.mark.full
def test_bright_points_ring_no_more_at_smaller_scales(own):
    ringing = {}
    for factor in (1, 2, 4):
        blurry = behind_a_disc(points(factor), 12 * factor)
        restoration = restore_colours(own, blurry, uniform(12 * factor, 512, 768))
        ringing[factor] = blurry.min() - restoration.restored.min()
    assert 4 in restoration.plan.factors
    assert max(ringing[2], ringing[4]) <= ringing[1]


class SilentAboveHalf(Darker):
    """Knows blurred things in small pictures alone; there it makes them crisper."""

    def __init__(self, known_px: int) -> None:
        super().__init__()
        self.known_px = known_px

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        self.sizes.append((blurry.shape[2], blurry.shape[3]))
        if blurry.shape[3] > self.known_px:
            return blurry
        return blurry + 3 * (
            blurry - nn.functional.avg_pool2d(blurry, 5, 1, 2, False, False)
        )


def textured(rng: np.random.Generator, height: int = 256, width: int = 320) -> Array:
    noise = rng.standard_normal((height, width, 3), np.float32)
    return np.float32(0.5) + np.float32(0.2) * cv2.GaussianBlur(noise, (0, 0), 2)


def test_where_a_network_is_silent_the_next_smaller_size_is_restored(rng):
    picture = textured(rng)
    network = SilentAboveHalf(known_px=160)
    restored = restored_by(network, picture, uniform(12))
    assert {width for _, width in network.sizes} == {320, 160}
    small = np.asarray(reduced_picture(picture, 2))
    change = (
        network(torch.from_numpy(small).permute(2, 0, 1)[None])[0]
        .permute(1, 2, 0)
        .numpy()
    )
    expected = picture + enlarged_rows(change - small, 2, 0, 256, 320)
    np.testing.assert_allclose(restored, np.clip(expected, 0, 1), atol=1e-5)


def test_a_network_that_is_silent_at_each_size_is_asked_down_to_where_nothing_is_blurred(
    rng,
):
    network = SilentAboveHalf(known_px=0)
    restored = restored_by(network, textured(rng), uniform(14))
    # there it has 3.5 px
    assert [width for _, width in network.sizes] == [320, 160, 80]
    np.testing.assert_allclose(restored, textured(np.random.default_rng(0)), atol=1e-6)


@pytest.mark.parametrize(("known_px", "diameter_px"), [(320, 12), (160, 2)])
def test_what_a_network_answers_and_what_is_in_focus_stay_at_their_size(
    rng, known_px, diameter_px
):
    network = SilentAboveHalf(known_px)
    restored_by(network, textured(rng), uniform(diameter_px))
    assert {width for _, width in network.sizes} == {320}


def test_a_network_without_a_reach_is_never_asked_at_a_smaller_size(rng):
    network = SilentAboveHalf(known_px=160)
    restorer = make_restorer(network, 0, torch.device("cpu"), reach_px=math.inf)
    restore_colours(restorer, textured(rng), uniform(12), guard=False)
    assert {width for _, width in network.sizes} == {320}


def test_evaluation_hands_silent_parts_on_as_restoring_does(rng, monkeypatch):
    monkeypatch.setattr(
        "defocus.restoration.scales.estimate_blur_map", lambda _: uniform(12)
    )
    picture = textured(rng)
    network = SilentAboveHalf(known_px=160)
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None]
    evaluated = restored_at_scales(network, batch, REACH_PX)[0].permute(1, 2, 0).numpy()
    restored = restored_by(network, picture, uniform(12))
    np.testing.assert_allclose(np.clip(evaluated, 0, 1), restored, atol=1e-5)


ENLARGED_LADDERS = {1: (1, 2, 4, 8), 2: (2, 4, 8), 3: (3, 6), 4: (4, 8)}


@pytest.mark.parametrize("enlarged", ENLARGED_LADDERS)
def test_an_enlarged_picture_is_restored_at_no_larger_scale(enlarged):
    ladder = ENLARGED_LADDERS[enlarged]
    sharp = plan_scales(uniform(0), REACH_PX, enlarged)
    assert sharp.ladder == ladder
    assert sharp.factors == (enlarged,)
    blurred = plan_scales(uniform(REACH_PX * enlarged * 1.5), REACH_PX, enlarged)
    assert blurred.factors == ladder[1:2]
    assert plan_scales(uniform(100), math.inf, enlarged).factors == (enlarged,)
    mixed = plan_scales(ramp(256, 640), REACH_PX, enlarged)
    assert sum(mixed.weights.values()) == pytest.approx(1)


@pytest.mark.parametrize("enlarged", [2, 3, 4])
@pytest.mark.parametrize("size", [(257, 331), (256, 384)])
def test_what_changed_before_an_enlargement_is_mixed_into_the_picture(
    monkeypatch, rng, enlarged, size
):
    monkeypatch.setattr(restoration_module, "enlarged_by", lambda _: enlarged)
    picture = 0.2 + 0.6 * cv2.GaussianBlur(
        rng.random((*size, 3), np.float32), (0, 0), 8
    )
    network = Darker()
    restorer = make_restorer(network, 0, torch.device("cpu"))
    restoration = restore_colours(restorer, picture, uniform(2, *size))
    rows, columns = (-(-side // enlarged) for side in size)
    assert network.sizes == [(rows, columns)]
    assert restoration.restored.shape == picture.shape
    assert restoration.given_at(enlarged).shape == (rows, columns, 3)
    assert restoration.plan.enlarged == enlarged
    assert np.abs(restoration.at(0.0) - picture).max() < 1e-6
    free = restore_colours(restorer, picture, uniform(2, *size), guard=False)
    assert network.sizes[1:] == [size]  # without the guard as it is
    assert free.plan.enlarged == 1


def test_an_enlarged_picture_becomes_darker_by_a_tenth(monkeypatch, rng):
    monkeypatch.setattr(restoration_module, "enlarged_by", lambda _: 2)
    monkeypatch.setattr(restoration_module, "guarded", unguarded)
    picture = 0.2 + 0.6 * cv2.GaussianBlur(
        rng.random((256, 384, 3), np.float32), (0, 0), 8
    )
    restorer = make_restorer(Darker(), 0, torch.device("cpu"))
    restoration = restore_colours(restorer, picture, uniform(2, 256, 384))
    assert np.abs(restoration.restored - 0.9 * picture).max() < 2e-3
    half = restoration.at(0.5)
    assert np.abs(half - 0.95 * picture).max() < 2e-3


def unguarded(_: Colours, restored: Array, __: BlurMap) -> Guarded:
    return Guarded(restored, 1, 0)
