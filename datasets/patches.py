"""Training patches: random crops of the pairs of one split, from a packed file."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from defocus.align.estimators import DEFAULT_ESTIMATOR
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.reference import aligned_reference
from defocus.datasets.store import Crop, PatchStore, pack
from defocus.errors import DatasetError, NotApplicableError
from defocus.images import Image, read_image, read_pair
from defocus.progress import say, track

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objectives.objective import Batch
    from defocus.baselines.recipe import Augmentation

__all__ = ["PatchSource", "Target", "as_tensor", "random_crop", "training_patches"]

Target = Literal["sharp", "prealigned", "truth"]

FLIPS: "tuple[Augmentation, ...]" = ("flip",)


class PatchSource:
    """Batches of random crops; batch ``step`` of a seed is the same whenever it is asked for.

    Attributes:
        store: The packed pictures.
        crop_px: Side of a patch, where no smaller one is asked for.
        augment: What is drawn for each crop beside its place.
        bit_depth: Pictures of more bits are rounded to so many.
    """

    def __init__(
        self,
        store: PatchStore,
        crop_px: int,
        augment: "Collection[Augmentation]" = FLIPS,
        bit_depth: Literal[8, 16] = 16,
    ) -> None:
        self.store = store
        self.crop_px = crop_px
        self.augment = augment
        self.bit_depth = bit_depth

    def __len__(self) -> int:
        """How many pairs the crops are cut from."""
        return len(self.store)

    def batch(self, step: int, size: int, seed: int, crop_px: int | None = None) -> "Batch":
        """One batch: crops of random pairs at random places, augmented.

        Args:
            step: Training step, >= 0.
            size: Patches in the batch.
            seed: Of the run, >= 0.
            crop_px: Side of the patches, at most the attribute; None is the attribute.

        Returns:
            ``(size, 3, crop_px, crop_px)`` float32 tensors in [0, 1].

        Raises:
            DatasetError: The packed file is damaged.
        """
        import torch

        from defocus.baselines.objectives.objective import Batch

        random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, step])))
        side = crop_px or self.crop_px
        crops = [random_crop(self.store, side, random, self.augment) for _ in range(size)]
        blurry, target = zip(*(self.store.read(crop, side) for crop in crops), strict=True)
        return Batch(
            blurry=torch.stack([as_tensor(patch, self.bit_depth) for patch in blurry]),
            target=torch.stack([as_tensor(patch, self.bit_depth) for patch in target]),
        )


def random_crop(
    store: PatchStore,
    crop_px: int,
    random: np.random.Generator,
    augment: "Collection[Augmentation]" = FLIPS,
) -> Crop:
    """A patch of a random pair at a random place, augmented at random."""
    index = int(random.integers(len(store)))
    height, width = store.sizes[index]
    return Crop(
        index,
        top=int(random.integers(height - crop_px + 1)),
        left=int(random.integers(width - crop_px + 1)),
        upside_down="flip" in augment and bool(random.integers(2)),
        mirrored="flip" in augment and bool(random.integers(2)),
        quarter_turns=int(random.integers(4)) if "rotate" in augment else 0,
    )


def as_tensor(patch: Image, bit_depth: Literal[8, 16] = 16) -> "torch.Tensor":
    """``(H, W, 3)`` integers of 8 or 16 bits to a ``(3, H, W)`` float32 tensor in [0, 1].

    Args:
        patch: The pixels.
        bit_depth: Pixels of more bits are rounded to so many.
    """
    import torch

    if bit_depth == 8 and patch.dtype == np.uint16:
        patch = ((patch.astype(np.uint32) + 128) // 257).astype(np.uint8)
    scaled = patch.astype(np.float32) / np.float32(np.iinfo(patch.dtype).max)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


def training_patches(
    dataset: Dataset,
    split: Split,
    target: Target,
    crop_px: int,
    estimator_name: str = DEFAULT_ESTIMATOR,
    *,
    augment: "Collection[Augmentation]" = FLIPS,
    bit_depth: Literal[8, 16] = 16,
) -> PatchSource:
    """Patches of one split, packed on first use into ``dataset.derived``.

    Args:
        dataset: The pairs.
        split: Which of them.
        target: ``sharp``: as captured; ``prealigned``: registered onto the blurry picture, pairs
            whose misalignment is unknown left out; ``truth``: rendered data's aligned truth.
        crop_px: Side of a patch.
        estimator_name: Flow estimator behind ``prealigned``.
        augment: What is drawn for each crop beside its place.
        bit_depth: Pictures of more bits are rounded to so many.

    Raises:
        NotApplicableError: No pair of that split has that target, or a picture is smaller than
            a patch.
        ImageError: A picture cannot be read, or target and blurry differ in size.
        StorageError: The packed file cannot be written.
    """
    pairs = dataset.split(split)
    if not pairs:
        kind = "training" if split == "train" else split
        raise NotApplicableError(f"no {kind} pairs: {_why_empty(dataset)}")
    name = f"{split}-{target}" + (f"-{estimator_name}" if target == "prealigned" else "")
    store = _packed(dataset, pairs, target, estimator_name, name)
    for pair_id, (height, width) in zip(store.ids, store.sizes, strict=True):
        if min(height, width) < crop_px:
            raise NotApplicableError(
                f"pair {pair_id} is {width}x{height}, smaller than the training crop of "
                f"{crop_px} px; choose a smaller crop_px with --settings"
            )
    return PatchSource(store, crop_px, augment, bit_depth)


def _why_empty(dataset: Dataset) -> str:
    if dataset.split("test") != dataset.pairs:
        return "the split is empty"
    if len({pair.scene for pair in dataset.pairs}) == 1:
        return "the dataset has one scene, which is kept for testing; capture more scenes"
    return "the set is test-only"


def _packed(
    dataset: Dataset, pairs: tuple[Pair, ...], target: Target, estimator_name: str, name: str
) -> PatchStore:
    path = dataset.derived / "patches" / f"{name}.h5"
    if path.is_file():
        try:
            return PatchStore(path)
        except DatasetError:
            say(f"{path}: damaged; it is packed again")
    if not pack(path, _pictures(dataset, pairs, target, estimator_name)):
        raise NotApplicableError(f"no pair of {dataset.name} has the target '{target}'")
    return PatchStore(path)


def _pictures(
    dataset: Dataset, pairs: tuple[Pair, ...], target: Target, estimator_name: str
) -> Iterator[tuple[str, Image, Image]]:
    """Pair id, blurry and target picture of the pairs that have that target."""
    for pair in track(pairs, f"packing {target} patches"):
        if target == "prealigned":
            found = _prealigned(dataset, pair, estimator_name)
            if found is not None:
                yield pair.id, *found
            continue
        file: Path | None = pair.sharp if target == "sharp" else pair.truth
        if file is not None:
            yield pair.id, *read_pair(pair.blurry, file)


def _prealigned(dataset: Dataset, pair: Pair, estimator_name: str) -> tuple[Image, Image] | None:
    if pair.sharp is None:
        return None
    reference = aligned_reference(dataset, pair, estimator_name)
    if reference.status == "unknown":
        say(f"pair {pair.id} is left out, its misalignment is unknown: {reference.reason}")
        return None
    blurry, _ = read_pair(pair.blurry, pair.sharp)
    return blurry, read_image(reference.sharp)
