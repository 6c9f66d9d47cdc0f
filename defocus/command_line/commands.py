"""Shared parts of the programs: lazy sub-commands, one-line errors, exit codes.

Modules of sub-commands import nothing heavy at their top: ``--help`` stays fast."""

import contextlib
import copy
import errno
import functools
import os
import select
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

from defocus import __version__
from defocus.command_line.options import (
    COMPLETION,
    PLUGIN,
    load_named,
    with_added_options,
    with_common_options,
    with_plugins,
)
from defocus.command_line.settings_file import key_of
from defocus.command_line.verbs import (
    command_of,
    find_verb,
    find_verbs,
    heading_of,
    refuse_unknown,
)
from defocus.errors import (
    EXIT_INTERRUPTED,
    STORAGE_ERRNOS,
    DefocusError,
    FileError,
    RegistryError,
    StorageError,
    lacks_memory,
    storage_error,
    what_program_lacks,
)
from defocus.near_names import meant
from defocus.plugins.discovery import Offer
from defocus.processes.children import keep_working_folder_out
from defocus.processes.freed_memory import keep_freed_memory
from defocus.processes.interruption import heard_interrupts
from defocus.progress import end_bars, log, telling
from defocus.quiet_decoders import lead_to_nothing

FurtherOptions: TypeAlias = Callable[[click.Command], click.Command]

OTHER = "Other commands"
"""Heading of the commands in --help that name no other heading."""


