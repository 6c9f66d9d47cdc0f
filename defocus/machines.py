"""Where work on many items is done: processes here, or workers on other machines."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pydantic import Field

from defocus.errors import InputError
from defocus.near_names import did_you_mean
from defocus.settings import Settings, load_settings

QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
"""Queues of clusters, with the class of dask-jobqueue that submits jobs to each."""

SCHEDULER = re.compile(r"(tcp|tls)://[^/\s]+:\d+")

FORMS = "give a number of processes, ssh:HOST,HOST, tcp://HOST:PORT, or a queue such as slurm"


class ClusterSettings(Settings):
    """Resources of workers; empty names are the cluster's defaults."""

    # ``setup`` has shell lines before the workers of a job, such as ``module load python``.

    cores: int = Field(default=1, ge=1)  # processes of a job, or of a machine of ``ssh:``
    queue: str = Field(default="", pattern=r"^[\w.,:@%+=/-]*$")
    account: str = Field(default="", pattern=r"^[\w.,:@%+=/-]*$")
    interface: str = Field(default="", pattern=r"^[\w.:-]*$")  # of the network, such as ib0
    memory_gb: float = Field(default=4.0, gt=0)  # of a job
    time_minutes: int = Field(default=240, ge=1)
    at_most: int = Field(default=16, ge=1)  # jobs at once
    setup: tuple[str, ...] = ()


class ClusterFile(Settings):
    """A TOML file with the table ``[cluster]``."""

    cluster: ClusterSettings = ClusterSettings()


@dataclass(frozen=True)
class Machines:
    """Other machines: ``ssh:a,b``, the address of a scheduler, or the name of a queue."""

    address: str
    settings: ClusterSettings = field(default_factory=ClusterSettings)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of ``ssh:a,b``; none of other addresses."""
        if not self.address.startswith("ssh:"):
            return ()
        return tuple(self.address.removeprefix("ssh:").split(","))


Where: TypeAlias = int | Machines
"""A number of processes of this machine, or other machines."""


def cluster_of_file(file: Path) -> ClusterSettings:
    """The table of a file that has no other."""
    return load_settings(ClusterFile, file).cluster


def where_of(
    text: str,
    file: Path | None = None,
    cluster_of: Callable[[Path], ClusterSettings] = cluster_of_file,
) -> Where:
    """What a person typed for ``--on``, with the table ``[cluster]`` of ``--settings``."""
    if re.fullmatch(r"-?\d+", text):
        if int(text) < 1:
            raise InputError(f"{text}: give at least one process")
        return int(text)
    machines = Machines(text)
    if text.startswith("ssh:"):
        wrong = [host for host in machines.hosts if not re.fullmatch(r"\w[\w.@-]*", host)]
        if wrong:
            raise InputError(f"{text}: {wrong[0]!r} is no host; give hosts such as ssh:lab1,lab2")
    elif text not in QUEUES and not SCHEDULER.fullmatch(text):
        raise InputError(f"'{text}': {did_you_mean(text, QUEUES) or FORMS}")
    if file is None:
        return machines
    return Machines(text, cluster_of(file))
