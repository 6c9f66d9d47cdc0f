"""The option ``--completion SHELL`` of a program: prints the script that its shell reads."""

import click

__all__ = ["COMPLETION"]


def _print(context: click.Context, _option: click.Parameter, shell: str | None) -> None:
    if shell is None or context.resilient_parsing:
        return
    from click.shell_completion import get_completion_class

    name = context.command.name or ""
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 - the choices are click's own
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    click.echo(completion(context.command, {}, name, variable).source())
    context.exit()


COMPLETION = click.Option(
    ["--completion"],
    type=click.Choice(["bash", "zsh", "fish"]),
    expose_value=False,
    is_eager=True,
    callback=_print,
    help="Print a completion script for this shell, then exit.",
)
