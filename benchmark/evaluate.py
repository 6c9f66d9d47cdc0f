"""Evaluating one system on the test pairs: restore, score against every target, keep pictures."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark import profiles
from defocus.benchmark.breakdown import psnr_by_place, psnr_by_region, psnr_over_input
from defocus.benchmark.cost import device_name, measure_cost, quartiles
from defocus.benchmark.metrics.registry import find_metric, profile_metrics
from defocus.benchmark.profiles import Profile
from defocus.benchmark.protocols import PROTOCOLS, Target, make_target
from defocus.benchmark.results import Cost, Score
from defocus.datasets.arrays import read_array
from defocus.datasets.packing import Further, require_further
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.files import make_folder
from defocus.images import FloatImage, as_float, as_integer, read_image, write_image
from defocus.progress import counted, track

__all__ = [
    "INDEPENDENT",
    "SHOWN_PAIRS",
    "check_inputs",
    "evaluate",
    "further_inputs",
    "measure_costs",
    "restore_picture",
]

SHOWN_PAIRS = 12
"""About so many test pairs, spread over all, have their pictures kept: the report shows those on
which systems differ most."""

SHOWN_PX = 640
"""Longer side of the kept pictures."""

INDEPENDENT = "_independent"
"""After the name of a metric under ``deformed-gt`` that another estimator's flow is behind."""

_BY_ANOTHER = ("psnr", "ssim", "mae")


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
    independent: FlowEstimator | None = None,
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
        independent: A second estimator for the targets that follow the output, where the first
            one has trained the system; its scores are named so (``psnr_independent``).

    Returns:
        One score per pair, protocol and metric (without a value and with a reason where there can
        be none), those of its parts that a picture has, and the costs.

    Raises:
        ImageError: A picture cannot be read.
        NotApplicableError: The system's inputs are missing.
    """
    check_inputs(card, pairs)
    network.to(device).eval()
    scores: list[Score] = []
    seconds: list[float] = []
    sizes: list[tuple[int, ...]] = []
    for number, pair in enumerate(track(pairs, f"{card.name}: evaluation")):
        restored, spent = restore_picture(network, card, pair, device)
        seconds.append(spent)
        sizes.append(restored.shape[:2])
        scores += _score_pair(dataset, pair, restored, estimator, independent, profile)
        if number % max(1, len(pairs) // SHOWN_PAIRS) == 0:
            _keep_pictures(pair, restored, make_folder(folder / "images"))
    return scores, measure_costs(network, card, pairs[0], sizes, seconds)


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
        diameter = np.abs(read_array(pair.defocus_map)).astype(np.float32)
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
    independent: FlowEstimator | None,
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
        found = profiles.score_picture(restored, target, profile) | beside
        yield from _named(pair, protocol, target, profile, found)
        if facts.ranked:
            psnr = found["psnr"].value
            yield from _parts(pair, protocol, target, profile, restored, blurry, psnr)
        elif independent is not None:
            yield from _by_another(dataset, pair, restored, independent, profile)


def _named(
    pair: Pair,
    protocol: str,
    target: Target,
    profile: Profile,
    scores: Mapping[str, profiles.Score],
) -> Iterator[Score]:
    for name, score in scores.items():
        yield Score(
            profile=profile.name,
            protocol=protocol,
            metric=name,
            pair=pair.id,
            scene=pair.scene,
            value=score.value,
            flow=target.flow,
            reason=score.reason if score.value is None else "",
            flow_weights=target.flow_weights,
        )


def _parts(
    pair: Pair,
    protocol: str,
    target: Target,
    profile: Profile,
    restored: NDArray[np.float64],
    blurry: NDArray[np.float64],
    psnr: float | None,
) -> Iterator[Score]:
    """PSNR of the parts that the picture has (edges, by blur, place), and over the input."""
    picture = profiles.prepared(restored, target.reference.shape, profile)
    values = {
        **psnr_by_region(picture, target, profile, pair),
        **psnr_by_place(psnr, pair),
        **psnr_over_input(
            psnr, blurry.astype(np.float32), target, profile
        ),  # as a network reads it
    }
    scores = {name: profiles.Score(value) for name, value in values.items() if value is not None}
    yield from _named(pair, protocol, target, profile, scores)


def _by_another(
    dataset: Dataset,
    pair: Pair,
    restored: NDArray[np.float64],
    estimator: FlowEstimator,
    profile: Profile,
) -> Iterator[Score]:
    """Scores against the sharp picture warped by an estimator that had no part in the training."""
    target = make_target("deformed-gt", dataset, pair, restored, estimator)
    metrics = {name: find_metric(name) for name in _BY_ANOTHER}
    scores = profiles.score_picture(restored, target, profile, metrics)
    renamed = {name + INDEPENDENT: score for name, score in scores.items()}
    yield from _named(pair, "deformed-gt", target, profile, renamed)


def measure_costs(
    network: nn.Module,
    card: Card,
    pair: Pair,
    sizes: Sequence[tuple[int, ...]],
    seconds: Sequence[float],
) -> list[Cost]:
    """What restoring costs: counted at the size of the first pair, seconds as they were measured.

    Args:
        network: Where it restored.
        card: Of the system.
        pair: The first that was restored.
        sizes: Height and width of each.
        seconds: Of each. The first is left out where there are more: libraries warm up in it.
    """
    height, width = sizes[0]
    channels = 6 if card.input == "dual" else 3
    further: dict[str, torch.Tensor] = {
        one: _further_input(one, pair) for one in further_inputs(card)
    }
    cost = measure_cost(network, height, width, channels=channels, **further)
    device = device_name(next(network.parameters(), torch.empty(0)).device)
    timed = list(seconds[1:]) or list(seconds)
    low, middle, high = quartiles(timed)
    warm = "after a warm-up" if len(seconds) > 1 else "without a warm-up"
    of_times = f"{device}, {_size_range(sizes)}, {counted(len(timed), 'picture')} {warm}"
    return [
        Cost("params_m", cost.params_m),
        Cost("macs_g", cost.macs_g, measured_on=_size_range(sizes[:1])),
        _memory(card, cost.peak_mib, _size_range(sizes[:1])),
        Cost("seconds", middle, measured_on=of_times),
        Cost("seconds_q1", low, measured_on=of_times),
        Cost("seconds_q3", high, measured_on=of_times),
    ]


def _memory(card: Card, peak_mib: float, size: str) -> Cost:
    if card.kind == "classical":
        return Cost("peak_mib", None, "works outside PyTorch, whose tensors alone are counted")
    return Cost("peak_mib", peak_mib, measured_on=size)


def _size_range(sizes: Sequence[tuple[int, ...]]) -> str:
    ends = (min(sizes, key=math.prod), max(sizes, key=math.prod))
    return " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in ends)) + " px"


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
