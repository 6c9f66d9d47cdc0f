"""Restormer on one picture, against a plain implementation of the same weights."""

from functools import partial

import torch

from defocus.baselines.systems.restormer.network import Restormer
from tests.speed.case import Case, Work, apart
from tests.speed.peers.restormer import naive_restormer

SIDE, SMALL = 256, 32


def _network() -> Restormer:
    torch.manual_seed(0)
    return Restormer().eval()


@torch.no_grad()
def _restored(network: Restormer, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    restored: torch.Tensor = network(torch.rand(1, 3, side, side, generator=generator))
    return restored


def _ours(side: int) -> Work:
    return partial(_restored, _network(), side)


def _peer(side: int) -> Work:
    return partial(_restored, naive_restormer(_network()), side)


def _difference() -> float:
    network = _network()
    return apart(_restored(network, SMALL), _restored(naive_restormer(network), SMALL))


CASES = (
    Case(
        "inference", partial(_ours, SIDE), partial(_peer, SIDE), _difference, 1e-5, 1.4
    ),
)
