"""Training curves for TensorBoard, besides ``train.csv`` and ``validation.csv``."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.extra_packages import require
from defocus.storage.files import make_folder

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

NO_CURVES = frozenset(
    {
        "step",
        "epoch",
        "seconds",
        "cpu_seconds",
    }
)


class Tracker:
    """Receives the curves; without a writer it does nothing."""

    def __init__(self, writer: "SummaryWriter | None") -> None:
        self._writer = writer

    def loss(self, step: int, row: Mapping[str, str]) -> None:
        """Add one line of ``train.csv``."""
        for name in row.keys() - NO_CURVES:
            self._add(f"training/{name}", float(row[name]), step)

    def scores(self, step: int, row: Mapping[str, float]) -> None:
        """Add one line of ``validation.csv``: dB, and percent of characters."""
        for split in row.keys() - NO_CURVES:
            kind = "text" if "text" in split else "psnr"
            self._add(f"{kind}/{split}", row[split], step)

    def _add(
        self,
        name: str,
        value: float,
        step: int,
    ) -> None:
        if self._writer is not None:
            self._writer.add_scalar(name, value, step)


@contextlib.contextmanager
def open_tracker(folder: Path | None, step: int) -> Iterator[Tracker]:
    """Write curves into ``tensorboard/`` of a run's folder, if any, while the block runs."""
    # Records of steps after the one at which the training continues are dropped.
    if folder is None:
        yield Tracker(None)
        return
    require("tensorboard", "tensorboard", "2.18")
    from torch.utils.tensorboard import SummaryWriter

    path = make_folder(folder / "tensorboard")
    with SummaryWriter(path, purge_step=step + 1) as writer:
        yield Tracker(writer)
