"""The commands of a program by name: ours, of extras, of other packages and of plug-in files.

Of others the name has the program, so nothing is imported to know it: ``bench_train``."""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, NoReturn, TypeVar

import click

from defocus.discovery import Offer, at_hand, brought, modules_in, warn_once
from defocus.errors import RegistryError
from defocus.extensions import PROGRAMS, offered
from defocus.near_names import meant

Command = TypeVar("Command", bound=click.Command)

_HEADING = "defocus_heading"


def help_heading(heading: str) -> Callable[[Command], Command]:
    """Say under which heading of ``--help`` a command is listed, such as ``Check``."""

    def headed(command: Command) -> Command:
        vars(command)[_HEADING] = heading
        return command

    return headed


def heading_of(command: click.Command) -> str:
    """The heading of a command; empty if it says none."""
    return str(vars(command).get(_HEADING, ""))


def find_verbs(program: str, home: str) -> dict[str, Offer]:
    """All commands of a program (``bench`` of ``defocus-bench``) by name, not loaded yet."""
    offers = _own(home)
    for verb, offer in _from_others(program):
        if verb in offers:
            warn_once(
                f"{offer.origin}: {program} has a command '{verb}' of {offers[verb].origin}; "
                "this one is left out; rename it"
            )
        else:
            offers[verb] = offer
    return offers


def find_verb(program: str, home: str, verb: str) -> Offer | None:
    """The command of that name; others are not looked for where it is ours."""
    own = _own(home).get(verb)
    return own or next((one for name, one in _from_others(program) if name == verb), None)


def command_of(offer: Offer) -> click.Command | None:
    """Load a command; None, with one warning, if it is broken."""
    loaded = offer.load()
    command = getattr(loaded, "command", None) if isinstance(loaded, ModuleType) else loaded
    if isinstance(command, click.Command):
        return command
    if loaded is not None:
        warn_once(f"{offer.origin} is not a click command and is left out; mend or remove it")
    return None


def _own(home: str) -> dict[str, Offer]:
    return {one.name.replace("_", "-"): one for one in modules_in(home)}


def _from_others(program: str) -> Iterator[tuple[str, Offer]]:
    """The commands that others bring to a program."""
    for offer in brought("commands"):
        of, _, verb = offer.name.replace("_", "-").partition("-")
        if of not in PROGRAMS or not verb:
            names = " or ".join(f"{one}_" for one in PROGRAMS)
            warn_once(
                f"{offer.origin} is of no program and is left out; begin its name with {names}"
            )
        elif of == program:
            yield verb, offer
    try:
        files = list(offered(click.Command))
    except RegistryError as error:  # a file of a parent process; what needs it says so too
        warn_once(str(error))
        return
    for plugin, command in files:
        of, _, verb = (command.name or "").replace("_", "-").partition("-")
        if of == program and verb:
            yield verb, Offer(verb, f"plug-in {plugin.path}", at_hand(command))


class VerbGroup(click.Group):
    """A click group that answers an unknown sub-command with near names."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - click's
        settings.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*arguments, **settings)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command of the first argument."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            refuse_unknown(ctx, name, self.commands)
        return super().resolve_command(ctx, args)


def refuse_unknown(ctx: click.Context, name: str, names: Iterable[str]) -> NoReturn:
    """End with the usage error of an unknown command: with near names, or where all are."""
    ctx.fail(f"No such command {name!r}; {meant(name, names, f'{ctx.command_path} --help')}")
