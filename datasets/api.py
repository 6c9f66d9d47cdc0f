"""Opening a dataset by what a person types: ``READER:PATH``, ``sample`` or ``sample:strong``."""

from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError

__all__ = ["open_dataset"]


def open_dataset(text: str) -> Dataset:
    """The dataset that ``text`` names.

    Args:
        text: ``sample``, ``sample:strong``, ``sample:wide`` or ``READER:PATH`` with a reader of
            :mod:`defocus.datasets.readers` (or an entry point ``defocus.readers``).

    Raises:
        DatasetError: Unknown reader, missing folder, or a folder that is not such a dataset.
        StorageError: The cache cannot be written.
    """
    raise DatasetError(text)
