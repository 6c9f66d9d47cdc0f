"""PWC-Net at 448 x 1024, against a plain implementation.

Run ``python -m tests.speed.cases.pwcnet``.
"""

from functools import partial

import click
import torch

from defocus.align.flow.pwcnet.network import PWCNet
from defocus.align.flow.pwcnet.operators import cost_volume
from tests.speed.case import Case, CaseOutcome, ours_and_peer
from tests.speed.measuring import Way, Work, compared, table
from tests.speed.peers.pwcnet import (
    naive_network,
    ported_network,
    unfolded_cost_volume,
)

__all__ = ["CASES", "main"]

SIZE = (448, 1024)
FEATURES = (1, 32, 112, 256)
"""Shape of the features at level 2 of such a frame."""


def main() -> None:
    """Print a table for the whole network and one for its largest cost volume."""
    click.echo(
        f"PWC-Net, {SIZE[0]} x {SIZE[1]}, one thread; the peers differ by {_difference():.1e} px"
    )
    click.echo(table(compared([Way("unfold, concatenation", _naive), Way("ours", _ours)])))
    click.echo("\ncost volume of level 2, " + " x ".join(map(str, FEATURES)))
    click.echo(table(compared([Way("unfold", _unfolded), Way("81 shifted products", _shifted)])))


def _network() -> PWCNet:
    torch.manual_seed(0)
    return PWCNet().eval()


def _frames() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand((2, 1, 3, *SIZE), generator=generator)
    return first, second


def _flow(network: PWCNet) -> torch.Tensor:
    with torch.no_grad():
        flow: torch.Tensor = network(*_frames())
    return flow


def _ours() -> Work:
    return partial(_flow, _network().to(memory_format=torch.channels_last))


def _naive() -> Work:
    return partial(_flow, naive_network(_network()))


def _ported() -> Work:
    return partial(_flow, ported_network(_network()))


def _measure() -> CaseOutcome:
    """Measure against a port with the same cost volume, so only the dense layers differ."""
    return ours_and_peer(
        _ours,
        _ported,
        lambda: float((_flow(_network()) - _flow(ported_network(_network()))).abs().max()),
    )


def _difference() -> float:
    return float((_flow(_network()) - _flow(naive_network(_network()))).abs().max())


def _features() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand((2, *FEATURES), generator=generator)
    return first, second


def _unfolded() -> Work:
    return partial(unfolded_cost_volume, *_features())


def _shifted() -> Work:
    return partial(cost_volume, *_features())


CASES = (Case("pwcnet", 1.2, 1e-5, _measure),)

if __name__ == "__main__":
    main()
