"""``defocus-bench status --page``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from defocus.command_line.options import AddedOptions
from defocus.extras.pages.page_options import free_port_option, page_option


def _run(
    own: Callable[..., object],
    *,
    page: bool,
    port: int | None,
    **asked: Any,  # noqa: ANN401 - click's
) -> object:
    if port is not None and not page:
        raise click.UsageError("--port goes with --page")
    if page and asked["as_json"]:
        raise click.UsageError("--json cannot be combined with --page")
    if not page:
        return own(**asked)
    _serve(asked["out"], port or 0)
    return 0


def _serve(folder: Path, port: int) -> None:
    from defocus.benchmark.study.document import tell_missing
    from defocus.extras.pages.studies.serve import serve_studies
    from defocus.extras.pages.studies.studies import find_studies

    for study in find_studies(folder).studies:
        tell_missing(study.path)
    serve_studies(folder, port=port)


ADDED = AddedOptions(
    (
        page_option(
            "Show the study, or all studies below --out, live in the browser until Ctrl-C. The "
            "printed address can be reached from this computer only."
        ),
        free_port_option("--page"),
    ),
    _run,
)
