"""The value of an option ``--shard``: one of several parts of the work."""

from typing import Any

import click

__all__ = ["ShardOption"]


class ShardOption(click.ParamType[tuple[int, int]]):
    """``I/N``: the I-th of N parts."""

    name = "shard"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """I and N, with I from 1 to N."""
        if isinstance(value, tuple):
            return value
        number, _, of = str(value).partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            self.fail(f"{value!r} is not I/N with I from 1 to N, such as 1/4.", param, ctx)
        return int(number), int(of)
