"""Options of ``publish``."""

from typing import Literal

from defocus.settings import JSON, CommandSettings, option


class PublishSettings(CommandSettings):
    """Where a release is published, and how far."""

    target: Literal["zenodo", "huggingface"] = option(..., "--to")
    """Server that hosts the release."""
    endpoint: str | None = option(None, "--endpoint")
    """Address of the server; for zenodo the default is the sandbox, and the real server is
    https://zenodo.org."""
    repository: str | None = option(None, "--repository OWNER/NAME")
    """Target repository on huggingface."""
    publish: bool = option(False, "--publish")
    """Publish the draft; this cannot be undone."""
    dry_run: bool = option(False, "--dry-run")
    """Check the release and print what would be sent; needs no token."""
    as_json: bool = JSON
