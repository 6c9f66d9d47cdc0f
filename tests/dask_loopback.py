"""A scheduler of dask.distributed with two workers on the loopback, for tests."""

import contextlib
from collections.abc import Iterator

from defocus.processes.machines import Machines


@contextlib.contextmanager
def loopback(workers: int = 2, memory: str | int = 0) -> Iterator[Machines]:
    """The machines of a local cluster; its workers start again when they are killed.

    Each has so much memory; with 0, dask does not look at it."""
    import dask
    from distributed import LocalCluster

    from defocus.cluster.dask_cluster import CONFIGURATION, _connected

    with (
        dask.config.set(CONFIGURATION),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", memory_limit=memory,
            silence_logs=50,
        ) as cluster,
    ):  # fmt: skip
        machines = Machines(cluster.scheduler_address)
        try:
            yield machines
        finally:
            _connected(machines).close()
