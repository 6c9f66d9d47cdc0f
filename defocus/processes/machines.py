"""Where work on many items is done: processes here, or workers on other machines."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from defocus.errors import InputError
from defocus.near_names import did_you_mean
from defocus.settings import Settings, load_settings

QUEUES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
    "htcondor": "HTCondorCluster",
    "oar": "OARCluster",
}
"""Queues of clusters, with the class of dask-jobqueue that submits jobs to each."""

SCHEDULER = re.compile(r"(tcp|tls)://[^/\s]+:\d+")

FORMS = "give a number of processes, ssh:HOST,HOST, tcp://HOST:PORT, or a queue such as slurm"


Name = Annotated[str, StringConstraints(pattern=r"^[\w.,:@%+=/-]*$")]
"""A name of the cluster; it stands in a line of a batch script, which it must not end."""


class ClusterSettings(Settings):
    """Resources of jobs and of workers; empty names are the cluster's defaults."""

    # ``setup`` has shell lines before the work of a job, such as ``module load python``. A training
    # of SLURM saves its state ``signal_seconds`` before the end of its time.

    # of a job: its workers, also of a machine of ``ssh:``
    cores: int = Field(default=1, ge=1)
    gpus: int = Field(default=0, ge=0)  # of a job of SLURM, on each of its nodes
    nodes: int = Field(default=1, ge=1)  # of a training of SLURM
    tasks: int = Field(default=1, ge=1)  # processes of a training, on each node
    queue: Name = ""
    account: Name = ""
    qos: Name = ""  # of SLURM
    # of the network, such as ib0
    interface: str = Field(default="", pattern=r"^[\w.:-]*$")
    memory_gb: float = Field(default=4.0, gt=0)  # of a job
    time_minutes: int = Field(default=240, ge=1)
    signal_seconds: int = Field(default=90, ge=1)
    at_most: int = Field(default=16, ge=1)  # jobs at once
    setup: tuple[str, ...] = ()

    @property
    def memory_mib(self) -> int:
        """Memory of a job, in the unit that queues round to."""
        return math.ceil(self.memory_gb * 1e9 / 2**20)

    @model_validator(mode="after")
    def _signal_before_limit(self) -> Self:
        if self.signal_seconds >= 60 * self.time_minutes:
            raise ValueError(
                f"signal_seconds = {self.signal_seconds} leaves nothing of time_minutes = "
                f"{self.time_minutes}"
            )
        return self


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
    """The value typed for ``--on``, with the table ``[cluster]`` of ``--settings``."""
    if re.fullmatch(r"-?\d+", text):
        if int(text) < 1:
            raise InputError(f"{text}: give at least one process")
        return int(text)
    machines = Machines(text)
    if text.startswith("ssh:"):
        wrong = [
            host for host in machines.hosts if not re.fullmatch(r"\w[\w.@-]*", host)
        ]
        if wrong:
            raise InputError(
                f"{text}: {wrong[0]!r} is no host; give hosts such as ssh:lab1,lab2"
            )
    elif text not in QUEUES and not SCHEDULER.fullmatch(text):
        raise InputError(f"'{text}': {did_you_mean(text, QUEUES) or FORMS}")
    if file is None:
        return machines
    return Machines(text, cluster_of(file))
