"""Restormer on one picture, against a plain implementation.

Run ``python -m tests.speed.cases.inference``.
"""

import sys
from functools import partial

import click
import torch

from defocus.baselines.systems.restormer.network import Restormer
from tests.speed.case import Case, CaseOutcome, ours_and_peer
from tests.speed.measuring import Way, Work, compared, table
from tests.speed.peers.restormer import naive_restormer

SIDE = 256


def main() -> None:
    """Print a table of one forward pass."""
    side = int(sys.argv[1]) if len(sys.argv) == 2 else SIDE
    click.echo(
        f"Restormer, {side} x {side}, one thread; the peers differ by {difference(64):.1e} "
        "of the largest output"
    )
    ways = [Way("plain", partial(_naive, side)), Way("ours", partial(_ours, side))]
    click.echo(table(compared(ways)))


def _network() -> Restormer:
    torch.manual_seed(0)
    return Restormer().eval()


def _restored(network: Restormer, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        restored: torch.Tensor = network(torch.rand(1, 3, side, side, generator=generator))
    return restored


def _ours(side: int) -> Work:
    return partial(_restored, _network(), side)


def _naive(side: int) -> Work:
    return partial(_restored, naive_restormer(_network()), side)


def difference(side: int) -> float:
    """Largest difference of both outputs, relative to the largest output."""
    network = _network()
    ours, naive = _restored(network, side), _restored(naive_restormer(network), side)
    return float((ours - naive).abs().max() / naive.abs().max())


def _measure() -> CaseOutcome:
    return ours_and_peer(partial(_ours, SIDE), partial(_naive, SIDE), partial(difference, 64))


CASES = (Case("inference", 1.4, 1e-5, _measure),)

if __name__ == "__main__":
    main()
