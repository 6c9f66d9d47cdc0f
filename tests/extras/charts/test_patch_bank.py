"""Patches of a stream in memory: renewed as the training goes on, the same when it continues."""

import numpy as np
import torch

from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import Photographs
from defocus.extras.charts.own_lens.patch_bank import PatchBank

COUNT, SIDE = 3, 64


def bank(renewed_every):
    return PatchBank(Renderer(Photographs(()), "train"), COUNT, SIDE, renewed_every)


def test_patches_give_way_to_the_next_ones_of_the_stream():
    kept, renewed = bank(None), bank(2)
    first = kept.batch(0, 2, 48)
    assert torch.equal(first.blurry, renewed.batch(0, 2, 48).blurry)
    for step in range(1, 10):
        renewed.batch(step, 1, 48)
    assert renewed.held == range(4, 4 + COUNT)
    pair = Renderer(Photographs(()), "train").pair(6, SIDE)
    assert np.abs(renewed.sharp[6 % COUNT] / 65535 - pair.sharp).max() < 1e-5
    kept.batch(9, 1, 48)
    assert kept.held == range(COUNT)


def test_a_training_that_continues_sees_the_same_patches():
    walked, begun_there = bank(2), bank(2)
    for step in range(5):
        walked.batch(step, 1, 48)
    one, other = (each.batch(5, 4, 48) for each in (walked, begun_there))
    assert torch.equal(one.blurry, other.blurry)
    assert torch.equal(one.target, other.target)
    assert walked.held == begun_there.held == range(2, 2 + COUNT)
