"""Pairs of a stream in memory, used more than once: the same when the training continues."""

import numpy as np
import pytest
import torch

from defocus.datasets.patching import reuse as module
from defocus.datasets.patching.reuse import ORDERS, Reuse
from defocus.datasets.stream.bank import KeptPatches
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import Photographs
from defocus.training.feeding import feeding
from defocus.training.parallel import Ranks

STEPS = 24
REUSED = Reuse(times=3, batch=4, crop_px=20, steps=STEPS, seed=5)


@pytest.fixture
def few(monkeypatch):
    """Two pairs for each place before the first step, and five at most."""
    monkeypatch.setattr(module, "FIRST_EACH", 2)
    monkeypatch.setattr(module, "MOST_PAIRS", 20)


def patches(augment=("channels", "noise")):
    renderer = Renderer(Photographs(()), "train", lenses=2)
    return KeptPatches(renderer, 20, augment, supervision=("defocus_map",))


def reused(first, mine=None, workers=0):
    with feeding(workers, mine or Ranks(), torch.device("cpu")) as feeder:
        return list(patches().reused(REUSED, first, feeder))


def members(batches):
    return [
        torch.cat([one.blurry, one.target, *one.supervision.values()], 1)
        for one in batches
    ]


@pytest.mark.full
def test_pairs_in_memory_follow_from_the_step_alone(few):
    whole = members(reused(0))
    assert len(whole) == STEPS
    assert whole[0].shape == (4, 7, 20, 20)
    for first in (1, 13, STEPS - 1):
        assert all(map(torch.equal, members(reused(first)), whole[first:]))
    halves = [members(reused(13, Ranks(rank, 2, rank, 2))) for rank in (0, 1)]
    shared = [torch.cat(both) for both in zip(*halves, strict=True)]
    assert all(map(torch.equal, shared, whole[13:]))


@pytest.mark.full
def test_processes_render_the_same_pairs(few):
    alone, ahead = members(reused(20)), members(reused(20, workers=2))
    assert all(map(torch.equal, alone, ahead))


def test_each_pair_is_used_so_often_and_gives_way_to_a_later_one(few):
    assert [len(REUSED.held(step)) for step in (0, 3, 6, 9, 23)] == [8, 12, 16, 20, 20]
    assert REUSED.held(23) == range(18, 38)
    assert REUSED.pairs_until(STEPS) - REUSED.pairs_until(0) == STEPS * 4 // 3
    slots = dict(REUSED.slots(REUSED.held(23), slice(0, 4)))
    assert sorted(slots.values()) == list(range(20))
    other = REUSED.slots(REUSED.held(23), slice(2, 4))
    assert [number % 4 for number, _ in other] == [2, 3] * 5


@pytest.mark.parametrize("augment", [(), ("channels",)])
def test_a_crop_is_a_part_of_its_pair_and_turned(few, augment):
    step, plain = 11, patches(augment=())
    with feeding(0, Ranks(), torch.device("cpu")) as feeder:
        batch = next(patches(augment).reused(REUSED, step, feeder))
    drawn = REUSED.drawn(step, slice(0, 4), orders=bool(augment))
    number = {slot: one for one, slot in REUSED.slots(REUSED.held(step), slice(0, 4))}
    for place, (slot, top, left, transposed, over, mirrored, order) in enumerate(
        drawn.tolist()
    ):
        assert number[slot] % 4 == place
        assert order == 0 or augment
        random = np.random.default_rng([5, number[slot]])
        pair = plain.draw(random, REUSED.side)[1].pair
        for part, whole in ((batch.blurry, pair.blurry), (batch.target, pair.sharp)):
            crop = whole[top : top + 20, left : left + 20, list(ORDERS[order])]
            crop = crop[:: -1 if over else 1, :: -1 if mirrored else 1]
            crop = crop.swapaxes(0, 1) if transposed else crop
            assert np.abs(part[place].numpy().transpose(1, 2, 0) - crop).max() < 1e-3
