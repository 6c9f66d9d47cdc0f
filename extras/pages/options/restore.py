"""``defocus-restore --page``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from defocus.command_line.options import AddedOptions
from defocus.extras.pages.page_options import free_port_option, page_option

ON_PAGE = frozenset({"baseline", "weights", "tile", "page", "port"})
"""Options that are chosen before the page opens; the others are chosen on the page, or have no
meaning there."""


def _run(
    own: Callable[..., object],
    *,
    page: bool,
    port: int | None,
    **asked: Any,  # noqa: ANN401 - click's
) -> object:
    ctx = click.get_current_context()
    if page:
        _refuse_others(ctx, asked["images"])
        _serve(asked["baseline"], asked["weights"], asked["tile"], port or 0)
        return 0
    if port is not None:
        raise click.UsageError("--port goes with --page")
    return own(**asked)


def _refuse_others(ctx: click.Context, images: tuple[Path, ...]) -> None:
    """Refuse options that have no meaning on the page."""
    if images:
        raise click.UsageError(
            "with --page pictures are dropped in the browser; omit IMAGES"
        )
    for param in ctx.command.params:
        typed = (
            ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        )
        if typed and param.expose_value and param.name not in ON_PAGE:
            raise click.UsageError(
                f"{param.opts[0]} does not go with --page: choose on the page"
            )


def _serve(
    name: str,
    weights: str | None,
    tile_px: int | None,
    port: int,
) -> None:
    from defocus.baselines.registry import plain_baseline
    from defocus.extras.pages.restore.serve import serve_restoring
    from defocus.extras.pages.restore.systems import as_choice
    from defocus.restoration.restorer import restoring_weights
    from defocus.training.devices import best_device

    system = plain_baseline(name)
    asked = as_choice(system, restoring_weights(system, weights))
    serve_restoring(asked, port=port, tile_px=tile_px, device=best_device())


ADDED = AddedOptions(
    (
        page_option(
            "Show a page in the browser instead: drop pictures, compare, save. Give no IMAGES."
        ),
        free_port_option("--page"),
    ),
    _run,
    "Instead of IMAGES",
)
