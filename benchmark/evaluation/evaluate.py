"""Evaluate one system on the test pairs: restore, score against every target, keep pictures."""

import math
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.baselines.recipe import FurtherInput
from defocus.benchmark.cost.counting import device_name, measure_cost, quartiles
from defocus.benchmark.evaluation.kept_outputs import KeptOutputs
from defocus.benchmark.metrics.metric import metrics_for
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Cost
from defocus.benchmark.scoring import profiles
from defocus.benchmark.scoring.profiles import Profile
from defocus.benchmark.scoring.protocols import make_target
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.pair_files import read_array
from defocus.datasets.patching.packing import require_further
from defocus.errors import DatasetError, ImageError, NotApplicableError
from defocus.files import make_folder
from defocus.images import (
    FloatImage,
    Image,
    as_float,
    as_integer,
    read_image,
    read_member,
    write_image,
)
from defocus.isolation import LeftOut, left_out_by
from defocus.progress import counted, track
from defocus.reports.pictures import small_picture

UNREADABLE = (DatasetError, ImageError)
"""Errors of a pair's own files. Whatever else a restoration raises is the system's."""

SHOWN_PAIRS = 12
"""About so many test pairs, spread over all, have their pictures kept: the report shows those on
which systems differ most."""

LEAST_PX = 16
"""Sides that all networks take."""

SHOWN_PX = 640
"""Longer side of the kept pictures."""


THREADS = os.cpu_count() or 1
AT_ONCE_PX = 1 << 20
"""Pictures are scored together, one per thread, until they are so many pixels: metrics of a large
picture take much memory, and several threads by themselves."""


@dataclass(frozen=True)
class _Restored:
    """A restored picture ``(H, W, 3)`` of a pair, and its blurry one as stored."""

    number: int
    pair: Pair
    picture: NDArray[np.float64]
    blurry: Image
    seconds: float  # that its restoration took


def check_inputs(card: Card, pairs: Iterable[Pair]) -> None:
    """Refuse a system whose inputs are missing in these pairs."""
    further = further_inputs(card)
    require_further(tuple(pairs), (*further, "dual_pixel") if card.input == "dual" else further)


