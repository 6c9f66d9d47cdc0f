"""Pictures that could not be read: a run's scores, or its training, are without them."""

from defocus.benchmark.results.store import Results
from defocus.isolation import LeftOut
from defocus.progress import counted

__all__ = ["UNREAD", "fewer_words", "left_out_of_run", "trained_datasets"]

UNREAD = "not read: "
"""Begins the reason of the scores of a picture that was left out."""

_FEWER = ", without "


def left_out_of_run(results: Results, run: str) -> tuple[LeftOut, ...]:
    """The test pairs that a stored run is without, as a picture could not be read."""
    unread = results.without_value(run, UNREAD)
    return tuple(LeftOut(pair, reason.removeprefix(UNREAD)) for pair, reason in unread)


def fewer_words(pairs: int) -> str:
    """Ending of a training dataset's name in the rows of a training that is without some pairs."""
    return f"{_FEWER}{counted(pairs, 'pair')}" if pairs else ""


def trained_datasets(train_dataset: str) -> tuple[str, ...]:
    """The names of an entry's training datasets, whole or without some pairs."""
    names = (name.partition(_FEWER)[0] for name in train_dataset.split("+"))
    return tuple(name for name in names if name)
