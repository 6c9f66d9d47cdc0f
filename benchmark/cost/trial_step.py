"""Check before a training whether a network takes the sizes of the pictures it will be given."""

import gc
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from defocus.baselines.card import Baseline, Card, Network
from defocus.baselines.objective import Batch
from defocus.baselines.recipe import Recipe
from defocus.benchmark.cost.counting import NEED_CHANNELS
from defocus.benchmark.cost.tiling import in_evaluation
from defocus.benchmark.study.plan import Run, Study
from defocus.errors import FAULTS, TrainingError
from defocus.pictures.headers import readable_size
from defocus.training.memory import LiveBytes, available_bytes
from defocus.training.objective import Progress, TrainingObjective
from defocus.training.steps.optimisers import autocast, fixed


@dataclass(frozen=True)
class TrialStep:
    """One forward and backward pass; ``peak_bytes`` leaves weights and gradients out."""

    seconds: float
    peak_bytes: int


def random_batch(
    card: Card,
    supervision: Sequence[str],
    size: int,
    crop_px: int,
) -> Batch:
    """A batch of noise with all inputs that a system and its objective need."""
    generator = torch.Generator().manual_seed(0)

    def noise(channels: int) -> torch.Tensor:
        return torch.rand(size, channels, crop_px, crop_px, generator=generator)

    needs = card.needs if card.input != "dual" else ()
    return Batch(
        noise(6 if card.input == "dual" else 3),
        noise(3),
        {need: noise(NEED_CHANNELS[need]) for need in needs},
        {need: noise(NEED_CHANNELS[need]) for need in supervision},
    )


def try_step(
    network: nn.Module,
    objective: TrainingObjective[Batch],
    batch: Batch,
    progress: Progress,
    precision: str,
) -> TrialStep:
    """Try one forward and backward pass without leaving gradients or changed statistics."""
    modules = (network, objective)
    before = [_copied_state(module) for module in modules]
    device = batch.blurry.device
    started = time.perf_counter()
    try:
        with (
            LiveBytes() as counter,
            fixed(objective.adversary),
            autocast(device, precision),
        ):
            loss, _ = objective(network, batch, progress)
            loss.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return TrialStep(time.perf_counter() - started, counter.peak)
    finally:
        for module, state in zip(modules, before, strict=True):
            module.zero_grad(set_to_none=True)
            module.load_state_dict(state)


Size = tuple[int, int]
"""Height and width, px."""

# A large picture is tried as a smaller one with the same remainder by 192 = 3 · 64: multiples of 2
# to 64 fail alike. What fails is tried again in the picture's own size.
PERIOD, LEAST = 192, 256
"""A side of LEAST + PERIOD px or more is replaced by a smaller one with the same remainder modulo
PERIOD."""

MOST = 16
"""Largest number of sizes that are tried. Sizes that few multiples divide come first."""

MULTIPLES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
GIVES = "it gives"
INSTEAD = " instead of one picture"
SEVERAL = (
    "return the restored picture from forward, and for losses of several scales all of them, by "
    "name, from a method outputs(blurry), as {'restored': …, 'half': …}"
)
SQUARES = (64, 96, 128, 192, 224, 256, 384, 512)
"""Sides of squares that are tried where no multiple helps."""


def sizes_of(study: Study, run: Run) -> list[Size]:
    """The sizes of pictures and crops in a study."""
    if run.recipe is None:
        return []
    sizes: set[Size] = set()
    for pair in (*study.dataset.split("test"), *study.dataset.split("validation")):
        size = readable_size(pair.blurry)
        if size:
            width, height = size
            sizes.add((height, width))
    pictures = sorted(sizes, key=_divisors)
    largest = max(pictures, key=math.prod, default=None)
    chosen = pictures[:MOST]
    if largest is not None and largest not in chosen:
        chosen.append(largest)
    crops = [run.schedule.crop_px, *(one.crop_px for one in run.schedule.growth)]
    smallest = min(crops)
    return [(smallest, smallest), *chosen]


