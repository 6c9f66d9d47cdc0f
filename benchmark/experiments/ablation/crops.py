"""Check of the training crop before anything is trained."""

from collections.abc import Iterable

from defocus.benchmark.study.plan import Run
from defocus.datasets.files.picture_size import picture_size
from defocus.datasets.pair import Dataset
from defocus.errors import InputError

__all__ = ["require_crops"]


def require_crops(runs: Iterable[Run], dataset: Dataset) -> None:
    """Refuse a training crop that is larger than a training picture.

    Args:
        runs: The runs; those without training have no crop.
        dataset: The dataset that they are trained on.

    Raises:
        InputError: A picture is smaller than the largest crop; the message names its pair.
        ImageError: A file is not a picture.
    """
    crop_px = max((run.schedule.largest_crop_px for run in runs if run.recipe), default=0)
    first_of = {pair.blurry: pair for pair in reversed(dataset.split("train"))}
    for path, pair in reversed(first_of.items()):
        size = picture_size(path)
        if size is not None and min(size) < crop_px:
            width, height = size
            raise InputError(
                f"pair {pair.id} is {width}x{height}, smaller than the training crop of "
                f"{crop_px} px; choose a smaller crop_px with --settings"
            )
