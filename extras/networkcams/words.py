"""Values of a setting by their numbers."""

import math
from collections.abc import Callable


def nearest_word(words: tuple[str, ...], value: Callable[[str], float], number: float) -> str:
    """The value nearest to a number > 0, by ratio."""
    return min(words, key=lambda word: abs(math.log(value(word) / number)))
