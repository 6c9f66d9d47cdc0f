"""Work on many items, each by itself, on this machine or on others."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from defocus.isolation import LeftOut, attempt_named
from defocus.machines import Machines, Where
from defocus.processes import in_processes

T = TypeVar("T")
R = TypeVar("R")


def each(
    work: Callable[[T], R], items: Mapping[str, T], where: Where
) -> Iterator[tuple[str, R | LeftOut]]:
    """Yield the name of each item and its result, or why it has none, as they are ready."""
    # Results do not depend on ``where``. Only what would fail everywhere is raised: a full disk,
    # an interruption, an error of the request.
    attempted = partial(attempt_named, work)
    if isinstance(where, Machines):
        from defocus.dask_cluster import on_machines

        yield from on_machines(attempted, items, where)
    else:
        yield from in_processes(attempted, list(items.items()), where)
