"""Resources that a job requests from a cluster's scheduler."""

from typing import Self

from pydantic import Field, model_validator

from defocus.settings import Settings

__all__ = ["ClusterFile", "SlurmSettings"]


class SlurmSettings(Settings):
    """Resources that a job requests from SLURM; empty names are the cluster's defaults."""

    # ``signal_seconds`` before ``time_minutes`` a run saves its state and is queued again; an
    # evaluation must fit. ``setup`` has shell lines before the run, such as ``module load cuda``.

    time_minutes: int = Field(default=720, ge=1)
    partition: str = ""
    account: str = ""
    qos: str = ""
    gpus: int = Field(default=0, ge=0)
    cpus: int = Field(default=1, ge=1)
    memory_gb: float | None = Field(default=None, gt=0)
    signal_seconds: int = Field(default=90, ge=1)
    at_once: int = Field(default=16, ge=1)
    setup: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _signal_before_limit(self) -> Self:
        if self.signal_seconds >= 60 * self.time_minutes:
            raise ValueError(
                f"signal_seconds = {self.signal_seconds} leaves nothing of time_minutes = "
                f"{self.time_minutes}"
            )
        return self


class ClusterFile(Settings):
    """A TOML file with the table ``[slurm]``, as a study's file has it."""

    slurm: SlurmSettings = SlurmSettings()
