"""The options ``--on`` and ``--settings``: where work on many items is done."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from defocus.command_line.options import FILE

if TYPE_CHECKING:  # it imports pydantic
    from defocus.processes.machines import ClusterSettings, Where

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

CLUSTER_FILE = "defocus.cluster-file"
CLUSTER_TEXT = (
    "TOML file with the table [cluster]: resources of workers on other machines."
)
OR_MACHINES = (
    "Or other machines: ssh:HOST,HOST, tcp://HOST:PORT of a dask scheduler, or a queue such as "
    "slurm."
)


class WhereOption(click.ParamType["Where"]):
    """Where work on many items is done: a number of processes, or other machines."""

    name = "where"

    def __init__(
        self, cluster_of: "Callable[[Path], ClusterSettings] | None" = None
    ) -> None:
        """``cluster_of`` reads the table ``[cluster]`` of a ``--settings`` file with others."""
        self.cluster_of = cluster_of

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "Where":
        """The processes or machines that were typed, with the resources of ``--settings``."""
        from defocus.errors import InputError
        from defocus.processes.machines import cluster_of_file, where_of

        file = None if ctx is None else ctx.meta.get(CLUSTER_FILE)
        try:
            return where_of(str(value), file, self.cluster_of or cluster_of_file)
        except InputError as error:
            self.fail(str(error), param, ctx)


def keep_cluster_file(
    context: click.Context,
    _option: click.Parameter,
    file: Path | None,
) -> Path | None:
    """Let ``--on`` know the file of ``--settings``, which is read first."""
    context.meta[CLUSTER_FILE] = file
    return file


_CLUSTER_FILE_OPTION: dict[str, Any] = {
    "type": FILE,
    "is_eager": True,
    "callback": keep_cluster_file,
    "help": CLUSTER_TEXT,
}


def cluster_option() -> click.Option:
    """The option ``--settings``, which ``--on`` reads; no settings model has it."""
    return click.Option(["--settings"], **_CLUSTER_FILE_OPTION)


def where_field(
    default: int | None,
    text: str,
    heading: str = "",
    **settings: Any,  # noqa: ANN401 - of ``defocus.settings.option``
) -> Any:  # noqa: ANN401 - stands for the field's value
    """The field of ``--on`` in the settings of a command, which brings ``--settings``."""
    from defocus.settings import option

    help_text = f"{text} {OR_MACHINES}"
    settings.setdefault("type", WhereOption())
    return option(default, "--on WHERE", text=help_text, heading=heading, **settings)
