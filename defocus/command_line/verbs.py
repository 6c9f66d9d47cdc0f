"""The commands of a program by name: ours, of extras, of other packages and of plug-in files.

Names of others' commands contain the program (``bench_train``), so that nothing is imported to find
it."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NoReturn, TypeVar

import click

from defocus.errors import RegistryError
from defocus.near_names import meant
from defocus.plugins.discovery import Kind, Offer, Shape
from defocus.plugins.extensions import PROGRAMS, plugins
from defocus.progress import warn_once

Command = TypeVar("Command", bound=click.Command)

_HEADING = "defocus_heading"


def help_heading(heading: str) -> Callable[[Command], Command]:
    """Say under which heading of ``--help`` a command is listed.

    Args:
        heading: A heading of the program, such as ``Check``, or a new one.

    Returns:
        A decorator, which stands above ``@click.command``.

    Examples:
        >>> import click
        >>> import defocus
        >>> @defocus.help_heading("Report")
        ... @click.command("bench-hello")
        ... def bench_hello():
        ...     click.echo("hello")
        >>> bench_hello.name
        'bench-hello'
    """

    def headed(command: Command) -> Command:
        vars(command)[_HEADING] = heading
        return command

    return headed


def heading_of(command: click.Command) -> str:
    """The heading of a command; empty if it names none."""
    return str(vars(command).get(_HEADING, ""))


def _typed_name(command: click.Command) -> str:
    return (command.name or "").replace("_", "-")


_SHAPE: Shape[click.Command] = Shape(
    lambda: click.Command,
    _typed_name,
    function="command",
)


def commands_of(program: str, home: str) -> Kind[click.Command]:
    """The commands of a program (``bench`` of ``defocus-bench``), ours in the package ``home``."""
    return Kind("commands", _SHAPE, home, prefix=f"{program}-")


def find_verbs(program: str, home: str) -> dict[str, Offer]:
    """All commands of a program by name, not loaded yet."""
    kind = commands_of(program, home)
    _warn_of_no_program()
    try:
        plugins()
    except (
        RegistryError
    ) as error:  # a file of a parent process; what needs it says so too
        warn_once(str(error))
        return kind.installed()
    return kind.offers()


def find_verb(
    program: str,
    home: str,
    verb: str,
) -> Offer | None:
    """The command of that name; others are not searched if it is ours."""
    own = commands_of(program, home).own().get(verb)
    return own or find_verbs(program, home).get(verb)


def command_of(offer: Offer) -> click.Command | None:
    """Load a command; None, with one warning, if it is broken."""
    loaded = offer.load()
    command = (
        getattr(loaded, "command", None) if isinstance(loaded, ModuleType) else loaded
    )
    if isinstance(command, click.Command):
        return command
    if loaded is not None:
        warn_once(
            f"{offer.origin} is not a click command and is left out; mend or remove it"
        )
    return None


def _warn_of_no_program() -> None:
    """Name the commands of others that would be found under no program."""
    programs = tuple(f"{one}-" for one in PROGRAMS)
    for offer in Kind("commands", _SHAPE).brought():
        if not offer.name.startswith(programs):
            names = " or ".join(f"{one}_" for one in PROGRAMS)
            warn_once(
                f"{offer.origin} is of no program and is left out; begin its name with {names}"
            )


class VerbGroup(click.Group):
    """A click group that answers an unknown sub-command with near names."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - click's
        settings.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*arguments, **settings)

    def resolve_command(
        self,
        ctx: click.Context,
        args: list[str],
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command of the first argument."""
        name = args[0]
        is_known = name in self.commands or name.startswith("-")
        if not is_known and not ctx.resilient_parsing:
            refuse_unknown(ctx, name, self.commands)
        return super().resolve_command(ctx, args)


def refuse_unknown(
    ctx: click.Context,
    name: str,
    names: Iterable[str],
) -> NoReturn:
    """End with the usage error of an unknown command: with near names, or where all are."""
    ctx.fail(
        f"No such command {name!r}; {meant(name, names, f'{ctx.command_path} --help')}"
    )
