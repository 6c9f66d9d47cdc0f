"""Options of every sub-command: messages, log file and printed settings.

An option overrides an environment variable, which overrides a settings file and the default."""

import copy
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, TypeVar

import click

from defocus import progress
from defocus.command_line.settings_file import key_of
from defocus.near_names import did_you_mean
from defocus.plugins.discovery import Kind, Shape
from defocus.plugins.extensions import load_plugin

PRINTS = "defocus.print-config"
SOURCES = {
    "COMMANDLINE": "typed",
    "ENVIRONMENT": "environment",
    "DEFAULT_MAP": "settings file",
    "DEFAULT": "default",
}


def with_common_options(command: click.Command) -> click.Command:
    """Add the common options that it lacks to a command, or to each command of a group."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_common_options(member)
    elif not any(one in OPTIONS for one in command.params):
        own: set[str] = set()
        for param in command.params:
            own.update(param.opts)
        command.params += [one for one in OPTIONS if own.isdisjoint(one.opts)]
        command.callback = _unless_printed(command.callback)
    return command


def _unless_printed(callback: Callable[..., Any] | None) -> Callable[..., Any]:
    @functools.wraps(callback or (lambda: None))
    def called(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever a command has
        context = click.get_current_context()
        if not context.meta.get(PRINTS):
            return None if callback is None else callback(*arguments, **options)
        for line in _config_lines(context):
            click.echo(line)
        return 0

    return called


def _config_lines(context: click.Context) -> Iterator[str]:
    """The options as the table of a settings file, each with where it comes from."""
    yield f"[{context.info_name}]"
    for option in context.command.params:
        if not isinstance(option, click.Option):
            continue
        if not option.expose_value or not option.name:
            continue
        source = context.get_parameter_source(option.name)
        origin = SOURCES.get("" if source is None else source.name, "typed")
        name = key_of(option)
        value = _toml(context.params.get(option.name))
        if value is None:
            yield f"# {name} is not set"
        else:
            yield f"{name} = {value}  # {origin}"


def _toml(value: Any) -> str | None:  # noqa: ANN401 - whatever an option can be
    """A value as TOML; None if there is none."""
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(part) or '""' for part in value) + "]"
    return json.dumps(str(value))


def _log_to(
    _context: click.Context,
    _option: click.Parameter,
    path: Path | None,
) -> None:
    if path is not None:
        progress.open_log(path)


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Make the callback of an option that changes how messages are printed."""
    return lambda _context, _option, value: setattr(progress.telling, name, value)


def _print_config(
    context: click.Context,
    _option: click.Parameter,
    wanted: bool,
) -> None:
    context.meta[PRINTS] = wanted


class _Folder(click.Path):
    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002 - click's signature
        """``DIR`` in place of click's word."""
        return "DIR" if isinstance(param, click.Option) else None


class OneOf(click.Choice[Any]):
    """One of a list of names; for another name the message lists similar ones."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - of any type
        """The name, if it is one of them."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            hint = did_you_mean(str(value), map(str, self.choices))
            text = f"{error.message.rstrip('.')}; {hint}" if hint else error.message
            raise click.BadParameter(text, ctx, param) from error


