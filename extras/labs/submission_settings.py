"""Options of ``labs submit``."""

from pathlib import Path

from defocus.benchmark.commands._settings import StudyFolder
from defocus.command_line.options import Folder
from defocus.settings import option


class SubmissionSettings(StudyFolder):
    """The bundle, who submits it, and what it holds."""

    bundle: Path = option(..., "--as")
    """The new bundle; its name ends in .zip."""
    lab: str = option(..., "--lab TEXT")
    """Name of the lab that submits."""
    only: tuple[str, ...] = option((), "--only PATTERN")
    """Systems to submit; repeatable."""
    dataset: str | None = option(None, "--dataset")
    """Dataset of the study, where it has several."""
    hashes_only: bool = option(False, "--hashes-only")
    """Leave the restored pictures out."""
    with_weights: bool = option(False, "--with-weights")
    """Add the weights, so that others can restore again."""
    key: Path | None = option(None, "--key")
    """Ed25519 key without passphrase, as ssh-keygen writes it; by default your own key, made on
    first use."""
    collection: Folder | None = option(None, "--collection")
    """Print the commands that add the bundle to this collection of bundles, and write a patch of
    its repository.toml next to the bundle if that file lacks the lab."""
