"""Labels of third stops, for cameras that accept any number."""

import math
from collections.abc import Callable

__all__ = ["APERTURES", "ISOS", "SHUTTERS", "nearest_word", "words_between"]

_APERTURES = (
    "f/1 f/1.1 f/1.2 f/1.4 f/1.6 f/1.8 f/2 f/2.2 f/2.5 f/2.8 f/3.2 f/3.5 f/4 f/4.5 f/5 f/5.6 f/6.3 "
    "f/7.1 f/8 f/9 f/10 f/11 f/13 f/14 f/16 f/18 f/20 f/22 f/25 f/29 f/32"
)
_SHUTTERS = (
    "30 25 20 15 13 10 8 6 5 4 3.2 2.5 2 1.6 1.3 1 0.8 0.6 0.5 0.4 0.3 1/4 1/5 1/6 1/8 1/10 1/13 "
    "1/15 1/20 1/25 1/30 1/40 1/50 1/60 1/80 1/100 1/125 1/160 1/200 1/250 1/320 1/400 1/500 "
    "1/640 1/800 1/1000 1/1250 1/1600 1/2000 1/2500 1/3200 1/4000 1/5000 1/6400 1/8000"
)
_ISOS = (
    "50 64 80 100 125 160 200 250 320 400 500 640 800 1000 1250 1600 2000 2500 3200 4000 5000 6400 "
    "8000 10000 12800 16000 20000 25600"
)

APERTURES = tuple(_APERTURES.split())
SHUTTERS = tuple(_SHUTTERS.split())
ISOS = tuple(_ISOS.split())


def words_between(
    words: tuple[str, ...], value: Callable[[str], float], low: float, high: float
) -> tuple[str, ...]:
    """The words whose value lies in a range, both ends included with 3 % of tolerance.

    Args:
        words: Such as :data:`SHUTTERS`.
        value: The number that a word stands for.
        low: Lowest number.
        high: Highest number.
    """
    return tuple(word for word in words if low / 1.03 <= value(word) <= high * 1.03)


def nearest_word(words: tuple[str, ...], value: Callable[[str], float], number: float) -> str:
    """The word whose value is nearest to a number > 0, by ratio."""
    return min(words, key=lambda word: abs(math.log(value(word) / number)))
