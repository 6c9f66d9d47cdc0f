"""defocus-data publish."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.commands import json_output

__all__ = ["command"]

ENDPOINTS = {"zenodo": "https://sandbox.zenodo.org", "huggingface": "https://huggingface.co"}
TOKENS = {"zenodo": "ZENODO_TOKEN", "huggingface": "HF_TOKEN"}


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--to",
    "server",
    type=click.Choice(list(ENDPOINTS)),
    required=True,
    help="Server that hosts the release.",
)
@click.option(
    "--endpoint",
    help="Address of the server; for zenodo the default is the sandbox, and the real server is "
    "https://zenodo.org.",
)
@click.option("--repository", metavar="OWNER/NAME", help="Target repository on huggingface.")
@click.option("--publish", is_flag=True, help="Publish the draft; this cannot be undone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool, **settings: Any) -> None:  # noqa: ANN401 - what click parsed
    """Upload the release DIR as a private draft.

    Every byte is verified first. The command refuses pictures made by others, and releases whose
    card names no licence, no authors or does not mention faces. The token is read from ZENODO_TOKEN
    or HF_TOKEN.
    """
    if settings["server"] == "huggingface" and settings["repository"] is None:
        raise click.UsageError("--to huggingface needs --repository OWNER/NAME")
    if as_json:
        with json_output() as output:
            output.write(_published(**settings))
        return
    done = _published(**settings)
    state = "published" if done["published"] else "draft; --publish publishes it"
    click.echo(f"{done['url']}: {state}")


def _published(
    *, folder: Path, server: str, endpoint: str | None, repository: str | None, publish: bool
) -> dict[str, Any]:
    from defocus.datasets.publishing.draft import ready_release, require_safe_address, secret

    address = require_safe_address(endpoint or ENDPOINTS[server])
    token = secret(TOKENS[server])
    draft = ready_release(folder)
    if server == "zenodo":
        from defocus.datasets.publishing.zenodo import draft_on_zenodo

        return draft_on_zenodo(draft, address, token, publish=publish)
    from defocus.datasets.publishing.hub import draft_on_hub

    return draft_on_hub(draft, address, token, repository or "", publish=publish)
