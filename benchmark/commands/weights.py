"""``defocus-bench weights``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import FOLDER, OneOf
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import VerbGroup, help_heading
from defocus.reading import Json

if TYPE_CHECKING:
    from defocus.baselines.weights.store import StoredWeights
    from defocus.benchmark.commands._settings import (
        AddSettings,
        FetchWeightsSettings,
        ShipSettings,
        WeightsListSettings,
    )

BACKBONE_OF = {
    "lpips": "alex",
    "lpips_vgg": "vgg",
    "lpips_squeeze": "squeeze",
    "dists": "vgg",
    "maniqa": "maniqa",
}
"""Metrics that need the file of a network."""


@help_heading("Systems")
@click.group(name="weights", cls=VerbGroup)
def command() -> None:
    """Add, list, check, fetch and ship weights.

    Files can be official weights or checkpoints of a study. A file is read in a separate process,
    without running code in it, and is stored as safetensors in the cache folder. 'evaluate' and
    'restore' then find it by its label.
    """


@command.command(name="list", cls=SettingsCommand)
def list_command(settings: "WeightsListSettings") -> int:
    """List stored weights.

    The list shows licence, training datasets and hash. The exit code is 1 if a card is damaged."""
    from defocus.baselines.weights.store import all_weights
    from defocus.command_line.json_output import json_output
    from defocus.progress import say

    stored, damaged = all_weights()
    for error in damaged.values():
        say(str(error), error=True)
    if settings.as_json:
        with json_output() as output:
            output.write([each.to_json() for each in stored])
    else:
        for each in stored:
            _show(each)
        if not stored:
            click.echo("none; add a file with: defocus-bench weights add NAME FILE")
    return int(bool(damaged))


@command.command(name="add", cls=SettingsCommand)
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def add_command(name: str, files: tuple[Path, ...], settings: "AddSettings") -> None:
    """Check and store weights of the system NAME.

    FILES end in .pth, .pth.tar, .pt, .pkl, .ckpt, .npz, .h5, .hdf5 or .safetensors. Give all
    files, or their folder, if the authors keep each module in a separate file.
    """
    from defocus.baselines.registry import plain_baseline
    from defocus.baselines.weights.store import add_weights
    from defocus.command_line.json_output import json_output

    with json_output() as output:
        stored = add_weights(
            plain_baseline(name),
            files,
            settings.label,
            settings.trained_on,
            settings.key,
        )
        if settings.as_json:
            output.write(stored.to_json())
            return
    _show(stored)


@command.command(name="check", cls=SettingsCommand)
@click.argument("names", nargs=-1, metavar="[NAME]...")
def check_command(names: tuple[str, ...], settings: "WeightsListSettings") -> int:
    """Check stored weights.

    Hash, names, shapes and finite numbers are checked.

    NAME is a system; without NAME all are checked. The exit code is 1 if a check fails.
    """
    from defocus.baselines.registry import plain_baseline
    from defocus.command_line.json_output import json_output

    wanted = {plain_baseline(name).card.name for name in names}
    with json_output() as output:
        rows = _checked(wanted)
        if settings.as_json:
            output.write(rows)
    sound = [row for row in rows if row["ok"]]
    if not settings.as_json:
        for row in rows:
            click.echo(f"{row['system']} {row['label']}: {row['reason'] or 'ok'}")
        click.echo(f"{len(sound)} of {len(rows)} ok")
    return int(len(sound) < len(rows))


def _checked(wanted: set[str]) -> list[Json]:
    """A row for the stored weights of each wanted system, or of all: whether they are sound."""
    from defocus.baselines.registry import plain_baseline
    from defocus.baselines.weights.store import all_weights, load_state
    from defocus.errors import DefocusError

    every, damaged = all_weights()
    rows: list[Json] = []
    for card, error in damaged.items():
        system = card.parent.name
        if not wanted or system in wanted:
            facts = {"system": system, "label": card.stem}
            rows.append({**facts, "ok": False, "reason": str(error)})
    for stored in every:
        if wanted and stored.system not in wanted:
            continue
        reason = ""
        try:
            load_state(plain_baseline(stored.system), stored)
        except DefocusError as error:
            reason = str(error)
        rows.append({**stored.to_json(), "ok": not reason, "reason": reason})
    return rows


@command.command(name="fetch", cls=SettingsCommand)
@click.argument("metric", type=OneOf(sorted(BACKBONE_OF)))
def fetch_command(metric: str, settings: "FetchWeightsSettings") -> None:
    """Download the weights of METRIC.

    LPIPS needs a torchvision network that no package contains: AlexNet (244 MB), or optionally
    VGG-16 (528 MB), which DISTS needs too, or SqueezeNet (5 MB). MANIQA needs the weights that its
    authors trained on KonIQ-10k (543 MB). The file's hash is checked, and the file is stored where
    torch looks for it. On a computer without internet, copy the file from another computer and pass
    it with --from.
    """
    from defocus.baselines.weights.backbone_files import BACKBONES, fetch, is_intact
    from defocus.progress import say

    file = BACKBONES[BACKBONE_OF[metric]]
    source = settings.source
    if is_intact(file) and source is None:
        say(f"{metric}: {file.path} is in place and intact")
        return
    say(f"{metric}: fetching {source or file.url}")
    say(f"{metric}: wrote {fetch(file, source)}")


@command.command(name="ship", cls=SettingsCommand)
@click.argument("name")
@click.argument("run", type=FOLDER)
def ship_command(name: str, run: Path, settings: "ShipSettings") -> None:
    """Ship the weights of a training.

    NAME is a system of this package, RUN the folder of its training, OUT/runs/ID. The weights
    become part of the package, in half precision. For an unfinished training, the average so far is
    used.
    """
    from defocus.baselines.registry import plain_baseline
    from defocus.baselines.weights.shipping import ship_weights

    path = ship_weights(plain_baseline(name), run, settings.out)
    click.echo(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, and {path.stem}.json beside it"
    )


def _show(stored: "StoredWeights") -> None:
    trained_on = ", ".join(stored.trained_on) or "not known"
    click.echo(f"{stored.system}  {stored.label}  ({_origin_words(stored)})")
    click.echo(f"  trained on: {trained_on}")
    click.echo(f"  licence:    {stored.licence}")
    click.echo(
        f"  from:       {', '.join(stored.source)}, SHA-256 {stored.source_sha256}"
    )
    click.echo(f"  kept as:    {stored.path}")


def _origin_words(stored: "StoredWeights") -> str:
    """Where weights come from, in words."""
    from defocus.baselines.weights.released import AUTHORS, released

    if stored.origin == "own":
        return "shipped with this package"
    if stored.origin == "trained":
        return "a checkpoint of ours"
    if released(stored.system, stored.source):
        return f"passed on by {AUTHORS}"
    return "taken as its authors' own"