class CommandGroup(click.Group):
    """A click group whose sub-commands are found, and imported when needed."""

    def __init__(
        self,
        *,
        program: str,
        commands_package: str,
        headings: Sequence[str],
        further: FurtherOptions | None,
        **settings: Any,  # noqa: ANN401 - click's
    ) -> None:
        super().__init__(**settings)
        self.program = program
        self.commands_package = commands_package
        self.headings = headings
        self.further = further

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all sub-commands, sorted; sub-commands of plug-ins are not loaded for this."""
        return sorted(find_verbs(self.program, self.commands_package))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The sub-command with that name; None if there is none, or it is broken."""
        offer = find_verb(self.program, self.commands_package, cmd_name)
        return None if offer is None else self._prepared(cmd_name, offer)

    def resolve_command(
        self,
        ctx: click.Context,
        args: list[str],
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command of the first argument; an unknown one is answered with near names."""
        name = args[0]
        if name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        offer = find_verb(self.program, self.commands_package, name)
        if offer is None:
            load_named(args)
            offer = find_verb(self.program, self.commands_package, name)
        if offer is None:
            if group := self._group_with(ctx, name):
                ctx.fail(f"No such command {name!r}; it is '{group} {name}'")
            refuse_unknown(ctx, name, self.list_commands(ctx))
        command = self._prepared(name, offer)
        if command is None:
            raise RegistryError(f"the command {name!r} is broken; the warning says how")
        return name, command, args[1:]

    def _group_with(self, ctx: click.Context, name: str) -> str:
        """The group that has a sub-command of that name; empty if none has."""
        groups = ((one, self.get_command(ctx, one)) for one in self.list_commands(ctx))
        return next(
            (
                one
                for one, it in groups
                if isinstance(it, click.Group) and name in it.commands
            ),
            "",
        )

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the sub-commands under their headings, those of the program first."""
        rows: dict[str, list[tuple[str, click.Command]]] = {
            each: [] for each in self.headings
        }
        offers = find_verbs(self.program, self.commands_package)
        for name, offer in sorted(offers.items()):
            command = command_of(offer)
            if command is not None and not command.hidden:
                rows.setdefault(heading_of(command) or OTHER, []).append(
                    (name, command)
                )
        rows[OTHER] = rows.pop(OTHER, [])  # at the end
        width = max(map(len, offers), default=0)
        for heading, commands in rows.items():
            if commands:
                with formatter.section(heading):
                    limit = formatter.width - 6 - width
                    formatter.write_dl(
                        [
                            (name.ljust(width), one.get_short_help_str(limit))
                            for name, one in commands
                        ]
                    )

    def _prepared(self, verb: str, offer: Offer) -> click.Command | None:
        """A sub-command with the options that all have; None, with a warning, if it is broken."""
        command = command_of(offer)
        if command is None:
            return None
        return _with_options(f"{self.program}-{verb}", command, self.further)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run a sub-command, while its output is read."""
        return _while_read(super().invoke)(ctx)


class SectionedCommand(click.Command):
    """A command whose help lists its options under headings, those of every command last."""

    def __init__(
        self,
        *,
        sections: Mapping[str, Sequence[str]],
        **settings: Any,  # noqa: ANN401 - click's
    ) -> None:
        """Keep the headings, each with its options as typed, such as ``--out``."""
        super().__init__(**settings)
        self.sections = sections

    def format_options(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the options under their headings."""
        heading_of: dict[str, str] = {}
        records: dict[str, list[tuple[str, str]]] = {}
        for heading, options in self.sections.items():
            records[heading] = []
            heading_of |= dict.fromkeys(options, heading)
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                heading = heading_of.get(param.opts[0], "Common options")
                records.setdefault(heading, []).append(record)
        for heading, rows in records.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def _with_options(
    name: str,
    command: click.Command,
    further: FurtherOptions | None,
) -> click.Command:
    """A command with the options of others, those of all commands and those of its program."""
    command = with_added_options(name, command)
    if further is not None:
        command = further(command)
    command = with_common_options(with_plugins(command))
    _name_variables(f"defocus-{name}", command)
    return command


def _name_variables(prefix: str, command: click.Command) -> None:
    """Name the environment variables of options after them; click takes the parameters' names."""
    if isinstance(command, click.Group):
        for name, member in command.commands.items():
            _name_variables(f"{prefix}-{name}", member)
    for one in command.params:
        key = key_of(one)
        if isinstance(one, click.Option) and one.name != key:
            one.envvar = f"{prefix}-{key}".upper().replace("-", "_")
            one.allow_from_autoenv = False


def _while_read(work: Callable[..., Any]) -> Callable[..., Any]:
    """Make a closed output, as with ``| head``, the successful end of a command's work."""
    # click would exit with 1. A pipe that breaks elsewhere, as to our own child process, is a
    # failure.

    @functools.wraps(work)
    def called(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever a command has
        try:
            return work(*arguments, **options)
        except KeyboardInterrupt:  # click writes an empty line
            _let_go_of_unread()
            raise
        except OSError as error:
            if not _is_of_output(error):
                raise
            if _is_unread(STDOUT):
                _let_go_of_unread()
                return 0
            if not isinstance(error, BrokenPipeError):
                raise
            raise DefocusError(
                f"a pipe to another process broke ({error}); try again"
            ) from error

    return called


def _is_of_output(error: OSError) -> bool:
    """Whether an error may be of a pipe that nobody reads, or of a terminal that was closed."""
    of_terminal = error.errno == errno.EIO and error.filename is None
    return of_terminal or isinstance(error, BrokenPipeError)


def _let_go_of_unread() -> None:
    """Discard what is written to streams that nobody reads."""
    for number in (STDOUT, STDERR):
        if _is_unread(number):
            lead_to_nothing(number)


STDOUT = 1
STDERR = 2

if sys.platform == "win32":

    def _is_unread(number: int) -> bool:  # noqa: ARG001 - elsewhere it is used
        return False  # a pipe without a reader is not noticed there

else:

    def _is_unread(number: int) -> bool:
        """Whether a stream is a pipe that nobody reads, or a terminal that was closed."""
        stream = select.poll()
        stream.register(number, 0)
        return any(event & select.POLLERR for _, event in stream.poll(0))


def command_group(
    name: str,
    commands_package: str,
    help_text: str,
    *,
    headings: Sequence[str] = (),
    further: FurtherOptions | None = None,
) -> click.Group:
    """Make the group of one command, such as ``defocus-data``, with its headings in order."""

    @click.group(
        name=name,
        cls=CommandGroup,
        commands_package=commands_package,
        program=name.removeprefix("defocus-"),
        headings=headings,
        further=further,
        help=help_text,
        context_settings=_context_settings(name),
    )
    @click.version_option(__version__, prog_name=name)
    def group() -> None:
        pass

    group.params[:0] = [PLUGIN, COMPLETION]
    return group


def single_command(
    name: str,
    command: click.Command,
    further: FurtherOptions | None = None,
) -> click.Command:
    """Make a program of one command, such as ``defocus-restore``, from a copy of it."""
    program = copy.copy(command)
    program.name = name
    program.params = list(command.params)
    program.context_settings = _context_settings(name)
    program._help_option = None  # click keeps the one that a group has asked for
    program = _with_options(name.removeprefix("defocus-"), program, further)
    program.callback = _while_read(program.callback or (lambda: None))
    return click.version_option(__version__, prog_name=name)(program)


def _context_settings(program: str) -> dict[str, Any]:
    return {
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "auto_envvar_prefix": program.upper().replace("-", "_"),
    }


def run_command(group: click.Command) -> None:
    """Run a command line and leave the process with its exit code."""
    # A sub-command returns its exit code (``None`` is 0). Every ``DefocusError`` becomes one
    # line on stderr and its own exit code; usage errors give 2; Ctrl-C, SIGTERM and SIGHUP give
    # 130.

    # Waiting threads of OpenMP spin by default; on a busy machine a training step was measured to
    # take five to thirty times longer for it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_working_folder_out()
    _open_closed_streams()
    keep_freed_memory()
    try:
        try:
            with heard_interrupts():
                code = group.main(standalone_mode=False)
        finally:
            end_bars()
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption) and error.ctx is not None:
            error = _of_unknown_option(error.option_name, error.ctx)
        with contextlib.suppress(BrokenPipeError):
            error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        with contextlib.suppress(OSError):  # the terminal may be closed
            click.echo("interrupted; run the same command again to continue", err=True)
        code = EXIT_INTERRUPTED
    except Exception as error:
        if not (isinstance(error, DefocusError | OSError) or lacks_memory(error)):
            raise
        code = _failure(group, error)
    sys.exit(_flushed(group, code or 0))


def _open_closed_streams() -> None:
    """Give a program that was started without one of its streams, as by a daemon, an empty one."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            lead_to_nothing(number)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _flushed(group: click.Command, code: int) -> int:
    """Write what is buffered, or let it go: Python would exit with 120. Return the exit code."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            lead_to_nothing(number)
            if not isinstance(error, BrokenPipeError) and not code:
                code = _failure(group, error)
    return code


def _of_unknown_option(name: str, ctx: click.Context) -> click.UsageError:
    """The error with near names; click itself would count dashes as alike."""
    words: list[str] = []
    for param in ctx.command.get_params(ctx):
        if isinstance(param, click.Option):
            words += (*param.opts, *param.secondary_opts)
    long_names = [word for word in words if word.startswith("--")]
    hint = meant(name, long_names, f"{ctx.command_path} --help")
    return click.UsageError(f"No such option {name!r}; {hint}", ctx)


def _of_system(error: Exception) -> DefocusError:
    """The error that explains what the operating system said of a file, or of the memory."""
    if not isinstance(error, OSError):
        return DefocusError(
            "the memory ran out; use fewer processes, or a computer with more"
        )
    if error.errno in STORAGE_ERRNOS:
        return storage_error(error, Path(error.filename or "the output"))
    if error.filename is None:
        reason = error.strerror or str(error)
        return DefocusError(f"the system says: {reason}; run the same command again")
    return FileError(f"{os.fsdecode(error.filename)}: {error.strerror}; check the path")


def _failure(group: click.Command, error: Exception) -> int:
    """Print an error in one line (``-v``: with traceback), log it, and return its exit code."""
    explained = error if isinstance(error, DefocusError) else _of_system(error)
    lacking = what_program_lacks(error)
    if lacking and not isinstance(error, StorageError):
        explained = StorageError(lacking)
    said = " ".join(str(explained).splitlines())
    line = f"{click.style(f'{group.name}:', fg='red')} {said}"
    origin = "".join(traceback.format_exception(error)).rstrip()
    log(f"{origin}\n{click.unstyle(line)}")
    # nobody may read of it; the exit code says it too
    with contextlib.suppress(OSError):
        if telling.verbose:
            click.echo(origin, err=True)
        click.echo(
            line,
            err=True,
            color={"always": True, "never": False}.get(telling.color),
        )
    return explained.exit_code
