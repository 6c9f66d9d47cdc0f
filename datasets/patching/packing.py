"""Pack the pairs of one split into a file from which patches are cut."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.gains import GainMatch
from defocus.align.photometry.linear_light import encoded
from defocus.baselines.recipe import NAMES, Further, TargetName
from defocus.datasets.deriving.aligned_reference import (
    REFERENCED,
    ReferenceModel,
    aligned_reference,
)
from defocus.datasets.deriving.measured_blur import measured_blur
from defocus.datasets.files.arrays import array_shape, read_array
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.patching.store import Members, PatchStore, Storage, pack
from defocus.errors import DatasetError, ImageError, NotApplicableError
from defocus.images import Image, as_linear, bit_depth, read_image, read_pair
from defocus.isolation import LeftOut, attempt
from defocus.progress import say, track

__all__ = ["packed_pairs", "require_further"]

REGISTERED: Collection[TargetName] = ("prealigned", "compensated", "registered", "registered-flow")


def require_further(
    pairs: Collection[Pair], further: Collection[Further], target: TargetName = "sharp"
) -> None:
    """Refuse pairs without required members; a valid mask needs the target ``registered-flow``."""
    if "valid_mask" in further and target != "registered-flow":
        raise NotApplicableError(
            f"the target '{target}' has no valid mask; train on the target 'registered-flow'"
        )
    for pair in pairs:
        there: dict[Further, bool] = {
            "dual_pixel": pair.dual_pixel_left is not None and pair.dual_pixel_right is not None,
            "defocus_map": pair.defocus_map is not None,
            "flow": pair.flow is not None,
            "valid_mask": True,  # it is measured
            "measured_blur": pair.sharp is not None,
        }
        for one in further:
            if not there[one]:
                raise NotApplicableError(f"pair {pair.id} has no {NAMES[one]}")


def packed_pairs(
    dataset: Dataset,
    pairs: tuple[Pair, ...],
    target: TargetName,
    name: str,
    *,
    further: Collection[Further] = (),
    estimator_name: str,
    storage: Storage = "packed",
) -> PatchStore:
    """The packed file of those pairs that have the target, made on first use and kept."""
    # A pair that cannot be read is left out; the file keeps its name, and it is tried again.
    words = [name, target]
    if target in REGISTERED or "measured_blur" in further:
        words += [estimator_name, "r" + ".".join(map(str, REFERENCED))]
    words += [*sorted(further), *([] if storage == "packed" else [storage])]
    path = dataset.derived / "patches" / f"{'-'.join(words)}.h5"

    def members(pair: Pair) -> Members | LeftOut | None:
        work = partial(_members, dataset, pair, target, further, estimator_name)
        return attempt(pair.id, work)

    if path.is_file():
        known = _known(path, pairs, members)
        if known is not None:
            if target in REGISTERED:
                _tell_left_out(dataset, pairs, known, name)
            return known
    left_out: list[LeftOut] = []

    def rows() -> Iterator[tuple[str, Members]]:
        for pair in track(pairs, f"packing {target} patches"):
            done = members(pair)
            if isinstance(done, LeftOut):
                left_out.append(done)
            elif done is not None:
                yield pair.id, done

    if pack(path, rows(), storage, left_out):
        return PatchStore(path)
    if left_out:
        raise ImageError(left_out[0].reason)
    raise NotApplicableError(f"no pair of {dataset.name} has the target '{target}'")


def _known(
    path: Path, pairs: tuple[Pair, ...], members: Callable[[Pair], Members | LeftOut | None]
) -> PatchStore | None:
    """An earlier packing; None if it is damaged, or a pair that it is without can be read now."""
    try:
        store = PatchStore(path)
    except DatasetError:
        say(f"{path}: damaged; it is packed again")
        return None
    lacking = {one.id for one in store.left_out}
    tried = (members(pair) for pair in pairs if pair.id in lacking)
    if all(isinstance(one, LeftOut) for one in tried):
        return store
    say(f"{path}: a pair that it is without can be read now; it is packed again")
    return None


def _tell_left_out(dataset: Dataset, pairs: tuple[Pair, ...], store: PatchStore, name: str) -> None:
    """Say how many pairs an earlier packing left out, which named each."""
    unread = {one.id for one in store.left_out}
    captured = sum(pair.sharp is not None for pair in pairs if pair.id not in unread)
    if len(store) < captured:
        kind = "training pairs" if name.startswith("train") else "pairs"
        say(
            f"{dataset.name}: {captured - len(store)} of {captured} {kind} left out, their "
            "misalignment is unknown"
        )


def _members(
    dataset: Dataset,
    pair: Pair,
    target: TargetName,
    further: Collection[Further],
    estimator_name: str,
) -> Members | None:
    """What is packed of a pair; None if it lacks the target."""
    pictures = _pictures(dataset, pair, target, estimator_name)
    if pictures is None:
        return None
    blurry, wanted = pictures
    return {
        "blurry": blurry,
        "target": wanted,
        **_further(pair, further, blurry),
        **_measured(dataset, pair, further, estimator_name),
    }


def _pictures(
    dataset: Dataset, pair: Pair, target: TargetName, estimator_name: str
) -> tuple[Image, Image] | None:
    """Blurry and target picture of a pair that has the target."""
    if target in REGISTERED:
        return _registered(dataset, pair, estimator_name, target)
    file: Path | None = pair.sharp if target == "sharp" else pair.truth
    return None if file is None else read_pair(pair.blurry, file)


def _registered(
    dataset: Dataset, pair: Pair, estimator_name: str, target: TargetName
) -> tuple[Image, Image] | None:
    """Blurry picture and aligned reference, which keeps its own light if it is ``prealigned``."""
    if pair.sharp is None:
        return None
    model: ReferenceModel = "flow" if target == "registered-flow" else "global"
    reference = aligned_reference(dataset, pair, estimator_name, model=model)
    blurry, captured = read_pair(pair.blurry, pair.sharp)
    if reference.status == "unknown":
        what = "taken as captured" if target == "compensated" else "left out"
        say(f"pair {pair.id} is {what}, its misalignment is unknown: {reference.reason}")
        return (blurry, captured) if target == "compensated" else None
    sharp = read_image(reference.sharp)
    if target in ("prealigned", "registered-flow"):  # the latter has the light already
        return blurry, sharp
    measured = reference.misalignment
    light = GainMatch(measured["gain"], measured["offset"]).applied(as_linear(sharp))
    return blurry, encoded(light, bit_depth(sharp))


def _further(pair: Pair, further: Collection[Further], blurry: Image) -> dict[str, NDArray[Any]]:
    members: dict[str, NDArray[Any]] = {}
    if "dual_pixel" in further and pair.dual_pixel_left and pair.dual_pixel_right:
        for side, file in (("left", pair.dual_pixel_left), ("right", pair.dual_pixel_right)):
            members[f"dual_pixel_{side}"] = read_image(file)
    if "defocus_map" in further and pair.defocus_map:
        members["defocus_map"] = read_array(pair.defocus_map, blurry.shape[:2])
    if "flow" in further and pair.flow:
        height, width = blurry.shape[:2]
        flow = read_array(pair.flow, array_shape("flow", height, width))
        members["flow"] = np.ascontiguousarray(flow.transpose(1, 2, 0))
    for name, array in members.items():
        if array.shape[:2] != blurry.shape[:2]:
            raise ImageError(
                f"pair {pair.id}: its {name} is {array.shape[1]}x{array.shape[0]} but its blurry "
                f"picture {blurry.shape[1]}x{blurry.shape[0]}; restore the file"
            )
    return members


def _measured(
    dataset: Dataset, pair: Pair, further: Collection[Further], estimator_name: str
) -> dict[str, NDArray[Any]]:
    """Where ``registered-flow`` is reliable (255, else 0), and the relative blur, px."""
    members: dict[str, NDArray[Any]] = {}
    if "valid_mask" in further:
        reference = aligned_reference(dataset, pair, estimator_name, model="flow")
        members["valid_mask"] = read_image(reference.valid_mask)[:, :, 0]
    if "measured_blur" in further and pair.sharp is not None:
        members["measured_blur"] = measured_blur(pair.blurry, pair.sharp, estimator_name)
        if np.isnan(members["measured_blur"]).all():
            say(f"pair {pair.id} has no measured blur: its misalignment is unknown")
    return members
