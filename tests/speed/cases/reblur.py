"""The reblurring operator, against the literal form of its definition.

Run ``python -m tests.speed.cases.reblur``.
"""

import sys
from functools import partial

import click
import torch

from defocus.baselines.operators.reblurring.operator import Path, isotropic_reblur
from defocus.baselines.operators.reblurring.rings import seed_count
from tests.speed.case import Case, CaseOutcome, ours_and_peer
from tests.speed.measuring import Way, Work, compared, table
from tests.speed.peers.reblur import literal_reblur

__all__ = ["CASES", "difference", "literal", "main", "ours"]

SIDE = 512
LEVELS = 8


def main() -> None:
    """Print a table of a forward and a backward pass; on a CUDA device one of Triton's as well."""
    side = int(sys.argv[1]) if len(sys.argv) == 2 else SIDE
    click.echo(f"reblurring operator, {side} x {side}, forward and backward, one thread")
    ways = [
        Way("literal", partial(literal, side)),
        Way("PyTorch", partial(ours, "torch", side)),
        Way("compiled", partial(ours, "compiled", side)),
    ]
    click.echo(table(compared(ways)))
    checked: tuple[Path, ...] = ("torch", "compiled")
    for path in checked:
        click.echo(f"{path}: gradients differ by {difference(path):.1e} of the largest")
    if torch.cuda.is_available():
        _on_device(side)


def _inputs(side: int, device: str = "cpu") -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, channels, side, side) for channels in (3, seed_count(LEVELS), LEVELS)]
    image, seeds, levels = (torch.rand(shape, generator=generator) for shape in shapes)
    given = [image, 4 * seeds - 2, torch.softmax(levels, dim=1)]
    return [one.to(device).requires_grad_() for one in given]


def _gradients(path: Path | None, given: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    image, seeds, weights = given
    blurred = (
        isotropic_reblur(image, seeds, weights, path)
        if path
        else literal_reblur(image, seeds, weights)
    )
    grown = torch.linspace(-1, 1, blurred.numel(), device=blurred.device).view_as(blurred)
    return torch.autograd.grad(blurred, given, grown.to(blurred.dtype))


def literal(side: int = SIDE) -> Work:
    """A forward and a backward pass of the released code's algorithm."""
    return partial(_gradients, None, _inputs(side))


def ours(path: Path, side: int = SIDE) -> Work:
    """A forward and a backward pass of one of our implementations."""
    return partial(_gradients, path, _inputs(side))


def difference(path: Path, side: int = 64) -> float:
    """Largest gradient difference to the literal form in float64, relative to the largest value."""
    exact = [one.detach().double().requires_grad_() for one in _inputs(side)]
    pairs = zip(_gradients(path, _inputs(side)), _gradients(None, exact), strict=True)
    return max(float((ours - twin).abs().max() / twin.abs().max()) for ours, twin in pairs)


def _on_device(side: int) -> None:
    given = _inputs(side, "cuda")
    click.echo(f"\nthe same on {torch.cuda.get_device_name()}")
    lines = ["| way | ms | times faster | peak MiB |", "| --- | ---: | ---: | ---: |"]
    first = None
    ways: dict[str, Path | None] = {"literal": None, "PyTorch": "torch", "Triton": "triton"}
    for name, path in ways.items():
        work = partial(_gradients, path, given)
        milliseconds, peak = _device_time(work)
        first = first or milliseconds
        lines.append(f"| {name} | {milliseconds:.3f} | {first / milliseconds:.1f} | {peak:.0f} |")
    click.echo("\n".join(lines))


def _device_time(work: Work, repeats: int = 20) -> tuple[float, float]:
    """Milliseconds per call (minimum of the repeats) and peak MiB above the inputs."""
    work()  # compiles
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    found = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        found.append(begin.elapsed_time(end))
    return min(found), (torch.cuda.max_memory_allocated() - before) / 2**20


def _measure(path: Path) -> CaseOutcome:
    return ours_and_peer(partial(ours, path), literal, partial(difference, path))


CASES = (
    Case("reblur-torch", 20, 1e-5, partial(_measure, "torch")),
    Case("reblur-compiled", 100, 1e-5, partial(_measure, "compiled")),
)

if __name__ == "__main__":
    main()
