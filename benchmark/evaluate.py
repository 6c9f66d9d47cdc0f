"""Evaluating one system on the test pairs: restore, score against every target, keep pictures."""

import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark import profiles
from defocus.benchmark.cost import measure_cost
from defocus.benchmark.metrics.registry import profile_metrics
from defocus.benchmark.profiles import Profile
from defocus.benchmark.protocols import PROTOCOLS, make_target
from defocus.benchmark.results import Cost, Score
from defocus.datasets.packing import Further, require_further
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.files import make_folder
from defocus.images import FloatImage, as_float, as_integer, read_image, write_image
from defocus.progress import track

__all__ = [
    "SHOWN_PAIRS",
    "check_inputs",
    "evaluate",
    "further_inputs",
    "measure_costs",
    "restore_picture",
]

SHOWN_PAIRS = 3
"""So many test pairs have their pictures kept for the report."""

SHOWN_PX = 640
"""Longer side of the kept pictures."""


def check_inputs(card: Card, pairs: Iterable[Pair]) -> None:
    """Refuse a system whose inputs these pairs do not have.

    Raises:
        NotApplicableError: The reason.
    """
    further = further_inputs(card)
    require_further(tuple(pairs), (*further, "dual_pixel") if card.input == "dual" else further)


def further_inputs(card: Card) -> tuple[Further, ...]:
    """What a system is given by keyword beside the picture, or beside the views.

    Raises:
        NotApplicableError: It needs something that no dataset has.
    """
    known: tuple[Further, ...] = get_args(Further)
    others = sorted(set(card.needs) - set(known))
    if others:
        raise NotApplicableError(f"needs {', '.join(others)}, which no dataset has")
    given = ["dual_pixel"] if card.input == "dual" else []
    return tuple(one for one in known if one in card.needs and one not in given)


def evaluate(
    network: nn.Module,
    card: Card,
    dataset: Dataset,
    pairs: tuple[Pair, ...],
    estimator: FlowEstimator,
    folder: Path,
    *,
    device: torch.device,
    profile: Profile = profiles.DEFAULT,
) -> tuple[list[Score], list[Cost]]:
    """Restore and score pairs.

    Args:
        network: From blurry ``(1, 3, H, W)`` (dual: ``(1, 6, H, W)``) to restored.
        card: Of the system.
        dataset: That the pairs are of.
        pairs: What to evaluate; the first few have their pictures kept.
        estimator: Flow behind the targets that are warped.
        folder: Gets ``images/``: blurry, restored and sharp pictures at a small size.
        device: Where to restore.
        profile: Everything that decides a value except the target.

    Returns:
        One score per pair, protocol and metric (without a value and with a reason where there can
        be none), and the costs.

    Raises:
        ImageError: A picture cannot be read.
        NotApplicableError: The system's inputs are missing.
    """
    check_inputs(card, pairs)
    network.to(device).eval()
    scores: list[Score] = []
    seconds: list[float] = []
    for number, pair in enumerate(track(pairs, f"{card.name}: evaluation")):
        restored, spent = restore_picture(network, card, pair, device)
        seconds.append(spent)
        scores += _score_pair(dataset, pair, restored, estimator, profile)
        if number < SHOWN_PAIRS:
            _keep_pictures(pair, restored, make_folder(folder / "images"))
    return scores, measure_costs(network, card, pairs[0], seconds)


def restore_picture(
    network: nn.Module, card: Card, pair: Pair, device: torch.device
) -> tuple[NDArray[np.float64], float]:
    """Restore one picture.

    Returns:
        ``(H, W, 3)`` float64 RGB as the network gave it, not clamped; and the seconds it took.
    """
    picture = _network_input(card, pair).to(device)
    further = {one: _further_input(one, pair).to(device) for one in further_inputs(card)}
    with torch.no_grad():
        started = time.perf_counter()
        restored = network(picture, **further)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - started
    expected = (1, 3, *picture.shape[2:])
    if tuple(restored.shape) != expected:
        raise ValueError(f"restored picture is {tuple(restored.shape)}, not {expected}")
    array = restored[0].permute(1, 2, 0).double().cpu().numpy()
    if not np.isfinite(array).all():
        raise FloatingPointError(f"restored picture of {pair.id} has values that are not finite")
    return array, seconds


def _network_input(card: Card, pair: Pair) -> torch.Tensor:
    return _tensor(pair.blurry) if card.input == "single" else _further_input("dual_pixel", pair)


def _further_input(what: Further, pair: Pair) -> torch.Tensor:
    """Views ``(1, 6, H, W)``, or the diameter of the circle of confusion ``(1, 1, H, W)`` in px."""
    if what == "defocus_map" and pair.defocus_map is not None:
        diameter = np.abs(np.load(pair.defocus_map, allow_pickle=False)).astype(np.float32)
        return torch.from_numpy(diameter)[None, None]
    views = (pair.dual_pixel_left, pair.dual_pixel_right)
    return torch.cat([_tensor(view) for view in views if view is not None], dim=1)


def _tensor(path: Path) -> torch.Tensor:
    """A picture as ``(1, 3, H, W)`` float32 in [0, 1]."""
    return torch.from_numpy(as_float(read_image(path))).permute(2, 0, 1)[None].contiguous()


def _score_pair(
    dataset: Dataset,
    pair: Pair,
    restored: NDArray[np.float64],
    estimator: FlowEstimator,
    profile: Profile,
) -> Iterator[Score]:
    """Scores of one picture under all protocols."""
    blurry = np.asarray(as_float(read_image(pair.blurry), np.float64), dtype=np.float64)
    beside = profiles.score_against_input(restored, blurry, profile)
    for protocol, facts in PROTOCOLS.items():
        where = (pair.id, pair.scene)
        try:
            target = make_target(protocol, dataset, pair, restored, estimator)
        except NotApplicableError as error:
            flow = estimator.name if facts.uses_flow else ""
            for name in profile_metrics(profile.name):
                yield Score(profile.name, protocol, name, *where, None, flow, str(error))
            continue
        for name, score in (profiles.score_picture(restored, target, profile) | beside).items():
            reason = score.reason if score.value is None else ""
            yield Score(profile.name, protocol, name, *where, score.value, target.flow, reason)


def measure_costs(network: nn.Module, card: Card, pair: Pair, seconds: list[float]) -> list[Cost]:
    """Parameters and multiply-adds at the size of one pair, and the median of measured seconds."""
    height, width = read_image(pair.blurry).shape[:2]
    channels = 6 if card.input == "dual" else 3
    further = {one: _further_input(one, pair) for one in further_inputs(card)}
    cost = measure_cost(network, height, width, channels=channels, **further)
    return [
        Cost("params_m", cost.params_m),
        Cost("macs_g", cost.macs_g),
        Cost("seconds", statistics.median(seconds)),
    ]


def _keep_pictures(pair: Pair, restored: NDArray[np.float64], folder: Path) -> None:
    """Small 8-bit pictures for the report's slider."""
    states: dict[str, FloatImage] = {"blurry": as_float(read_image(pair.blurry))}
    states["restored"] = restored
    if pair.sharp is not None:
        states["sharp"] = as_float(read_image(pair.sharp))
    for state, picture in states.items():
        write_image(folder / f"{pair.id}.{state}.png", as_integer(_small(picture), 8))


def _small(picture: FloatImage) -> FloatImage:
    import cv2

    height, width = picture.shape[:2]
    scale = SHOWN_PX / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=picture.dtype)
