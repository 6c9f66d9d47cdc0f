"""``--fiftyone`` and ``--hub`` of the commands that measure pairs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.options import FOLDER, AddedOptions
from defocus.errors import InputError, NotApplicableError
from defocus.extra_packages import require

if TYPE_CHECKING:  # heavy at run time
    from defocus.extras.viewers.table import AuditedDataset


def export_options() -> tuple[click.Option, ...]:
    """The two options."""
    fiftyone = click.Option(
        ["--fiftyone"],
        type=FOLDER,
        help="Also write the pairs to this new folder as a grouped data set of FiftyOne, with the "
        "measurements as fields.",
    )
    hub = click.Option(
        ["--hub"],
        type=FOLDER,
        help="Also write the pairs to this new folder as the Hugging Face hub's viewer shows them, "
        "with the measurements as columns.",
    )
    return fiftyone, hub


def with_exports(audited: "Callable[[dict[str, Any]], AuditedDataset]") -> AddedOptions:
    """The two options for a command; ``audited`` makes the measured dataset of its parameters."""

    def run(
        own: Callable[..., object],
        *,
        fiftyone: Path | None,
        hub: Path | None,
        **asked: Any,  # noqa: ANN401 - click's
    ) -> object:
        if fiftyone is None and hub is None:
            return own(**asked)
        require_ready(fiftyone, hub)
        try:
            code = own(**asked)
        except NotApplicableError:
            # no pair is accepted, which is when one wants to look
            export(audited(asked), fiftyone, hub)
            raise
        return max(int(str(code)), export(audited(asked), fiftyone, hub))

    return AddedOptions(export_options(), run, heading="Output")


def require_ready(fiftyone: Path | None, hub: Path | None) -> None:
    """Refuse folders with anything in them, and a missing package, before anything is measured."""
    if hub is not None:
        require("pyarrow", "parquet", "18")
    for folder in (fiftyone, hub):
        if folder is not None and folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder}: not empty; give a new folder")


def export(audited: "AuditedDataset", fiftyone: Path | None, hub: Path | None) -> int:
    """Write the folders that were asked for; return 1 if a pair is not in them, else 0."""
    from defocus.extras.viewers import fiftyone_folder, hub_folder

    code = 0
    if fiftyone is not None:
        write = partial(fiftyone_folder.write_fiftyone, name=audited.dataset.name)
        code |= _written(audited, fiftyone, fiftyone_folder.PLACE, write)
        _say_how(
            "import fiftyone as fo",
            fiftyone_folder.LOAD.format(folder=str(fiftyone)),
        )
    if hub is not None:
        code |= _written(audited, hub, hub_folder.PLACE, hub_folder.write_hub)
        _say_how("import datasets", hub_folder.LOAD.format(folder=str(hub)))
    return code


def _written(
    audited: "AuditedDataset",
    out: Path,
    place: str,
    write: Callable[..., None],
) -> int:
    """Write a folder with the pictures, and its tables by ``write``; 1 if a pair is left out."""
    from defocus.cache import atomic_folder
    from defocus.extras.viewers.table import shown_pairs
    from defocus.processes.isolation import parted, say_left_out

    if out.is_dir():
        out.rmdir()  # it is empty
    with atomic_folder(out) as folder:
        pairs, left_out = parted(shown_pairs(audited, folder, place))
        if not pairs:
            raise InputError(f"{out}: no pair of {audited.dataset.name} can be read")
        write(folder, pairs=pairs, fields=audited.field_names)
    say_left_out(left_out, audited.dataset.total, "pair")
    return int(bool(left_out))


def _say_how(first: str, second: str) -> None:
    from defocus.progress import say

    say(f"open it in Python: {first}; {second}")
