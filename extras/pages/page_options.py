"""The options ``--page`` and ``--port``."""

import click

__all__ = ["free_port_option", "page_option"]


def page_option(help_text: str) -> click.Option:
    """``--page``."""
    return click.Option(["--page"], is_flag=True, help=help_text)


def free_port_option(beside: str) -> click.Option:
    """``--port``, None where it is not given.

    Args:
        beside: The option that it goes with.
    """
    return click.Option(
        ["--port"],
        type=click.IntRange(0, 65535),
        help=f"With {beside}: port on this computer; by default any free one.",
    )
