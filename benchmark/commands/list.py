"""``defocus-bench list``; ``python -m defocus.benchmark.commands.list`` counts all systems again.

Sizes of the package's own systems are declared, so that listing them builds no network."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.reading import Json

if TYPE_CHECKING:
    from defocus.baselines.card import Baseline
    from defocus.benchmark.commands._settings import SystemListSettings


KINDS = {
    "reference": "references, which restore nothing",
    "classical": "classical, without training",
    "network": "networks, trained with a loss of pixels",
    "objective": "networks with their own training objective",
    "generative": "generative",
}
"""Headings of the groups, in their order."""

SIZES = "parameters.json"

NUMBERS = frozenset({"parameters", "seconds", "MiB", "bf16"})


@help_heading("Systems")
@click.command(name="list", cls=SettingsCommand)
@click.argument("name", required=False)
def command(name: str | None, settings: "SystemListSettings") -> None:
    """List systems, or describe the system NAME.

    The description holds its card, README, parameters and training settings."""
    if name is not None:
        if settings.measure or settings.variants:
            raise click.UsageError(
                "--measure and --variants list all systems; leave NAME out"
            )
        _describe(name, as_json=settings.as_json)
        return
    from defocus.baselines.registry import all_baselines
    from defocus.command_line.json_output import json_output
    from defocus.progress import track

    with json_output() as output:
        systems = [system for _, system in sorted(all_baselines().items())]
        rows = [_row(system) for system in systems]
        if settings.measure:
            measured = track(systems, "measuring at 512x512")
            rows = [
                row | _measured(one) for row, one in zip(rows, measured, strict=True)
            ]
        if settings.as_json:
            output.write(rows)
            return
    _show(rows, variants=settings.variants or settings.measure)


def _describe(name: str, *, as_json: bool) -> None:
    from defocus.baselines.registry import baseline
    from defocus.command_line.json_output import json_output

    with json_output() as output:
        facts = describe(baseline(name))
        if as_json:
            output.write(facts)
            return
    show(facts)


def _row(system: "Baseline") -> Json:
    from defocus.plugins.extensions import plugin_of

    card = system.card
    plugin = plugin_of(system.source_hash)
    return {
        "name": card.name,
        "display_name": card.display_name,
        "kind": card.kind,
        "input": card.input,
        "needs": list(card.needs),
        "status": card.status,
        "variant_of": card.variant_of,
        "published_as": card.published_as,
        "parameters": parameters(system),
        "plugin": str(plugin.path) if plugin else None,
    }


def parameters(system: "Baseline") -> int:
    """Number of parameters of a system: as declared, or counted for systems of others."""
    own = not system.source_hash and not system.is_narrow
    declared = _declared(_place(system)).get(system.card.name) if own else None
    if declared is not None:
        return declared
    from defocus.baselines import size

    return size.parameter_count(system)


def _place(system: "Baseline") -> str:
    """The package that declares a system's size."""
    from defocus.baselines.registry import home_package

    above = home_package(system).rpartition(".")[0]
    return above if above.startswith("defocus.extras.") else "defocus.baselines"


@cache
def _declared(place: str) -> dict[str, int]:
    file = files(place) / SIZES
    if not file.is_file():
        return {}
    sizes: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return sizes


def _declare() -> None:
    from defocus.baselines.registry import all_baselines
    from defocus.baselines.size import parameter_count
    from defocus.storage.files import write_json

    counts: dict[str, dict[str, int]] = {}
    for name, system in all_baselines().items():
        if not system.source_hash:
            counts.setdefault(_place(system), {})[name] = parameter_count(system)
    for place, sizes in counts.items():
        write_json(Path(str(files(place))) / SIZES, sizes)


def _measured(system: "Baseline") -> Json:
    from dataclasses import asdict

    from defocus.benchmark.cost.counting import measure_system
    from defocus.training.devices import best_device

    return asdict(measure_system(system, best_device()))


def _show(rows: list[Json], *, variants: bool) -> None:
    """Print the systems by kind; variants are a number beside their system unless asked for."""
    names = {row["name"] for row in rows}
    shown = [row for row in rows if variants or row["variant_of"] not in names]
    variants_of = Counter(row["variant_of"] for row in rows)
    header, *lines = _aligned(_cells(shown, variants_of))
    click.echo(header)
    _show_kinds(shown, lines)
    hidden = len(rows) - len(shown)
    rest = f", {hidden} of them variants (shown by --variants)" if hidden else ""
    click.echo(f"\n{len(rows)} systems{rest}")


def _show_kinds(rows: list[Json], lines: list[str]) -> None:
    """Print the lines of systems below the heading of their kind."""
    lines_of: dict[str, list[str]] = defaultdict(list)
    for row, line in zip(rows, lines, strict=True):
        lines_of[row["kind"]].append(line)
    for kind, heading in KINDS.items():
        own = lines_of[kind]
        if own:
            click.echo(f"\n{heading} ({len(own)})")
            click.echo("\n".join(own))