FOLDER = _Folder(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
Folder = Annotated[Path, FOLDER]
"""The type of a field whose option is a folder."""
_eager = functools.partial(click.Option, expose_value=False, is_eager=True)
_flag = functools.partial(_eager, is_flag=True)
_COLOURS = OneOf(["auto", "always", "never"])

OPTIONS = [
    _flag(
        ["-v", "--verbose"],
        callback=_set("verbose"),
        help="Show a traceback with every error.",
    ),
    _flag(
        ["-q", "--quiet"],
        callback=_set("quiet"),
        help="Print only errors and prompts.",
    ),
    _eager(
        ["--log-file"],
        type=FILE,
        callback=_log_to,
        help="Append all messages, with times, to FILE.",
    ),
    _eager(
        ["--color"],
        type=_COLOURS,
        default="auto",
        show_default=True,
        callback=_set("color"),
        help="Use colours in errors and progress bars.",
    ),
    _flag(
        ["--print-config"],
        callback=_print_config,
        help="Print all options with their sources, then exit.",
    ),
]


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _print_completion(
    context: click.Context,
    _option: click.Parameter,
    shell: str | None,
) -> None:
    if shell is None or context.resilient_parsing:
        return
    from click.shell_completion import get_completion_class

    name = context.command.name or ""
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 - the choices are click's own
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    click.echo(completion(context.command, {}, name, variable).source())
    context.exit()


COMPLETION = _eager(
    ["--completion"],
    type=OneOf(["bash", "zsh", "fish"]),
    callback=_print_completion,
    help="Print a completion script for this shell, then exit.",
)


def _load(
    _context: click.Context,
    _option: click.Parameter,
    paths: tuple[Path, ...],
) -> None:
    for path in paths:
        load_plugin(path)


def load_named(words: Iterable[str]) -> None:
    """Load the plug-ins that are typed behind a sub-command, which one of them may bring."""
    typed = iter(list(takewhile(lambda word: word != "--", words)))
    for word in typed:
        option, _, file = word.partition("=")
        if option != "--plugin":
            continue
        path = file or next(typed, "")
        if path:
            load_plugin(path)


PLUGIN = _eager(  # what it brings is known when the other options are read
    ["--plugin"],
    type=FILE,
    multiple=True,
    metavar="FILE",
    callback=_load,
    help="Your own Python file of systems, metrics, commands, …; repeatable.",
)


def with_plugins(command: click.Command) -> click.Command:
    """Add the option to a command, or to each command of a group, only once."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_plugins(member)
    elif not any("--plugin" in one.opts for one in command.params):
        command.params.append(PLUGIN)
    return command


@dataclass(frozen=True)
class AddedOptions:
    """Options that others bring to a command of ours, and what they do.

    The module ``bench_status`` in the folder ``options`` of an extra, or the entry point of that
    name of the group ``defocus.options``, holds those of ``defocus-bench status``; ``restore``
    holds those of the program ``defocus-restore``.

    Attributes:
        options: The options, as click has them.
        run: Called in place of the command: with what the command does, a function of the
            command's own parameters, and with all parameters by name. What it returns is what the
            command returns, its exit code; errors of :mod:`defocus.errors` become one line.
        heading: Heading of the options in ``--help``, where those of the command have headings.

    Examples:
        >>> import click
        >>> from defocus.command_line.options import AddedOptions
        >>> def run(own, *, brief, **asked):
        ...     return 0 if brief else own(**asked)
        >>> added = AddedOptions((click.Option(["--brief"], is_flag=True),), run)
        >>> added.run(lambda out: 5, brief=False, out="study")
        5
    """

    options: tuple[click.Option, ...]
    run: Callable[..., object]
    heading: str = ""


OPTION_FILES: Kind[AddedOptions] = Kind(
    "options",
    Shape(lambda: AddedOptions, of_files=True),
)
"""Kind of the files that add options to commands; several may add options to one command."""


def with_added_options(name: str, command: click.Command) -> click.Command:
    """A command, such as ``bench-status``, with added options; the given command is not changed."""
    for offer in OPTION_FILES.brought():
        if offer.name != name:
            continue
        added = OPTION_FILES.thing(offer)
        if added is not None:
            command = _extended(command, added)
    return command


def _extended(command: click.Command, added: AddedOptions) -> click.Command:
    extended = copy.copy(command)
    extended.params = [*command.params, *added.options]
    own = command.callback
    if own is not None:
        run = functools.partial(added.run, own)
        extended.callback = functools.wraps(own)(run)
    sections: dict[str, Any] = dict(vars(command).get("sections", {}))
    if added.heading in sections or (sections and added.heading):
        names = [one.opts[0] for one in added.options]
        sections[added.heading] = (*sections.get(added.heading, ()), *names)
        vars(extended)["sections"] = sections
    return extended
