"""What plain ``pytest`` leaves out and ``.ci/run`` runs.

Tests marked ``matrix`` are one check of many cases, of which plain ``pytest`` runs a part. Of those
marked ``thorough`` it runs none: each takes seconds of processor time and names a short twin.
"""

from collections import Counter

import pytest

__all__ = ["cases_left_out"]

EVERY = 5


def cases_left_out(items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests marked ``thorough``, and of each ``matrix`` all but the first, the sixth, and so on."""
    seen: Counter[str] = Counter()
    left_out = []
    for item in items:
        if item.get_closest_marker("thorough") is not None:
            left_out.append(item)
            continue
        if item.get_closest_marker("matrix") is None:
            continue
        name = item.nodeid.partition("[")[0]
        if seen[name] % EVERY:
            left_out.append(item)
        seen[name] += 1
    return left_out
