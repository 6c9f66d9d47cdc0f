"""The sub-command ``completion``."""

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Prepare")
@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    \b
      bash    defocus-capture completion bash >> ~/.bash_completion
      zsh     defocus-capture completion zsh > FOLDER_OF_FPATH/_defocus-capture
      fish    defocus-capture completion fish > ~/.config/fish/completions/defocus-capture.fish
    """  # noqa: D301 - click's mark for a paragraph to leave alone is the backspace character
    from click.shell_completion import get_completion_class

    program = context.find_root().command
    name = program.name or ""
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 - the choices are click's own
    click.echo(completion(program, {}, name, variable).source())
