"""The option of commands that treat several pictures at once: ``--jobs 4``."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["jobs_option"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def jobs_option(text: str, default: int = 1) -> Callable[[Decorated], Decorated]:
    """The option ``--jobs``, passed as ``jobs``; the result does not depend on it."""
    return click.option(
        "--jobs", type=click.IntRange(1), default=default, show_default=True, help=text
    )
