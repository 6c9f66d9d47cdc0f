"""The pairs of one dose of a dataset that ``defocus-data render`` made of a request of doses."""

import hashlib
from dataclasses import replace

from defocus.cache import derived_folder
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.sample import VARIANTS
from defocus.errors import InputError
from defocus.extras.studies.dose_dataset.run import DOSE


def open_dosed(text: str) -> Dataset:
    """Open a dataset from which a dose is requested."""
    if text in {variant.dataset for variant in VARIANTS}:
        raise _without_doses(text)
    return open_dataset(text, damaged=True)


def doses_of(dataset: Dataset) -> tuple[float, ...]:
    """The doses of a dataset, px, ascending."""
    if not dataset.rendered:
        raise _without_doses(dataset.name)
    doses = set()
    for pair in dataset.pairs:
        dose = _dose(pair)
        if dose is None:
            raise _without_doses(dataset.name)
        doses.add(dose)
    return tuple(sorted(doses))


def at_dose(dataset: Dataset, dose_px: float) -> Dataset:
    """The pairs of one dose, as a dataset of its own."""
    doses = doses_of(dataset)
    if dose_px not in doses:
        listed = ", ".join(map("{:g}".format, doses))
        raise InputError(
            f"{dataset.name} has no dose of {dose_px:g} px; it has {listed}"
        )
    content = hashlib.sha256(
        f"{dataset.content_hash} {float(dose_px)!r}".encode()
    ).hexdigest()
    pairs = tuple(pair for pair in dataset.pairs if _dose(pair) == dose_px)
    # the doses are no part of the dataset's hash: with others, other pairs are packed
    names = " ".join([content, *(pair.id for pair in pairs)])
    return replace(
        dataset,
        name=f"{dataset.name}@{dose_px:g}px",
        pairs=pairs,
        content_hash=content,
        learnt_hash="",  # that of all doses says nothing of one
        derived=derived_folder(hashlib.sha256(names.encode()).hexdigest()),
        misaligned=True,
    )


def _without_doses(name: str) -> InputError:
    return InputError(
        f"{name}: its pairs have no dose; render them with 'defocus-bench studies render-doses'"
    )


def _dose(pair: Pair) -> float | None:
    dose = pair.metadata.get(DOSE)
    return float(dose) if isinstance(dose, int | float) else None