def require_sizes(
    system: Baseline,
    network: nn.Module,
    sizes: Iterable[Size],
    device: torch.device,
) -> None:
    """Refuse a network that fails at one of some sizes; the error says which sizes work."""
    if isinstance(system.build, Network):  # ours take any
        return
    devices = [device] if device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices), in_evaluation(network):
        _require(system, network, list(sizes), device)


def _require(
    system: Baseline,
    network: nn.Module,
    sizes: Sequence[Size],
    device: torch.device,
) -> None:
    def problem(size: Size) -> str:
        return _problem(network, system.card, size, device)

    tried: dict[Size, str] = {}
    for size in sizes:
        small = (_reduced(size[0]), _reduced(size[1]))
        if small not in tried:
            tried[small] = problem(small)
        reason = tried[small]
        if reason and small != size:
            reason = problem(size)
        if not reason:
            continue
        advice = SEVERAL if INSTEAD in reason else _advice(problem, sizes)
        # else its own error comes out, with its place
        if advice or reason.startswith(GIVES):
            advice = (
                advice
                or "no other size works either; correct its forward, in a subclass for instance"
            )
            raise TrainingError(
                f"{system.card.name} fails at {size[1]}x{size[0]} px ({reason}); {advice}"
            )
        return


def _advice(problem: Callable[[Size], str], sizes: Sequence[Size]) -> str:
    """Which sizes work, and what to do; empty if none does."""
    for one in MULTIPLES:
        if all(size[0] % one == size[1] % one == 0 for size in sizes):
            continue
        if not any(map(problem, _odd_multiples(one))):
            return (
                f"it takes sides that are multiples of {one}: give multiple={one} to "
                "Baseline.of_network, which pads and crops"
            )
    work = [str(side) for side in SQUARES if not problem((side, side))]
    if not work:
        return ""
    return (
        f"of squares of {', '.join(map(str, SQUARES))} px it takes {', '.join(work)} alone; "
        "let it take others, or cut the pictures"
    )


