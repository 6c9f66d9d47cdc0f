"""Split pictures or features into a grid of equal patches, and join them again."""

import torch

__all__ = ["join", "split"]


def split(whole: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Split into patches, ``(N * rows * columns, C, H / rows, W / columns)``, row by row."""
    count, channels, height, width = whole.shape
    patches = whole.reshape(count, channels, rows, height // rows, columns, width // columns)
    return patches.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def join(patches: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Undo :func:`split`: ``(N * rows * columns, C, h, w)`` to ``(N, C, H, W)``."""
    placed = patches.reshape(-1, rows, columns, *patches.shape[1:])
    return placed.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
