"""The description of one system, for ``defocus-bench list NAME``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from defocus.reports.text import visible
from defocus.terminal import markdown_lines, wrapped

if TYPE_CHECKING:
    from defocus.baselines.card import Baseline

__all__ = ["describe", "show"]

_WIDTH = 100
"""Columns of the text where stdout is no terminal."""


def describe(system: "Baseline") -> dict[str, Any]:
    """Its card, README, parameters and training settings."""
    from dataclasses import asdict

    from defocus.baselines.registry import readme
    from defocus.baselines.size import parameter_count
    from defocus.baselines.weights.store import all_weights
    from defocus.extensions import plugin_of

    plugin = plugin_of(system.source_hash)
    recipe = system.recipe() if system.recipe else None
    return {
        **asdict(system.card),
        "plugin": str(plugin.path) if plugin else None,
        "source_hash": system.source_hash,
        "parameters": parameter_count(system),
        "narrow_parameters": parameter_count(system.narrowed()) if system.narrow else None,
        "recipe": recipe.model_dump(mode="json") if recipe else None,
        "weights": [added.to_json() for added in all_weights(system.card.name)[0]],
        "readme": readme(system),
    }


def show(facts: dict[str, Any]) -> None:
    """Print the description of a system."""
    import shutil
    import sys

    import click

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    readme = "\n".join(map(visible, facts["readme"].split("\n")))
    for line in markdown_lines(readme, width):
        click.echo(line)
    plugin = facts["plugin"]
    lines = {
        "system": f"{facts['display_name']} ({facts['name']})",
        "follows": facts["follows"],
        "input": ", ".join([facts["input"], *facts["needs"]]),
        "parameters": f"{facts['parameters']:,}",
        **({"narrow copy": f"{copy:,} parameters"} if (copy := facts["narrow_parameters"]) else {}),
        "source": facts["source"],
        "licence": facts["licence"],
        "official weights": _training_sets(facts["weights_trained_on"]),
        **({"plug-in": f"{plugin}, SHA-256 {facts['source_hash'][:16]}"} if plugin else {}),
        "weights added": ", ".join(w["label"] for w in facts["weights"]) or "none",
    }
    _show_facts(lines, 18, width)
    if facts["recipe"] is not None:
        click.echo("\ntraining:")
        _show_facts({f"  {key}": _plain(one) for key, one in facts["recipe"].items()}, 23, width)


def _training_sets(names: list[str]) -> str:
    return f"trained on {', '.join(names)}" if names else "none"


def _show_facts(facts: Mapping[str, str], begin: int, width: int) -> None:
    import click

    for title, text in facts.items():
        for at, line in enumerate(wrapped(text, width - begin)):
            click.echo(f"{'' if at else title + ':':<{begin}}{line}")


def _plain(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A setting as people read it; what a table of settings does not set is left out."""
    if isinstance(value, dict):
        given = {key: one for key, one in value.items() if one not in (None, [], {})}
        words = (f"{key} {_plain(one)}" for key, one in given.items())
        return ", ".join(words) or "none"
    if isinstance(value, list):
        between = "; " if any(isinstance(one, dict) for one in value) else " and "
        return between.join(map(_plain, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
