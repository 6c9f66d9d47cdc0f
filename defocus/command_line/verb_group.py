"""A group of sub-commands that counts as one verb of a program, such as ``defocus-bench labs``."""

from collections.abc import Iterable
from typing import Any, NoReturn

import click

from defocus.near_names import did_you_mean

__all__ = ["VerbGroup", "refuse_unknown"]


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


def refuse_unknown(ctx: click.Context, name: str, known: Iterable[str]) -> NoReturn:
    """End with the usage error of an unknown command, and with near names if there are any."""
    near = did_you_mean(name, known)
    ctx.fail(f"No such command {name!r}{'; ' if near else '.'}{near}")
