"""Test pictures that memory does not hold: foreseen, restored in tiles, marked in their row."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from defocus.baselines.card import Card
from defocus.benchmark.cost import tiling
from defocus.benchmark.cost.tiling import (
    foresee_tiles,
    foreseen_tile_px,
    lacks_memory,
    largest_size,
    tile_sides,
)
from defocus.benchmark.evaluation.restore import measure_costs, restore_picture
from defocus.datasets.pair import Pair
from defocus.errors import TrainingError
from tests.benchmark.test_evaluate import dataset_of, evaluated

CPU = torch.device("cpu")
CARD = Card("net", "Net", "network", "single", "paper", "", "", "")
MAPPED = replace(CARD, needs=("defocus_map",))
LACK = "CUDA out of memory. Tried to allocate 20.00 GiB."


class Narrow(nn.Module):
    """A convolution that lacks memory for pictures wider than a limit, px."""

    def __init__(
        self, limit_px: int, error: type[Exception] = torch.OutOfMemoryError
    ) -> None:
        super().__init__()
        self.limit_px, self.error = limit_px, error
        self.layer = nn.Conv2d(3, 3, 3, padding=1)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, blurry, defocus_map=None):
        self.seen.append(tuple(blurry.shape[2:]))
        if blurry.shape[-1] > self.limit_px:
            raise self.error(LACK)
        restored = blurry + self.layer(blurry)
        return restored if defocus_map is None else restored + 0.01 * defocus_map


@pytest.fixture
def pair(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (300, 700, 3), dtype=np.uint8)
    picture = tmp_path / "blurry.png"
    cv2.imwrite(str(picture), noise)
    np.save(tmp_path / "map.npy", np.linspace(0, 9, 300 * 700).reshape(300, 700))
    return Pair("p", "s", "test", picture, picture, defocus_map=tmp_path / "map.npy")


def whole(network: Narrow) -> Narrow:
    """The same network with memory for everything."""
    roomy = Narrow(10**6)
    roomy.load_state_dict(network.state_dict())
    return roomy


@pytest.mark.parametrize(
    ("size", "sides"),
    [((700, 300), [0, 320, 256]), ((400, 400), [0, 256]), ((256, 200), [0])],
)
def test_sides_are_halves_on_the_grid_of_tiles(size, sides):
    assert list(tile_sides(size)) == sides


def test_sides_go_on_from_the_one_that_was_large_enough():
    assert list(tile_sides((2000, 3000), 704)) == [704, 320, 256]


@pytest.mark.parametrize("card", [CARD, MAPPED])
def test_a_picture_that_memory_does_not_hold_is_restored_in_tiles(pair, card):
    network = Narrow(600)
    restored = restore_picture(network, card, pair, CPU)
    assert restored.tile_px == 320
    assert max(width for _, width in network.seen[1:]) <= 320
    at_once = restore_picture(whole(network), card, pair, CPU)
    assert at_once.tile_px == 0
    assert np.abs(restored.picture - at_once.picture).max() < 1e-5


def test_at_scales_each_of_them_is_restored_in_tiles(pair):
    card, network = replace(CARD, at_scales=True), Narrow(600)
    restored = restore_picture(network, card, pair, CPU)
    assert restored.tile_px == 320
    at_once = restore_picture(whole(network), card, pair, CPU)
    assert np.abs(restored.picture - at_once.picture).max() < 1e-5


def test_what_not_even_a_tile_fits_is_refused_in_one_line(pair, refused):
    with refused(TrainingError):
        restore_picture(Narrow(100), CARD, pair, CPU)


def test_another_error_is_the_networks_own(pair, refused):
    with refused(ValueError):
        restore_picture(Narrow(600, ValueError), CARD, pair, CPU)


@pytest.mark.parametrize(
    ("error", "lacking"),
    [
        (torch.OutOfMemoryError(LACK), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shapes differ"), False),
    ],
)
def test_what_says_that_memory_lacks(error, lacking):
    assert lacks_memory(error) is lacking


@pytest.mark.full
def test_the_row_and_the_terminal_say_it(pair, capsys):
    _, costs, _ = evaluated(dataset_of(pair), Narrow(600))
    measured = {cost.metric: cost.measured_on for cost in costs}
    assert measured["seconds"].endswith(", in tiles of 320 px")
    assert measured["macs_g"] == "320x300 px, one tile"
    said = capsys.readouterr().err
    assert "restored in tiles of 320 px; a part of one differs by 0.00 of 255" in said


def test_costs_of_a_whole_picture_are_of_its_size(pair):
    costs = measure_costs(Narrow(10**6), CARD, pair, [(300, 700)], [1.0])
    assert {cost.metric: cost.measured_on for cost in costs}["macs_g"] == "700x300 px"


def test_tiles_are_foreseen_before_a_training(monkeypatch, capsys, refused):
    network = Narrow(600).train()
    foresee_tiles(network, CARD, [(64, 64), (1120, 1680)], CPU)
    assert (
        "a test picture of 1680x1120 px at once; it will be" in capsys.readouterr().err
    )
    assert network.training
    with refused(TrainingError):
        foresee_tiles(Narrow(200), CARD, [(1120, 1680)], CPU)
    foresee_tiles(Narrow(10**6), CARD, [(1120, 1680)], CPU)
    foresee_tiles(Narrow(200), CARD, [(300, 700)], CPU)
    assert not capsys.readouterr().err


def test_memory_is_counted_without_computing(monkeypatch):
    network = Narrow(10**6)
    size = (1120, 1680)
    monkeypatch.setattr(tiling, "available_bytes", lambda _: 40 * 2**20)
    assert foreseen_tile_px(network, CARD, size, CPU) == 832
    monkeypatch.setattr(tiling, "available_bytes", lambda _: 500 * 2**20)
    assert foreseen_tile_px(network, MAPPED, size, CPU) == 0


def test_the_largest_picture_counts(pair, tmp_path):
    assert largest_size([pair]) == (300, 700)
    assert largest_size([]) == (0, 0)
