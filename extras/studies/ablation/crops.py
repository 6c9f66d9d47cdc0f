"""Check of the training crop before anything is trained."""

from collections.abc import Iterable

from defocus.benchmark.study.plan import Run
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.pictures.headers import readable_size


def require_crops(runs: Iterable[Run], dataset: Dataset) -> None:
    """Refuse a training crop that is larger than every training picture.

    Where only some are smaller, a training may do without them."""
    crop_px = max(
        (run.schedule.largest_crop_px for run in runs if run.recipe),
        default=0,
    )
    sizes: list[tuple[int, int]] = []
    for path in dict.fromkeys(pair.blurry for pair in dataset.split("train")):
        size = readable_size(path)
        if size is None or min(size) >= crop_px:
            return
        sizes.append(size)
    if sizes:
        width, height = max(sizes, key=min)
        raise InputError(
            f"no training picture is as large as the training crop of {crop_px} px, the largest is "
            f"{width}x{height}; choose a smaller crop_px with --settings"
        )
