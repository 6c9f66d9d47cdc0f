"""Restore again with submitted weights, to see whether they make the submitted pictures.

They must not have memorised a scene either."""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from defocus.baselines.card import Baseline
from defocus.baselines.registry import known_baselines
from defocus.benchmark.results.store import NARROW
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError, WeightsError
from defocus.extras.labs.opening import OpenBundle
from defocus.extras.labs.statement import RunFacts
from defocus.extras.labs.verification.leaks import MOST_LEAKED, leaked_shares, low_share
from defocus.extras.labs.verification.rescoring import (
    read_submitted,
    shipped_copy,
    truths,
)
from defocus.pictures.read import read_blurry
from defocus.pictures.values import as_float

if TYPE_CHECKING:  # imported when a network is built
    from torch import nn

PIXEL_TOLERANCE = 2 / 255
"""Largest difference of a picture that is restored again, as a share of white; matrix products
differ between devices."""

ERASING_SIGMA_PX = 6.0
"""Blur of the probe for memory, px: a picture with this blur holds no details of a scene."""


def rerun(
    bundle: OpenBundle,
    dataset: Dataset,
    run: RunFacts,
    pictures: int,
    suspected: Sequence[Pair] = (),
) -> Iterator[tuple[str, str]]:
    """Restore pictures, by lot or suspected, with the submitted weights; return kinds of fraud.

    NotApplicableError: its weights are nowhere, or the system is not known here."""
    name = run.entry.run
    system = known_baselines([run.entry.system]).get(run.entry.system)
    if system is None:
        raise NotApplicableError(
            f"{name}: no system of that name here; not restored again"
        )
    system = system.narrowed() if run.entry.weights == NARROW else system
    pairs = dataset.split("test")
    chosen = [
        *suspected,
        *random.SystemRandom().sample(pairs, min(pictures, len(pairs))),
    ]
    try:
        network = _network(bundle, run, system)
        yield from _other_pictures(
            network,
            system,
            bundle,
            run,
            {p.id: p for p in chosen}.values(),
        )
        yield from _memory(network, system, dataset, run)
    except WeightsError as error:
        yield "weights", f"{name}: {error}"


def _network(bundle: OpenBundle, run: RunFacts, system: Baseline) -> "nn.Module":
    from safetensors import SafetensorError

    from defocus.baselines.weights.conversion import state_for
    from defocus.storage.tensor_files import load_tensors
    from defocus.training.devices import best_device

    network = system.build()
    if run.weights is not None:
        path = bundle.weights(run) or shipped_copy(run)
        if path is None:
            raise NotApplicableError(
                f"{run.entry.run}: its weights are not in the bundle; not restored again"
            )
        try:
            tensors = load_tensors(path)
        except (SafetensorError, ValueError, OSError) as error:
            raise WeightsError(
                f"its weights are no safetensors file ({error})"
            ) from error
        network.load_state_dict(state_for(system, tensors, path.name), strict=True)
    return network.to(best_device()).eval()


def _other_pictures(
    network: "nn.Module",
    system: Baseline,
    bundle: OpenBundle,
    run: RunFacts,
    pairs: Iterable[Pair],
) -> Iterator[tuple[str, str]]:
    from defocus.benchmark.evaluation.restore import restore_picture
    from defocus.training.devices import best_device

    for pair in pairs:
        restored = restore_picture(network, system.card, pair, best_device()).picture
        submitted = read_submitted(bundle, run, pair, restored.shape)
        if float(np.abs(restored - submitted).max()) > PIXEL_TOLERANCE:
            yield (
                "weights",
                f"{run.entry.run}: its weights make another picture of {pair.id} than submitted",
            )


def _memory(
    network: "nn.Module",
    system: Baseline,
    dataset: Dataset,
    run: RunFacts,
) -> Iterator[tuple[str, str]]:
    """Sign of memory: details that a network puts back although they were erased."""
    if system.card.input != "single" or system.card.needs:
        return
    memories = [
        _remembered(network, system, dataset, pair) for pair in dataset.split("test")
    ]
    all_shares: list[float] = []
    for shares in memories:
        all_shares += shares
    share = low_share(all_shares)
    if share is not None and share > MOST_LEAKED:
        yield (
            "memory",
            f"{run.entry.run}: puts back {share:.1%} of details that were erased before",
        )


def _remembered(
    network: "nn.Module",
    system: Baseline,
    dataset: Dataset,
    pair: Pair,
) -> list[float]:
    import cv2

    from defocus.benchmark.evaluation.restore import restore_picture
    from defocus.training.devices import best_device

    blurry = read_blurry(pair.blurry, pair.sharp, pair.white)
    erased = cv2.GaussianBlur(blurry, (0, 0), ERASING_SIGMA_PX).astype(blurry.dtype)
    restored = restore_picture(
        network,
        system.card,
        pair,
        best_device(),
        erased,
    ).picture
    before = np.asarray(as_float(erased, np.float64), dtype=np.float64)
    shares: list[float] = []
    for truth in truths(dataset, pair, restored):
        shares += leaked_shares(restored, before, truth)
    return shares
