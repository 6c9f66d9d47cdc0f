"""Numbers of options: in a range and finite; ``true``, and 1.5 for a whole number, are refused."""

import math
from typing import Any

import click


class _Written(click.ParamType[Any]):
    """A number as a person writes it: click's own types also take true, 1.5 for 1, and NaN."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - a number of the other base
        number = super().convert(str(value), param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class WholeRange(_Written, click.IntRange):
    """A whole number in a range."""

    name = "integer"


class FiniteRange(_Written, click.FloatRange):
    """A number in a range."""

    name = "number"
