"""Settings of ``helsinki``, as typed. It imports nothing heavy."""

from defocus.command_line.options import Folder
from defocus.settings import JSON, CommandSettings, option


class HelsinkiSettings(CommandSettings):
    """Options of ``helsinki``."""

    restored: Folder | None = option(None, "--restored")
    """Folder of the restored pictures."""
    dataset: str | None = option(None, "--dataset hdc2021:DIR")
    """The challenge's pictures and texts."""
    text_free: Folder | None = option(None, "--text-free")
    """Folder of the restored pictures of --make-text-free."""
    make_text_free: Folder | None = option(None, "--make-text-free")
    """Write blurry pictures without text, to be restored, then exit."""
    as_json: bool = JSON
