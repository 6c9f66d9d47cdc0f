"""Training patches: random crops of the pairs of one split, from a packed file."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
from defocus.baselines.recipe import Further, TargetName
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.patching.batch import (
    EVERY,
    Patches,
    drawn_batch,
    random_look,
    random_window,
    shrunk,
    turned_vectors,
    with_look,
)
from defocus.datasets.patching.packing import (
    Crop,
    PatchStore,
    Storage,
    packed_pairs,
    require_further,
)
from defocus.errors import NotApplicableError
from defocus.pictures.values import Image
from defocus.processes.isolation import LeftOut

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch
    from defocus.baselines.recipe import Augmentation

FLIPS: "tuple[Augmentation, ...]" = ("flip",)


class PatchSource:
    """Batches of random crops of the store, determined by step and seed."""

    # ``blurry`` is ``dual_pixel`` if the views replace the blurry picture; pictures with more bits
    # than ``bit_depth`` are rounded to it.

    def __init__(
        self,
        store: PatchStore,
        crop_px: int,
        augment: "Collection[Augmentation]" = FLIPS,
        bit_depth: Literal[8, 16] = 16,
        *,
        dual: bool = False,
        needs: Collection[Further] = (),
        supervision: Collection[Further] = (),
    ) -> None:
        self.store = store
        self.crop_px = crop_px
        self.augment = augment
        self.bit_depth = bit_depth
        self.blurry = "dual_pixel" if dual else "blurry"
        self.needs = tuple(needs)
        self.supervision = tuple(supervision)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.store)

    @property
    def pixels(self) -> int:
        """Number of pixels of the pictures, which make an epoch."""
        return sum(height * width for height, width in self.store.sizes)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Pairs of the split that could not be read."""
        return self.store.left_out

    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = EVERY,
    ) -> "Batch":
        """One batch: augmented crops of random pairs at random positions."""
        # ``(size, 3, crop_px, crop_px)`` float32 in [0, 1]; dual-pixel views have 6 channels, maps
        # and masks 1, flows 2. ``places`` are those that are wanted; others are drawn and not read.
        random = np.random.default_rng([seed, step])
        side = crop_px or self.crop_px
        return drawn_batch([self.draw(random, side) for _ in range(size)][places], side)

    def draw(
        self, random: np.random.Generator, side: int
    ) -> "tuple[PatchSource, Crop]":
        """Draw a random crop; return its source and the crop."""
        return self, random_crop(self.store, side, random, self.augment)

    def patch(self, what: str, crop: Crop, side: int) -> "torch.Tensor":
        """One patch as a tensor; ``dual_pixel`` is left and right view, 6 channels."""
        # ``defocus_map`` and ``measured_blur``: diameters in px, the latter NaN where unknown;
        # ``flow``: from the blurry to the sharp picture as captured, x right and y down in px;
        # ``valid_mask``: 1 where the target is reliable. Mirroring a picture from left to right
        # exchanges the halves of the pupil, and so the views; a quarter turn makes their disparity
        # vertical.
        import torch

        if what == "dual_pixel":
            exchanged = crop.mirrored != (crop.quarter_turns == 2)
            sides = ("right", "left") if exchanged else ("left", "right")
            return torch.cat(
                [self._seen(f"dual_pixel_{one}", crop, side) for one in sides]
            )
        if what in ("defocus_map", "measured_blur"):
            return self._diameters(what, crop, side)
        if what == "flow":
            turned = turned_vectors(
                np.asarray(self._read(what, crop, side), np.float32), crop
            )
            scaled = turned * np.float32(side / (crop.window_px or side))
            return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))
        if what == "valid_mask":
            # shrunk: all pixels under it are
            valid = self._read(what, crop, side) == 255
            return torch.from_numpy(np.ascontiguousarray(valid, np.float32))[None]
        return self._seen(what, crop, side)

    def _diameters(self, what: str, crop: Crop, side: int) -> "torch.Tensor":
        """A patch of diameters, in pixels of the patch."""
        import torch

        seen = self._read(what, crop, side)
        blur = np.abs(seen) if what == "defocus_map" else seen
        diameters = np.ascontiguousarray(blur, np.float32)
        return torch.from_numpy(diameters * (side / (crop.window_px or side)))[None]

    def _seen(self, member: str, crop: Crop, side: int) -> "torch.Tensor":
        picture = as_tensor(self._read(member, crop, side), self.bit_depth)
        return with_look(picture, crop.look, noisy=member != "target")

    def _read(self, member: str, crop: Crop, side: int) -> NDArray[Any]:
        return shrunk(
            self.store.read_member(member, crop, crop.window_px or side), side
        )


