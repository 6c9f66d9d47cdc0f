"""Seconds of runs that shared the machine with others, measured again with nothing else running."""

from collections.abc import Iterator
from itertools import islice

from torch import nn

from defocus.benchmark.cost.tiling import foreseen_tile_px, largest_size
from defocus.benchmark.evaluation.picture_scores import UNREADABLE
from defocus.benchmark.evaluation.restore import (
    TimedRestoration,
    cost_in_seconds,
    restore_picture,
)
from defocus.benchmark.results.run_folder import CRASHES, one_line
from defocus.benchmark.results.store import SECONDS, Cost
from defocus.benchmark.study.attempt import computing_as_trained, network_of
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.opening import require_one_size
from defocus.training.devices import best_device

TIMED = 6
"""Number of pictures that are restored once more; the first is a warm-up."""


def measured_seconds(study: Study, run: Run) -> list[Cost]:
    """The seconds of restoring some test pictures; the reason if that fails."""
    try:
        network = network_of(study, run)
        with computing_as_trained(run):
            restored = list(islice(_restored(study, run, network), TIMED))
    except CRASHES as error:
        reason = one_line(error)
        return [Cost(name, None, reason) for name in SECONDS]
    sizes = []
    seconds = []
    tiles_px = []
    for one in restored:
        sizes.append(one.picture.shape[:2])
        seconds.append(one.seconds)
        if one.tile_px:
            tiles_px.append(one.tile_px)
    return cost_in_seconds(network, sizes, seconds, min(tiles_px, default=0))


def _restored(study: Study, run: Run, network: nn.Module) -> Iterator[TimedRestoration]:
    """The test pictures that can be read, each as it is restored."""
    card, device = run.baseline.card, best_device()
    pairs = study.dataset.split("test")
    tile_px = foreseen_tile_px(network, card, largest_size(pairs), device)
    for pair in pairs:
        try:
            require_one_size([pair])
            made = restore_picture(network, card, pair, device, tile_px=tile_px)
        except UNREADABLE:
            continue
        tile_px = made.tile_px
        yield made
