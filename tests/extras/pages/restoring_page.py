"""The page of ``restore --page`` in this process, with networks of its own."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.card import Baseline, Card
from defocus.extras.pages.restore.app import make_app
from defocus.extras.pages.restore.desk import Desk
from defocus.extras.pages.restore.systems import Choice
from defocus.extras.pages.serving.feed import Feed
from tests.extras.pages.page_server import serving

TOKEN = "t" * 43


class Sharpener(nn.Module):
    """Adds what a mean over 5 px took away; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        padded = functional.pad(blurry, (2, 2, 2, 2), mode="replicate")
        return blurry + 0.5 * (blurry - functional.avg_pool2d(padded, 5, stride=1))


class Waiting(Sharpener):
    """Stops in front of each tile until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.may_go = threading.Event(), threading.Event()

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        if blurry.shape[-1] > 256 or blurry.requires_grad:
            return super().forward(blurry)
        self.reached.set()
        assert self.may_go.wait(300)
        return super().forward(blurry)


class WaitingForWhole(Sharpener):
    """Restores parts at once, and the whole picture of a width when it may."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reached, self.may_go = threading.Event(), threading.Event()
        self._width = width

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        if blurry.shape[-1] == self._width:
            self.reached.set()
            assert self.may_go.wait(300)
        return super().forward(blurry)


def choice(network: nn.Module, name: str = "sharpener") -> Choice:
    """A system that needs no weights."""
    card = Card(name, name.title(), "classical", "single", "paper", "", "", "")
    return Choice(Baseline(card, lambda: network), "")


@contextlib.contextmanager
def restoring_page(
    folder: Path, choices: Sequence[Choice], tile_px: int | None = None
) -> Iterator[tuple[Desk, int]]:
    """The desk, and the port of its page on the loopback for those who know :data:`TOKEN`."""
    desk, feed = Desk(folder, choices, tile_px, torch.device("cpu")), Feed()

    def stop() -> None:
        desk.stop()
        feed.close()

    try:
        with serving(make_app(desk, 0, feed, TOKEN), stop) as port:
            yield desk, port
    finally:
        desk.wait()