def _odd_multiples(multiple: int) -> list[Size]:
    """Sizes that no larger multiple divides: odd numbers of times, from some 100 px on."""
    times = max(3, 96 // multiple) | 1
    return [
        (times * multiple, (times + 2) * multiple),
        ((times + 4) * multiple, times * multiple),
    ]


def _problem(network: nn.Module, card: Card, size: Size, device: torch.device) -> str:
    """Why a pass at this size fails; empty if it does not, or if only memory is lacking."""
    generator = torch.Generator().manual_seed(0)

    def noise(channels: int) -> torch.Tensor:
        return torch.rand(1, channels, *size, generator=generator).to(device)

    dual = card.input == "dual"
    needs = {} if dual else {one: noise(NEED_CHANNELS[one]) for one in card.needs}
    try:
        restored = network(noise(6 if dual else 3), **needs)
    except (torch.OutOfMemoryError, MemoryError):
        gc.collect()
        return ""
    except FAULTS as error:
        words = " ".join(str(error).split())
        return f"{type(error).__name__}: {words[:160]}"
    expected = (1, 3, *size)
    if not isinstance(restored, torch.Tensor):
        return f"{GIVES} {type(restored).__name__}{INSTEAD}{_pictures(restored)}"
    given = tuple(restored.shape)
    return "" if given == expected else f"{GIVES} {given} instead of {expected}"


def _copied_state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _pictures(given: object) -> str:
    """The one output that is a picture, or the shapes of all; empty if there are none."""
    if isinstance(given, Mapping):
        named = list(given.items())
    elif isinstance(given, Sequence):
        named = list(enumerate(given))
    else:
        return ""
    shapes = [
        f"[{k!r}] is {tuple(one.shape)}" for k, one in named if hasattr(one, "shape")
    ]
    return f" ({', '.join(shapes[:8])})" if shapes else ""


def _reduced(side: int) -> int:
    return side if side < LEAST + PERIOD else LEAST + (side - LEAST) % PERIOD


def _divisors(size: Size) -> tuple[int, int]:
    """How many multiples divide both sides, and the pixels."""
    height, width = size
    both = math.gcd(height, width)
    divisors = sum(both % multiple == 0 for multiple in MULTIPLES)
    return divisors, height * width


TRIED_CROPS = 2
"""Number of crops of the trial step, where the batch has at least two: after a global pool, batch
statistics have one value per crop, and torch refuses to train them with a single value."""


def try_run(
    run: Run,
    network: nn.Module,
    objective: TrainingObjective[Batch],
    batch: tuple[int, int],
    device: torch.device,
    step: int = 0,
) -> TrialStep:
    """Try a late step of a run's training on a batch of noise: size, and side of its crops."""
    recipe = run.own_recipe
    noise = random_batch(run.baseline.card, recipe.supervision, *batch).to(device)
    late = Progress(step, float(recipe.epochs), recipe.warmup_epochs)
    return try_step(network, objective, noise, late, recipe.training.precision)


def probe_memory(
    run: Run,
    network: nn.Module,
    objective: TrainingObjective[Batch],
    device: torch.device,
    world: int,
) -> None:
    """Try a step of few crops of the largest size, and refuse a batch that memory cannot hold."""
    # The step is extrapolated to the batch; on a GPU the batch itself is then tried too, because
    # libraries use memory there that cannot be counted. The trial leaves no trace.
    sizes = [(run.schedule.crop_px, run.schedule.batch)]
    sizes += [(one.crop_px, one.batch) for one in run.schedule.growth]
    crop_px, batch = max(sizes, key=lambda size: size[0] ** 2 * size[1])
    crops = math.ceil(batch / world / run.own_recipe.training.accumulate)
    weights = _trained_bytes(network) + _trained_bytes(objective)
    # gradients are there once, and the optimiser keeps two numbers for each
    free = available_bytes(device) - 3 * weights
    peak = partial(_peak_bytes, run, network, objective, device, crop_px)
    each = _crop_bytes(peak, crops, weights)
    fits = each is not None and each * crops <= free
    if not fits or (device.type == "cuda" and peak(crops) is None):
        raise TrainingError(_proposal(run.own_recipe, crop_px, crops, each, free))


def _crop_bytes(
    peak: Callable[[int], int | None],
    crops: int,
    weights: int,
) -> int | None:
    """Bytes of a crop besides the weights, by steps of a few crops; None if not even one fits."""
    tried = min(TRIED_CROPS, crops)
    few = peak(tried)
    if few is None and tried > 1:
        tried, few = 1, peak(1)
    return None if few is None else max(1, (few - weights) // tried)


def _trained_bytes(module: nn.Module) -> int:
    return sum(p.nbytes for p in module.parameters() if p.requires_grad)


def _peak_bytes(
    run: Run,
    network: nn.Module,
    objective: TrainingObjective[Batch],
    device: torch.device,
    crop_px: int,
    crops: int,
) -> int | None:
    """Peak bytes of a training step on a number of noise crops; None if it does not fit."""
    try:
        return try_run(run, network, objective, (crops, crop_px), device).peak_bytes
    except torch.OutOfMemoryError:
        return None
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _proposal(
    recipe: Recipe,
    crop_px: int,
    crops: int,
    each: int | None,
    free: int,
) -> str:
    room = max(0, free) / 2**30
    begin = (
        f"a step of {crops} crops of {crop_px} px has no room: {room:.1f} GiB are free"
    )
    if each is None or each > free:
        return f"{begin}, and one crop needs more; choose a smaller crop_px under [schedule]"
    # a tenth is left to what libraries take beside the tensors that are counted
    fitting = max(1, min(crops - 1, int(0.9 * free / each)))
    parts = math.ceil(crops * recipe.training.accumulate / fitting)
    return (
        f"{begin}, about {each * crops / 2**30:.1f} are needed; set accumulate = {parts} under "
        "[training] in a file for --settings (the batch stays), or a smaller batch or crop_px "
        "under [schedule]"
    )
