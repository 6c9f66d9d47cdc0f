"""defocus-data publish."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FOLDER
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.extra_packages import require

if TYPE_CHECKING:
    from defocus.extras.publish.commands._settings import PublishSettings

ENDPOINTS = {
    "zenodo": "https://sandbox.zenodo.org",
    "huggingface": "https://huggingface.co",
}
TOKENS = {"zenodo": "ZENODO_TOKEN", "huggingface": "HF_TOKEN"}


@help_heading("Keep")
@click.command(cls=SettingsCommand)
@click.argument("folder", metavar="DIR", type=FOLDER)
def command(folder: Path, settings: "PublishSettings") -> None:
    """Upload the release DIR as a private draft.

    Every byte is verified first. The command refuses pictures made by others, and releases whose
    card names no licence, no authors or does not mention faces. Zenodo reserves a DOI
    first, which appears in the documents that are uploaded. The token is read from ZENODO_TOKEN or
    HF_TOKEN.
    """
    if settings.target == "huggingface" and settings.repository is None:
        raise click.UsageError("--to huggingface needs --repository OWNER/NAME")
    if settings.dry_run and settings.publish:
        raise click.UsageError("--dry-run cannot be combined with --publish")
    if settings.as_json:
        with json_output() as output:
            output.write(_published(folder, settings))
        return
    release = _published(folder, settings)
    if settings.dry_run:
        click.echo(_plan_text(release))
        return
    state = "published" if release["published"] else "draft; --publish publishes it"
    doi = f", doi:{release['doi']}" if release["doi"] else ""
    click.echo(f"{release['url']}: {state}{doi}")


def _plan_text(plan: dict[str, Any]) -> str:
    """Fields and files that would be sent, one line each."""
    lines = [f"to {plan['endpoint']}, as a private draft:"]
    lines += [f"  {name}: {value}" for name, value in plan["metadata"].items()]
    lines += [f"  {name}: {size} bytes" for name, size in plan["files"].items()]
    return "\n".join([*lines, "nothing was sent"])


def _published(folder: Path, settings: "PublishSettings") -> dict[str, Any]:
    from defocus.extras.publish.draft import ready_release, require_safe_address, secret

    address = require_safe_address(settings.endpoint or ENDPOINTS[settings.target])
    draft = ready_release(folder)
    if settings.target == "zenodo":
        require("httpx", "publish")
        from defocus.extras.publish import zenodo

        zenodo.require_size(draft)
        if settings.dry_run:
            return {
                "endpoint": address,
                "published": False,
                **zenodo.plan(draft),
            }
        return zenodo.draft_on_zenodo(
            draft,
            address,
            secret(TOKENS[settings.target]),
            publish=settings.publish,
        )
    from defocus.extras.publish import hub

    place = hub.checked_repository(settings.repository or "")
    if settings.dry_run:
        return {
            "endpoint": address,
            "published": False,
            **hub.plan(draft, place),
        }
    return hub.draft_on_hub(
        draft,
        address,
        secret(TOKENS[settings.target]),
        place,
        publish=settings.publish,
    )
