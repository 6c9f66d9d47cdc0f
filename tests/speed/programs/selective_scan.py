"""The selective scan, against the recurrence step by step, and its growth with the length.

``python -m tests.speed.programs.selective_scan`` prints two tables: 4,096 steps of both
methods, and 16,384 of ours, which is four times the work. Each method runs in its own process, on
one thread, in float32 and without gradients.
"""

from collections.abc import Callable
from functools import partial

import click
import torch

from defocus.baselines.layers.selective_scan.scan import selective_scan
from tests.speed.measuring import Way, Work, compared, table

__all__ = ["LENGTHS", "difference", "main", "recurrence", "sequences"]

LENGTHS = (4096, 16384)
CHANNELS = 32
STATES = 16

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
Scan = Callable[..., tuple[torch.Tensor, torch.Tensor]]


def sequences(
    length: int, *, channels: int = CHANNELS, groups: int = 1, states: int = STATES, seed: int = 0
) -> Inputs:
    """Two sequences in float64, with decays from nearly 1 to below the range of float32.

    Returns:
        Values and step widths ``(2, channels, length)``, decays ``(channels, states)``, and input
        and output weights ``(2, groups, states, length)``.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    decay = -torch.logspace(-3, 2.5, channels * states, dtype=torch.float64)
    return (
        normal(2, channels, length),
        normal(2, channels, length).abs(),
        decay.view(channels, states),
        normal(2, groups, states, length),
        normal(2, groups, states, length),
    )


def recurrence(
    values: torch.Tensor,
    widths: torch.Tensor,
    decay: torch.Tensor,
    reading: torch.Tensor,
    writing: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Same as :func:`defocus.baselines.layers.selective_scan.scan.selective_scan`, step by step."""
    shared = values.shape[1] // reading.shape[1]
    read, write = (each.repeat_interleave(shared, dim=1) for each in (reading, writing))
    state = values.new_zeros(*values.shape[:2], decay.shape[1])
    written = []
    for step in range(values.shape[2]):
        width = widths[:, :, step, None]
        gain = width * read[..., step] * values[:, :, step, None]
        state = (width * decay).exp() * state + gain
        written.append((state * write[..., step]).sum(-1))
    return torch.stack(written, dim=-1), state


def _prepared(scan: Scan, length: int) -> Work:
    inputs = [each.float() for each in sequences(length)]
    return partial(_scanned, scan, inputs)


def _scanned(scan: Scan, inputs: list[torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return scan(*inputs)[0]


def difference(length: int) -> float:
    """Largest difference between both methods, relative to the largest value."""
    ours, peer = (_prepared(scan, length)() for scan in (selective_scan, recurrence))
    assert isinstance(ours, torch.Tensor)
    assert isinstance(peer, torch.Tensor)
    return float((ours - peer).abs().max() / peer.abs().max())


def main() -> None:
    """Print both tables."""
    short, long = LENGTHS
    click.echo(
        f"2 sequences of {CHANNELS} channels, {STATES} states, {short} steps; "
        f"the ways differ by {difference(short):.0e} of the largest value"
    )
    ours = Way("ours", partial(_prepared, selective_scan, short))
    click.echo(table(compared([Way("step by step", partial(_prepared, recurrence, short)), ours])))
    click.echo(f"\n{long // short} times the steps")
    more = Way(f"ours, {long} steps", partial(_prepared, selective_scan, long))
    click.echo(table(compared([ours, more])))


if __name__ == "__main__":
    main()
