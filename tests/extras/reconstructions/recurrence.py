"""The selective scan as a recurrence step by step, for comparison."""

import torch

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def sequences(
    length: int, *, channels: int = 32, groups: int = 1, states: int = 16, seed: int = 0
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
    """Same as our ``selective_scan``, step by step."""
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
