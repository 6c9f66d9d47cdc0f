"""``defocus-data curate --review``."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.options import AddedOptions
from defocus.extras.pages.page_options import free_port_option, page_option

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.curation import Curation


def _run(
    own: Callable[..., object],
    *,
    review: bool,
    port: int | None,
    **asked: Any,  # noqa: ANN401 - click's
) -> object:
    if port is not None and not review:
        raise click.UsageError("--port goes with --review")
    if review and asked["as_json"]:
        raise click.UsageError("--json cannot be combined with --review")
    return own(**asked, decide=partial(_review, port or 0) if review else None)


def _review(port: int, curation: "Curation") -> None:
    from defocus.extras.pages.curation import review_pairs

    review_pairs(curation, port)


ADDED = AddedOptions(
    (
        page_option(
            "Review all pairs in the browser first; decisions made there override the rules, "
            "now and when the same command runs again.",
            "--review",
        ),
        free_port_option("--review"),
    ),
    _run,
    heading="Judging",
)
