"""Options that show a page in the browser, and ``--port``."""

import importlib

import click

from defocus.command_line.numbers import WholeRange


def page_option(help_text: str, name: str = "--page") -> click.Option:
    """An option that shows a page; its packages are asked for before any work is done."""
    return click.Option([name], is_flag=True, callback=_with_server, help=help_text)


def _with_server(_ctx: click.Context, _param: click.Parameter, asked: bool) -> bool:
    if asked:
        importlib.import_module("defocus.extras.pages.serving")
    return asked


def free_port_option(beside: str) -> click.Option:
    """``--port``, None where it is not given; it goes with the option ``beside``."""
    return click.Option(
        ["--port"],
        type=WholeRange(0, 65535),
        help=f"With {beside}: port on this computer; by default any free one.",
    )
