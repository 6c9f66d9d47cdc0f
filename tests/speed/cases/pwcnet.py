"""PWC-Net at 448 × 1024, and its largest cost volume, against plain implementations.

The peer of the network has the same cost volume, so only the dense layers differ."""

from functools import partial

import torch

from defocus.align.flow.pwcnet.network import PWCNet, cost_volume
from tests.speed.case import Case, Work, apart
from tests.speed.peers.pwcnet import ported_network, unfolded_cost_volume

SIZE, SMALL = (448, 1024), (64, 128)
FEATURES = (1, 32, 112, 256)
"""Shape of the features at level 2 of such a frame."""


def _network() -> PWCNet:
    torch.manual_seed(0)
    return PWCNet().eval()


def _drawn(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    return first, second


@torch.no_grad()
def _flow(network: PWCNet, size: tuple[int, int]) -> torch.Tensor:
    flow: torch.Tensor = network(*_drawn(1, 3, *size))
    return flow


def _ours(size: tuple[int, int]) -> Work:
    return partial(_flow, _network().to(memory_format=torch.channels_last), size)


def _peer(size: tuple[int, int]) -> Work:
    return partial(_flow, ported_network(_network()), size)


def _difference() -> float:
    """In px."""
    network = _network()
    return float(
        (_flow(network, SMALL) - _flow(ported_network(network), SMALL)).abs().max()
    )


CASES = (
    Case("pwcnet", partial(_ours, SIZE), partial(_peer, SIZE), _difference, 1e-5, 1.2),
    Case(
        "cost-volume",
        lambda: partial(cost_volume, *_drawn(*FEATURES)),
        lambda: partial(unfolded_cost_volume, *_drawn(*FEATURES)),
        lambda: apart(
            cost_volume(*_drawn(1, 8, 9, 11)),
            unfolded_cost_volume(*_drawn(1, 8, 9, 11)),
        ),
        1e-5,
    ),
)