def _cells(rows: list[Json], variants_of: Counter[str]) -> list[dict[str, str]]:
    """Cells of the line of each system, by column."""
    with_plugins = any(row["plugin"] for row in rows)
    table = []
    for row in rows:
        cells = {
            "name": row["name"],
            "system": row["display_name"],
            "input": _inputs(row),
            "parameters": f"{row['parameters']:,}",
            "variants": str(variants_of[row["name"]] or ""),
        }
        if with_plugins:
            cells["plug-in"] = Path(row["plugin"] or "").name
        if "seconds" in row:
            difference = row["bf16_difference"]
            cells["seconds"] = f"{row['seconds']:.2f}"
            cells["MiB"] = f"{row['peak_mib']:.0f}"
            cells["bf16"] = "none" if difference is None else f"{difference:.1e}"
        table.append(cells)
    return table


def _inputs(facts: Mapping[str, Any]) -> str:
    return ", ".join([facts["input"], *facts["needs"]])


def _aligned(rows: list[dict[str, str]]) -> Iterator[str]:
    """A line of titles, and a line for each row under them."""
    titles = {title: title for title in rows[0]}
    lines = [titles, *rows]
    widths = {}
    for title in titles:
        widths[title] = max(len(cells[title]) for cells in lines)
    for cells in lines:
        padded = []
        for title, cell in cells.items():
            side = ">" if title in NUMBERS else "<"
            padded.append(f"{cell:{side}{widths[title]}}")
        yield "  ".join(padded).rstrip()


def describe(system: "Baseline") -> Json:
    """The card, README, parameters and training settings of a system."""
    from dataclasses import asdict

    from defocus.baselines.registry import readme
    from defocus.baselines.size import parameter_count
    from defocus.baselines.weights.store import all_weights
    from defocus.plugins.extensions import plugin_of

    plugin = plugin_of(system.source_hash)
    recipe = system.recipe() if system.recipe else None
    return {
        **asdict(system.card),
        "plugin": str(plugin.path) if plugin else None,
        "source_hash": system.source_hash,
        "parameters": parameter_count(system),
        "narrow_parameters": parameter_count(system.narrowed())
        if system.narrow
        else None,
        "recipe": recipe.model_dump(mode="json") if recipe else None,
        "weights": [
            added.to_json() for added in all_weights(system.plain.card.name)[0]
        ],
        "readme": readme(system),
    }


def show(facts: Json) -> None:
    """Print the description of a system."""
    from defocus.reports.display import visible
    from defocus.terminal import markdown_lines, stdout_cells

    width = stdout_cells()
    readme = "\n".join(map(visible, facts["readme"].split("\n")))
    for line in markdown_lines(readme, width):
        click.echo(line)
    _show_facts(_titled(facts), 18, width)
    if facts["recipe"] is not None:
        click.echo("\ntraining:")
        settings = {f"  {key}": _plain(one) for key, one in facts["recipe"].items()}
        _show_facts(settings, 23, width)


def _titled(facts: Json) -> dict[str, str]:
    """The facts of a system's card as people read them, by title."""
    lines = {
        "system": f"{facts['display_name']} ({facts['name']})",
        "follows": facts["follows"],
        "input": _inputs(facts),
    }
    if scales := _scales_words(facts):
        lines["scales"] = scales
    lines["parameters"] = f"{facts['parameters']:,}"
    if copy := facts["narrow_parameters"]:
        lines["narrow copy"] = f"{copy:,} parameters"
    lines["source"] = facts["source"]
    lines["licence"] = facts["licence"]
    trained_on = ", ".join(facts["weights_trained_on"])
    lines["official weights"] = f"trained on {trained_on}" if trained_on else "none"
    if plugin := facts["plugin"]:
        lines["plug-in"] = f"{plugin}, SHA-256 {facts['source_hash'][:16]}"
    labels = [weights["label"] for weights in facts["weights"]]
    lines["weights added"] = ", ".join(labels) or "none"
    return lines


def _scales_words(facts: Mapping[str, Any]) -> str:
    """Up to which blur a network restores and how it is evaluated; empty without scales."""
    from defocus.baselines.registry import baseline
    from defocus.baselines.scales import ENDING, why_not_at_scales

    name, reach = facts["name"], f"up to {facts['reach_px']:g} px of blur at full size"
    if facts["at_scales"]:
        return f"{reach}; evaluated at smaller ones too"
    if why_not_at_scales(baseline(name)):
        return ""
    return f"{reach}; {name}{ENDING} is evaluated at smaller ones too"


def _show_facts(facts: Mapping[str, str], begin: int, width: int) -> None:
    from defocus.terminal import wrapped

    for title, text in facts.items():
        heading = f"{title}:"
        for line in wrapped(text, width - begin):
            click.echo(f"{heading:<{begin}}{line}")
            heading = ""


def _plain(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A setting as people read it; what a table of settings does not set is left out."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        settings = []
        for key, one in value.items():
            if one not in (None, [], {}):
                settings.append(f"{key} {_plain(one)}")
        return ", ".join(settings) or "none"
    if isinstance(value, list):
        between = "; " if any(isinstance(one, dict) for one in value) else " and "
        return between.join(map(_plain, value)) or "none"
    return str(value)


if __name__ == "__main__":
    _declare()