def further_inputs(card: Card) -> tuple[FurtherInput, ...]:
    """Inputs that a system takes as keyword arguments, besides the picture or the views."""
    inputs: tuple[FurtherInput, ...] = get_args(FurtherInput)
    others = sorted(set(card.needs) - set(inputs))
    if others:
        raise NotApplicableError(f"needs {', '.join(others)}, which no network is given")
    views = ["dual_pixel"] if card.input == "dual" else []
    return tuple(one for one in inputs if one in card.needs and one not in views)


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
    independent: FlowEstimator | None = None,
    outputs: KeptOutputs | None = None,
) -> tuple[list[Score], list[Cost], dict[str, float]]:
    """Scores by every metric that pairs can have, costs, and the colour cast of each pair."""
    # ``independent`` estimates flow for targets that follow the output, if ``estimator`` helped to
    # train the system. A pair of which a file cannot be read has this reason as all its scores.
    check_inputs(card, pairs)
    network.to(device).eval()
    scorer = PairScorer(
        dataset, estimator, metrics_for(dataset.split("test"), profile.name), profile, independent
    )
    outcomes: dict[str, list[Score] | LeftOut] = {}
    times: dict[str, tuple[tuple[int, ...], float]] = {}
    casts: dict[str, float] = {}
    waiting: list[_Restored] = []
    shown = folder / "images", max(1, len(pairs) // SHOWN_PAIRS)
    score = partial(_scored, scorer=scorer, dataset=dataset, shown=shown)
    with ThreadPoolExecutor(THREADS) as pool:
        for number, pair in enumerate(track(pairs, f"{card.name}: evaluation")):
            try:
                one = _restored(network, card, number, pair, device, outputs)
            except UNREADABLE as error:
                outcomes[pair.id] = left_out_by(pair.id, error)
            else:
                waiting.append(one)
                times[pair.id] = one.picture.shape[:2], one.seconds
                casts[pair.id] = colour_cast(one.picture, one.blurry)
            if _is_due(waiting) or pair is pairs[-1]:
                scored = pool.map(score, waiting)
                outcomes |= zip((each.pair.id for each in waiting), scored, strict=True)
                waiting.clear()
    left_out = {name: one for name, one in outcomes.items() if isinstance(one, LeftOut)}
    if len(left_out) == len(pairs):
        raise ImageError(f"{left_out[pairs[0].id].reason}; {_none_of(pairs)}")
    whole = [pair for pair in pairs if pair.id not in left_out]
    sizes, seconds = zip(*(times[pair.id] for pair in whole), strict=True)
    by_id = {pair.id: pair for pair in pairs}
    scores = [
        score
        for name, one in outcomes.items()
        for score in (
            scorer.of_unread(by_id[name], one.reason) if isinstance(one, LeftOut) else one
        )
    ]
    return scores, measure_costs(network, card, whole[0], sizes, seconds), casts


def _restored(
    network: nn.Module,
    card: Card,
    number: int,
    pair: Pair,
    device: torch.device,
    outputs: KeptOutputs | None,
) -> _Restored:
    require_one_size([pair])
    blurry = read_member(pair.blurry, pair.sharp)
    picture, seconds = restore_picture(network, card, pair, device, blurry)
    if outputs is not None:
        outputs.write(pair, picture)
    return _Restored(number, pair, picture, blurry, seconds)


def _scored(
    one: _Restored, scorer: PairScorer, dataset: Dataset, shown: tuple[Path, int]
) -> list[Score] | LeftOut:
    """The scores of a picture; every so many is also put into a folder, to be shown."""
    folder, every = shown
    try:
        scores = list(scorer.scores(one.pair, one.picture, one.blurry))
        if one.number % every == 0:
            _keep_pictures(one, dataset, scorer.estimator, folder)
    except UNREADABLE as error:
        return left_out_by(one.pair.id, error)
    return scores


def colour_cast(restored: NDArray[np.float64], blurry: Image) -> float:
    """How far the mean of a colour moved beyond what all three moved, as a share of white."""
    shown = np.clip(restored, 0.0, 1.0).mean(axis=(0, 1))
    moved = shown - as_float(blurry, np.float64).mean(axis=(0, 1))
    return float(np.abs(moved - moved.mean()).max())


def _none_of(pairs: Sequence[Pair]) -> str:
    if len(pairs) == 1:
        return f"{pairs[0].id} is the only test pair, so nothing can be scored"
    return f"none of the {len(pairs)} test pairs can be read, so nothing can be scored"


def restore_picture(
    network: nn.Module, card: Card, pair: Pair, device: torch.device, blurry: Image | None = None
) -> tuple[NDArray[np.float64], float]:
    """Restore one picture: ``(H, W, 3)`` float64 as given, not clamped; and the seconds it took."""
    views = _network_input(card, pair, blurry)
    height, width = views.shape[2:]
    picture = _at_least(views).to(device)
    further = {one: _at_least(_further_input(one, pair)).to(device) for one in further_inputs(card)}
    with torch.no_grad():
        started = time.perf_counter()
        restored = network(picture, **further)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - started
    expected = (1, 3, *picture.shape[2:])
    if tuple(restored.shape) != expected:
        raise ValueError(f"restored picture is {tuple(restored.shape)}, not {expected}")
    array = restored[0, :, :height, :width].permute(1, 2, 0).double().cpu().numpy()
    if not np.isfinite(array).all():
        raise FloatingPointError(f"restored picture of {pair.id} has values that are not finite")
    return array, seconds


def _at_least(picture: torch.Tensor) -> torch.Tensor:
    """A picture narrower than all networks take, padded by repeating its border."""
    height, width = picture.shape[2:]
    pad = (0, max(0, LEAST_PX - width), 0, max(0, LEAST_PX - height))
    return nn.functional.pad(picture, pad, mode="replicate") if any(pad) else picture


def _network_input(card: Card, pair: Pair, blurry: Image | None) -> torch.Tensor:
    if card.input != "single":
        return _further_input("dual_pixel", pair)
    return _tensor(read_member(pair.blurry, pair.sharp) if blurry is None else blurry)


def _further_input(what: FurtherInput, pair: Pair) -> torch.Tensor:
    """Views ``(1, 6, H, W)``, or the diameter of the circle of confusion ``(1, 1, H, W)`` in px."""
    if what == "defocus_map" and pair.defocus_map is not None:
        diameter = np.abs(read_array(pair.defocus_map)).astype(np.float32)
        return torch.from_numpy(diameter)[None, None]
    views = (pair.dual_pixel_left, pair.dual_pixel_right)
    pictures = [read_image(view) for view in views if view is not None]
    return torch.cat([_tensor(picture) for picture in pictures], dim=1)


def _tensor(picture: Image) -> torch.Tensor:
    """A picture as ``(1, 3, H, W)`` float32 in [0, 1]."""
    return torch.from_numpy(as_float(picture)).permute(2, 0, 1)[None].contiguous()


def measure_costs(
    network: nn.Module,
    card: Card,
    pair: Pair,
    sizes: Sequence[tuple[int, ...]],
    seconds: Sequence[float],
) -> list[Cost]:
    """Cost of restoring at the first pair's size; the first of several seconds is a warm-up."""
    height, width = (max(side, LEAST_PX) for side in sizes[0])
    channels = 6 if card.input == "dual" else 3
    further: dict[str, torch.Tensor] = {
        one: _at_least(_further_input(one, pair)) for one in further_inputs(card)
    }
    cost = measure_cost(network, height, width, channels=channels, **further)
    device = device_name(next(network.parameters(), torch.empty(0)).device)
    timed = list(seconds[1:]) or list(seconds)
    low, middle, high = quartiles(timed)
    rates = [1e6 * spent / math.prod(size) for size, spent in zip(sizes, seconds, strict=True)]
    _, per_mp, _ = quartiles(rates[1:] or rates)
    warm = "after a warm-up" if len(seconds) > 1 else "without a warm-up"
    of_times = f"{device}, {_size_range(sizes)}, {counted(len(timed), 'picture')} {warm}"
    return [
        Cost("params_m", cost.params_m),
        Cost("macs_g", cost.macs_g, measured_on=_size_range(sizes[:1])),
        _memory(card, cost.peak_mib, _size_range(sizes[:1])),
        Cost("seconds", middle, measured_on=of_times),
        Cost("seconds_q1", low, measured_on=of_times),
        Cost("seconds_q3", high, measured_on=of_times),
        Cost("seconds_mp", per_mp, measured_on=of_times),
    ]


def _memory(card: Card, peak_mib: float, size: str) -> Cost:
    if card.kind == "classical":
        return Cost("peak_mib", None, "works outside PyTorch, whose tensors alone are counted")
    return Cost("peak_mib", peak_mib, measured_on=size)


def _size_range(sizes: Sequence[tuple[int, ...]]) -> str:
    ends = (min(sizes, key=math.prod), max(sizes, key=math.prod))
    return " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in ends)) + " px"


def _is_due(waiting: Sequence[_Restored]) -> bool:
    """Whether to score what waits: the first picture alone, as metrics load things once."""
    # Nothing is restored meanwhile, so that its seconds are those of a machine without other work.
    if not waiting:
        return False
    pixels = sum(one.picture.shape[0] * one.picture.shape[1] for one in waiting)
    return waiting[-1].number == 0 or len(waiting) == THREADS or pixels > AT_ONCE_PX


def _keep_pictures(
    one: _Restored, dataset: Dataset, estimator: FlowEstimator, folder: Path
) -> None:
    """Small 8-bit pictures for the report's slider."""
    pair, restored = one.pair, one.picture
    states: dict[str, FloatImage] = {"blurry": as_float(one.blurry), "restored": restored}
    if pair.sharp is not None:  # kept in memory since it is scored against
        states["sharp"] = make_target("gt", dataset, pair, restored, estimator).reference
    if pair.truth is not None:
        states["truth"] = make_target("truth", dataset, pair, restored, estimator).reference
    for state, picture in states.items():
        write_image(
            make_folder(folder) / f"{pair.id}.{state}.png",
            as_integer(small_picture(picture, SHOWN_PX, SHOWN_PX), 8),
        )