def random_crop(
    store: PatchStore,
    crop_px: int,
    random: np.random.Generator,
    augment: "Collection[Augmentation]" = FLIPS,
) -> Crop:
    """Draw a crop of a random pair at a random position with random augmentation."""
    index = int(random.integers(len(store)))
    height, width = store.sizes[index]
    window = random_window(crop_px, min(height, width), augment, random)
    return Crop(
        index,
        top=int(random.integers(height - window + 1)),
        left=int(random.integers(width - window + 1)),
        upside_down="flip" in augment and bool(random.integers(2)),
        mirrored="flip" in augment and bool(random.integers(2)),
        quarter_turns=int(random.integers(4)) if "rotate" in augment else 0,
        window_px=window,
        look=random_look(augment, random),
    )


def as_tensor(patch: Image, bit_depth: Literal[8, 16] = 16) -> "torch.Tensor":
    """``(H, W, 3)`` integers as ``(3, H, W)`` float32 in [0, 1], of at most this bit depth."""
    import torch

    if bit_depth == 8 and patch.dtype == np.uint16:
        patch = ((patch.astype(np.uint32) + 128) // 257).astype(np.uint8)
    scaled = patch.astype(np.float32) / np.float32(np.iinfo(patch.dtype).max)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


@dataclass(frozen=True)
class PatchForm:
    """Size and content of the patches of a training."""

    crop_px: int  # side of a patch, px
    augment: "Collection[Augmentation]" = FLIPS
    bit_depth: Literal[8, 16] = 16  # values with more bits are rounded to it
    dual: bool = (
        False  # whether the views of a dual-pixel sensor replace the blurry picture
    )
    needs: Collection[Further] = ()  # what the network gets besides the blurry picture
    supervision: Collection[Further] = ()  # what the objective gets besides the target

    @property
    def further(self) -> set[Further]:
        """What the pairs need besides a blurry picture and a target."""
        further: set[Further] = {*self.needs, *self.supervision}
        if self.dual:
            further.add("dual_pixel")
        return further


@dataclass(frozen=True)
class Few:
    """A part of the training data that is enough; None for all of it."""

    pairs: int | None = None  # number of pairs, spread over the split
    lenses: int | None = None  # number of lenses of endless pairs


ALL = Few()


def training_patches(
    dataset: Dataset,
    split: Split,
    target: TargetName,
    form: PatchForm,
    estimator_name: str = DEFAULT_ESTIMATOR,
    *,
    storage: Storage = "packed",
    few: Few = ALL,
) -> Patches:
    """The patches of endless pairs, or of a split, packed on first use in ``dataset.derived``."""
    # Targets: ``sharp`` as captured; ``prealigned`` registered onto the blurry picture, without
    # pairs of unknown misalignment; ``registered`` has its light too; ``registered-flow`` also the
    # local flow; ``compensated`` as ``registered``, and as captured where the misalignment is
    # unknown; ``truth`` of rendered data. Of endless pairs all are the same picture.
    if dataset.endless is not None and split == "train":
        return dataset.endless.patches(form, few)
    pairs, name = _pairs_of(dataset, split, few.pairs)
    require_further(pairs, form.further, target)
    store = packed_pairs(
        dataset,
        pairs,
        target,
        name,
        further=form.further,
        estimator_name=estimator_name,
        storage=storage,
    )
    _require_crops(store, form.crop_px)
    return PatchSource(
        store,
        form.crop_px,
        form.augment,
        form.bit_depth,
        dual=form.dual,
        needs=form.needs,
        supervision=form.supervision,
    )


def _pairs_of(
    dataset: Dataset, split: Split, at_most: int | None
) -> tuple[tuple[Pair, ...], str]:
    """The pairs of a split, or some spread over it, and the name of what they are packed in."""
    pairs = dataset.split(split)
    if not pairs:
        kind = "training" if split == "train" else split
        raise NotApplicableError(f"no {kind} pairs: {_why_empty(dataset)}")
    if at_most is None or len(pairs) <= at_most:
        return pairs, split
    some = tuple(pairs[number * len(pairs) // at_most] for number in range(at_most))
    return some, f"{split}-{at_most}"


def _require_crops(store: PatchStore, crop_px: int) -> None:
    for pair_id, (height, width) in zip(store.ids, store.sizes, strict=True):
        if min(height, width) < crop_px:
            raise NotApplicableError(
                f"pair {pair_id} is {width}x{height}, smaller than the training crop of "
                f"{crop_px} px; choose a smaller crop_px with --settings"
            )


def _why_empty(dataset: Dataset) -> str:
    if dataset.split("test") != dataset.pairs:
        return "the split is empty"
    if len({pair.scene for pair in dataset.pairs}) == 1:
        return (
            "the dataset has one scene, which is kept for testing; capture more scenes"
        )
    return "the set is test-only"
